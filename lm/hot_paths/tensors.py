"""Tensors on their way to and from the hot paths. A structure is a tensor or a nest of tuples and lists of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lm.training.trainer import Gradients


def put(arrays: Any, device: str) -> Any:
    """Copies a structure of NumPy arrays to a device as tensors; a tensor in it stays where it is."""
    with tf.device(device):
        return tf.nest.map_structure(lambda value: value if tf.is_tensor(value) else tf.constant(value), arrays)


def moved(tensors: Any, device: str) -> Any:
    """Copies a structure of tensors to a device."""
    with tf.device(device):
        return tf.nest.map_structure(tf.identity, tensors)


def dataset(batches: Sequence[Any]) -> tf.data.Dataset:
    """Returns a tf.data pipeline over batches, which are equal structures of NumPy arrays."""
    stacked = tf.nest.map_structure(lambda *arrays: np.stack(arrays), *batches)
    return tf.data.Dataset.from_tensor_slices(stacked).prefetch(2)


def scaled(gradients: Gradients, factor: float) -> list[tf.Tensor | tf.IndexedSlices]:
    """Returns gradients times a factor; IndexedSlices stay sparse."""
    return [
        tf.IndexedSlices(factor * gradient.values, gradient.indices, gradient.dense_shape)
        if isinstance(gradient, tf.IndexedSlices)
        else factor * gradient
        for gradient in gradients
    ]


def dense(gradients: Gradients) -> list[tf.Tensor]:
    """Returns gradients with IndexedSlices as whole tensors, duplicate ids added up by TensorFlow."""
    return [tf.convert_to_tensor(gradient) for gradient in gradients]
