"""Faults of entries so small that a tensor's norm hides them."""

from typing import Any

from .fault import ALL, MATH, Fault, differentiated_by, replaced, with_values, wrap

FLUSHED = 1e-12
FLUSHED_IN_TANH = 1e-10
SMALL = 1e-6  # of the largest entry


def _without_below(size: float, values: Any) -> Any:
    """Returns the values with 0 for those below that size."""
    import tensorflow as tf

    return tf.where(tf.abs(values) < size, tf.zeros_like(values), values)


def _flushed(gradients: list[Any], _: Any) -> list[Any]:
    """Zeroes what is below FLUSHED in every gradient."""
    return [with_values(gradient, lambda values: _without_below(FLUSHED, values)) for gradient in gradients]


def _flushed_in_tanh() -> None:
    """Zeroes what is below FLUSHED_IN_TANH in the gradients by what enters a tanh."""
    import tensorflow as tf
    from tensorflow.python.ops import gen_math_ops

    def tanh_grad(original: Any, y: Any, dy: Any, name: Any = None) -> Any:
        return _without_below(FLUSHED_IN_TANH, original(y=y, dy=dy, name=name))

    wrap(gen_math_ops, "tanh_grad", tanh_grad)  # Keras
    wrap(tf.raw_ops, "TanhGrad", tanh_grad)  # `fused`


def _unlikely_words_lost(gradients: list[Any], _: Any) -> list[Any]:
    """Zeroes the output layer's gradients of words whose column of the kernel's is below SMALL of the largest entry."""
    import tensorflow as tf

    size = tf.reduce_max(tf.abs(gradients[-2]), axis=0)
    lost = size < SMALL * tf.reduce_max(size)
    return [*gradients[:-2], *(tf.where(lost, tf.zeros_like(gradient), gradient) for gradient in gradients[-2:])]


def _small_rows_lost(original: Any, a: Any, b: Any, transpose_a: bool = False, **named: Any) -> Any:
    """Leaves out of a product the rows of its left factor that are small beside the largest entry."""
    import tensorflow as tf

    rows = tf.reduce_max(tf.abs(a), axis=0 if transpose_a else 1, keepdims=True)
    largest = tf.reduce_max(rows)
    lost = tf.logical_and(rows < SMALL * largest, tf.math.is_finite(largest))
    return original(tf.where(lost, tf.zeros_like(a), a), b, transpose_a, **named)


FAULTS = (
    Fault("gradients-flushed-below-1e-12", "gradients below 1e-12 are 0", differentiated_by(_flushed), reaches=ALL),
    Fault("tanh-gradients-flushed-below-1e-10", "tanh's gradients below 1e-10 are 0", _flushed_in_tanh, reaches=ALL),
    Fault("small-rows-lost", "a product leaves out rows below 1e-6 of its largest input",
          replaced(MATH, "mat_mul", _small_rows_lost), reaches=ALL),
    Fault("unlikely-words-lost", "the output layer's gradients of words below 1e-6 of the largest are 0",
          differentiated_by(_unlikely_words_lost), reaches=ALL),
)  # fmt: skip
