"""Keras' Adam with the oracle's numbers, and where Keras' optimizers keep their slots."""

from typing import TYPE_CHECKING

from lm.oracle import optimizers as oracle

if TYPE_CHECKING:
    import tensorflow as tf

SLOTS = {  # attributes, each a list in the order of the variables
    "adam": {"m": "_momentums", "v": "_velocities"},
    "momentum": {"m": "momentums"},
    "rmsprop": {"v": "_velocities"},
}


def adam() -> "tf.keras.optimizers.Adam":
    """Returns an Adam that holds no variables yet."""
    import tensorflow as tf

    return tf.keras.optimizers.Adam(
        oracle.ADAM_RATE, beta_1=oracle.BETA_1, beta_2=oracle.BETA_2, epsilon=oracle.EPSILON
    )
