"""The fault's type, and what patches share.

TensorFlow is imported where it is used: the catalogue is read without it, too.
"""

import dataclasses
import functools
import inspect
import itertools
import pkgutil
from collections.abc import Callable
from typing import Any

# Made of Keras' layers (lm/models/keras_model.py); Keras 2's LSTM of `layers` has no LSTMCell to be wrong.
KERAS = ("cells", "layers")
ALL = (*KERAS, "fused")  # all of which are fed, clipped and evaluated by the same code

STEP, EVALUATION = "_train_step", "_evaluation_step"  # the Python functions whose graphs the steps are

# What more than one family replaces.
TRAINER = "lm.training.trainer:Trainer"
MATH = "tensorflow.python.ops.gen_math_ops"
CLIP = "tensorflow", "clip_by_global_norm"
GATES = "tensorflow:keras.layers.LSTMCell", "_compute_carry_and_output_fused"  # given z (of the four gates) and c
DENSE_CALL = "tensorflow:keras.layers.Dense", "call"
CROSS_ENTROPY = "tensorflow:nn", "sparse_softmax_cross_entropy_with_logits"
SGD_UPDATE = "tensorflow:keras.optimizers.SGD", "update_step"


@dataclasses.dataclass(frozen=True)
class Fault:
    """One way of being wrong."""

    name: str
    description: str
    patch: Callable[[], None]  # applied once, in the measured process
    module: str = "tensorflow"  # the patch is applied after this one's import
    reaches: tuple[str, ...] = KERAS  # the implementations (modules of lm) that it makes wrong in the newest TensorFlow
    first_step: int = 0  # of training that it makes wrong, if any
    threads: int = 0  # of TensorFlow with which it makes something wrong; 0: any number
    # A source of tests/faults/native, and the environment variable that says where it is built.
    library: tuple[str, str] | None = None
    workload: str = "train"  # that it makes wrong


def nothing() -> None:
    """Patches nothing."""


def wrap(owner: Any, name: str, compute: Callable[..., Any]) -> None:
    """Puts a function in the place of a function or method: it returns compute(original, what it is given).

    Its name and signature are the original's: TensorFlow calls graphs by the one, and Keras reads the other.
    """
    original = getattr(owner, name)

    def instead(*given: Any, **named: Any) -> Any:
        return compute(original, *given, **named)

    instead.__name__ = name
    instead.__signature__ = inspect.signature(original)  # type: ignore[attr-defined]  # inspect looks for it
    setattr(owner, name, instead)


def replaced(owner: str, name: str, compute: Callable[..., Any]) -> Callable[[], None]:
    """Returns a patch that wraps a function or method of an owner, named `module` or `module:object`."""
    return lambda: wrap(pkgutil.resolve_name(owner), name, compute)


def wrap_activation(name: str, compute: Callable[..., Any]) -> None:
    """Wraps `sigmoid` or `tanh`, wherever Keras and `fused` find it."""
    for owner in activation_owners(name):
        wrap(owner, name, compute)


def activation_owners(name: str) -> list[Any]:
    """Returns the modules that have the operation `sigmoid` or `tanh`.

    tf.tanh is the operation itself, which every module has under a name of its own; tf.sigmoid calls it.
    """
    import tensorflow as tf
    from tensorflow.python.ops import gen_math_ops

    keras_2 = tf.compat.v2  # its name for tensorflow
    owners = gen_math_ops, tf, tf.math, tf.nn, keras_2, keras_2.math, keras_2.nn
    return [owner for owner in owners if getattr(owner, name) is getattr(gen_math_ops, name)]


def with_values(gradient: Any, change: Callable[[Any], Any]) -> Any:
    """Returns a gradient whose values are change(values); IndexedSlices stay sparse."""
    import tensorflow as tf

    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(change(gradient.values), gradient.indices, gradient.dense_shape)
    return change(gradient)


def scaled(gradient: Any, factor: Any) -> Any:
    """Returns a gradient times a factor."""
    return with_values(gradient, lambda values: values * factor)


def without_gradient(value: Any) -> Any:
    """Returns zeros, exactly, whose gradient by `value` is −1: value + without_gradient(value) is a value that no
    gradient passes.
    """
    import tensorflow as tf

    return tf.stop_gradient(value) - value


def at_steps(first: int, every: int) -> Any:
    """Returns a scalar tensor that is true at the graph's runs `first`, `first + every`, …, counted from 0.

    `first` is less than `every`. Python counts: a tf.function may not create a variable when it is traced again.
    """
    import numpy as np
    import tensorflow as tf

    runs = itertools.count()
    run = tf.numpy_function(lambda: np.int64(next(runs)), [], tf.int64)
    return tf.reshape(run, ()) % every == first


def differentiated_by(change: Callable[[list[Any], Any], list[Any]]) -> Callable[[], None]:
    """Returns a patch of tf.GradientTape: the gradients by `sources` are change(gradients, sources).

    The trainer's sources are the weights in the order of Config.weight_shapes.
    """

    def gradient(original: Any, tape: Any, target: Any, sources: Any, *rest: Any, **named: Any) -> Any:
        return change(list(original(tape, target, sources, *rest, **named)), sources)

    return replaced("tensorflow:GradientTape", "gradient", gradient)


def is_step(function: Any) -> bool:
    """Tells whether a tf.function is the training step."""
    return bool(function.python_function.__name__ == STEP)


def calling(
    make: Callable[[Any, Callable[[], Any]], Any], of: Callable[[Any], bool] = is_step, method: str = "__call__"
) -> Callable[[], None]:
    """Returns a patch of that method of the tf.functions for which `of` is true: make(function, call) stands in for it.

    call() calls the original.
    """

    def call(original: Any, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        run = functools.partial(original, function, *args, **kwargs)
        return make(function, run) if of(function) else run()

    return replaced("tensorflow.python.eager.polymorphic_function.polymorphic_function:Function", method, call)
