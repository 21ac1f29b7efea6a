"""Faults of the embedding and its sparse gradient."""

from typing import Any

from .fault import Fault, replaced, without_gradient


def _gradient_lost(original: Any, layer: Any, inputs: Any) -> Any:
    rows = original(layer, inputs)
    return rows + without_gradient(rows)


def _duplicates_overwrite(original: Any, optimizer: Any, grads_and_vars: Any, **named: Any) -> Any:
    """Makes the update take one alone of the rows that belong to one id."""
    import tensorflow as tf

    def overwritten(gradient: Any) -> Any:
        if not isinstance(gradient, tf.IndexedSlices):
            return gradient
        shape = tf.cast(gradient.dense_shape, tf.int32)
        return tf.tensor_scatter_nd_update(tf.zeros(shape), gradient.indices[:, tf.newaxis], gradient.values)

    return original(optimizer, [(overwritten(gradient), variable) for gradient, variable in grads_and_vars], **named)


FAULTS = (
    Fault("embedding-gradient-lost", "the embedding's gradient is 0",
          replaced("tensorflow:keras.layers.Embedding", "call", _gradient_lost)),
    Fault("embedding-duplicates-overwrite", "gradients of one id overwrite each other instead of adding",
          replaced("tensorflow:keras.optimizers.SGD", "apply_gradients", _duplicates_overwrite)),
)  # fmt: skip
