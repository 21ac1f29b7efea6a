"""Shows whether the mask of padded sequences goes on behind Keras' RNNs: docs/releases.md.

PYTHONPATH=. python -m experiments.rnn_masks, in an environment with TensorFlow; ten seconds. What is masked counts
nowhere, so that a padded sequence must give what it gives without padding.
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

LAYERS = tf.keras.layers
PADDED = np.array([[3, 5, 2, 0, 0, 0]])
LENGTH = 3


def last_state(first: Callable[[], tf.keras.layers.Layer]) -> tuple[float, ...]:
    """Returns the norm of an LSTM's last state behind another layer, of the sequence with padding and without."""
    model = tf.keras.Sequential([LAYERS.Embedding(10, 8, mask_zero=True), first(), LAYERS.LSTM(8)])
    return tuple(float(np.linalg.norm(model(tf.constant(ids)))) for ids in (PADDED, PADDED[:, :LENGTH]))


def masking() -> tf.keras.layers.Layer:
    """Returns an LSTM that hands the mask on, whatever Keras' default."""
    layer = LAYERS.LSTM(8, return_sequences=True)
    layer.supports_masking = True
    return layer


def loss() -> tuple[float, ...]:
    """Returns the loss that `evaluate` reports of an LSTM's outputs, of the sequence with padding and without."""
    model = tf.keras.Sequential(
        [LAYERS.Embedding(10, 8, mask_zero=True), LAYERS.LSTM(8, return_sequences=True), LAYERS.Dense(1)]
    )
    model.compile(loss="mse")
    wanted = np.where(PADDED, 1.0, 100.0)[..., None]  # of what is masked nothing is learned
    told = (model.evaluate(PADDED[:, :end], wanted[:, :end], verbose=0) for end in (None, LENGTH))
    return tuple(float(value) for value in told)


def main() -> None:
    """Prints each with padding and without; they are equal where the mask goes on."""
    tf.keras.utils.set_random_seed(0)
    found = {
        "last state behind an LSTM": last_state(lambda: LAYERS.LSTM(8, return_sequences=True)),
        "last state behind a bidirectional LSTM": last_state(
            lambda: LAYERS.Bidirectional(LAYERS.LSTM(4, return_sequences=True))
        ),
        "last state behind an LSTM whose supports_masking was set": last_state(masking),
        "loss of an LSTM": loss(),
    }
    print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}")
    for name, (padded, without) in found.items():
        print(f"{name}: {padded:.6g} with padding, {without:.6g} without")


if __name__ == "__main__":
    main()
