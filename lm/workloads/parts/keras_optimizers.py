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

    given = oracle.ADAM
    return tf.keras.optimizers.Adam(given.rate, beta_1=given.beta_1, beta_2=given.beta_2, epsilon=given.epsilon)
