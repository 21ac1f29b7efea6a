"""The fault's type, and what patches share.

TensorFlow is imported where it is used: the catalogue is read without it, too.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

KERAS = (
    "cells",
    "layers",
)  # made of Keras' layers (lm/models/keras_model.py); Keras 2's LSTM of `layers` has no LSTMCell to be wrong
ALL = (*KERAS, "fused")  # all of which are fed, clipped and evaluated by the same code


@dataclasses.dataclass(frozen=True)
class Fault:
    """One way of being wrong."""

    name: str
    description: str
    patch: Callable[[], None]  # applied once, in the measured process
    module: str = "tensorflow"  # the patch is applied after this one's import
    reaches: tuple[str, ...] = KERAS  # the implementations (modules of lm) that it makes wrong in the newest TensorFlow


def wrap(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Puts make(original) in the place of a function or method.

    The new one needs the old one's parameter names: Keras reads them.
    """
    setattr(owner, name, make(getattr(owner, name)))


def scaled(gradient: Any, factor: Any) -> Any:
    """Returns a gradient times a factor; IndexedSlices stay sparse."""
    import tensorflow as tf

    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(gradient.values * factor, gradient.indices, gradient.dense_shape)
    return gradient * factor


def without_gradient(value: Any) -> Any:
    """Returns zeros, exactly, whose gradient by `value` is −1: value + without_gradient(value) is a value that no
    gradient passes.
    """
    import tensorflow as tf

    return tf.stop_gradient(value) - value
