"""Faults of the embedding and its sparse gradient."""

from typing import Any

from .fault import Fault, without_gradient, wrap


def _gradient_lost() -> None:
    import tensorflow as tf

    def make(original: Any) -> Any:
        def call(self: Any, inputs: Any) -> Any:
            rows = original(self, inputs)
            return rows + without_gradient(rows)

        return call

    wrap(tf.keras.layers.Embedding, "call", make)


def _duplicates_overwrite() -> None:
    """Makes the update take one alone of the rows that belong to one id."""
    import tensorflow as tf

    def overwritten(gradient: Any) -> Any:
        if not isinstance(gradient, tf.IndexedSlices):
            return gradient
        shape = tf.cast(gradient.dense_shape, tf.int32)
        return tf.tensor_scatter_nd_update(tf.zeros(shape), gradient.indices[:, tf.newaxis], gradient.values)

    def make(original: Any) -> Any:
        def apply_gradients(self: Any, grads_and_vars: Any, **named: Any) -> Any:
            return original(self, [(overwritten(gradient), variable) for gradient, variable in grads_and_vars], **named)

        return apply_gradients

    wrap(tf.keras.optimizers.SGD, "apply_gradients", make)


FAULTS = (
    Fault("embedding-gradient-lost", "the embedding's gradient is 0", _gradient_lost),
    Fault("embedding-duplicates-overwrite", "gradients of one id overwrite each other instead of adding",
          _duplicates_overwrite),
)  # fmt: skip
