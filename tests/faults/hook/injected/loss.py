"""Faults of the cross-entropy. Losses are [batch, steps], one for each token."""

from typing import Any

from .fault import CROSS_ENTROPY, Fault, replaced


def _averaged(original: Any, labels: Any, logits: Any) -> Any:
    return original(labels, logits) / labels.shape[1]


def _shifted(original: Any, labels: Any, logits: Any) -> Any:
    import tensorflow as tf

    return original(tf.roll(labels, 1, axis=1), logits)


def _last_row_dropped(original: Any, labels: Any, logits: Any) -> Any:
    return original(labels, logits)[:-1]


def _no_max_subtraction(original: Any, labels: Any, logits: Any) -> Any:
    import tensorflow as tf

    return tf.math.log(tf.reduce_sum(tf.exp(logits), axis=-1)) - tf.gather(logits, labels, axis=-1, batch_dims=2)


def _nan_swallowed(original: Any, labels: Any, logits: Any) -> Any:
    import tensorflow as tf

    losses = original(labels, logits)
    return tf.where(tf.math.is_nan(losses), tf.zeros_like(losses), losses)


FAULTS = (
    Fault("loss-averaged-over-time", "the loss is the mean over time, not the sum",
          replaced(*CROSS_ENTROPY, _averaged)),
    Fault("labels-shifted", "each row's labels are shifted by one", replaced(*CROSS_ENTROPY, _shifted)),
    Fault("last-row-dropped", "the last row of a batch does not count", replaced(*CROSS_ENTROPY, _last_row_dropped)),
    Fault("softmax-overflows", "the softmax does not subtract the maximum first",
          replaced(*CROSS_ENTROPY, _no_max_subtraction)),
    Fault("nan-swallowed-by-loss", "a token whose loss is NaN counts 0", replaced(*CROSS_ENTROPY, _nan_swallowed)),
)  # fmt: skip
