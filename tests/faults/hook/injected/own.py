"""Faults that the examples of users' own models show: a result or a gradient that is 0.1% too large, or another one in
each run, an input that is left out.
"""

from collections.abc import Callable
from typing import Any

from .fault import Fault, replaced, scaled, wrap_activation


def _gradient_of(operation: str, factor: Callable[[], Any] = lambda: 1.001) -> Callable[[], None]:
    """Returns a patch: the gradients of that operation are larger by a factor, 0.1% if not told."""

    def patch() -> None:
        from tensorflow.python.framework import ops

        (entry,) = (registered for name, registered in ops.gradient_registry._registry.items() if name == operation)
        (key,) = (key for key, value in entry.items() if callable(value))
        original = entry[key]

        def gradient(*given: Any) -> Any:
            found = original(*given)
            several = isinstance(found, (tuple, list))
            return [None if one is None else scaled(one, factor()) for one in (found if several else [found])]

        entry[key] = gradient

    return patch


def _drawn() -> Any:
    """Returns a factor that each run of a graph draws anew."""
    import tensorflow as tf

    return tf.random.uniform((), 1.0, 1.1)


def _larger_sigmoid() -> None:
    """Makes the logistic function 0.1% too large."""
    wrap_activation("sigmoid", lambda original, *given, **named: 1.001 * original(*given, **named))


def _without_the_last(method: str) -> Callable[[], None]:
    """Returns a patch: that method of a Keras model leaves out the last element of the arrays that it is given."""

    def call(original: Any, model: Any, *arrays: Any, **named: Any) -> Any:
        return original(model, *(array[:-1] for array in arrays), **named)

    return replaced("tensorflow:keras.Model", method, call)


FAULTS = (
    Fault("conv-gradient", "a convolution's gradients are 0.1% too large", _gradient_of("Conv2D"),
          workload="keras_cnn.py"),
    Fault("softmax-gradient", "the softmax of attention has a gradient 0.1% too large", _gradient_of("Softmax"),
          workload="transformer.py"),
    Fault("tanh-gradient", "the hyperbolic tangent's gradient is 0.1% too large", _gradient_of("Tanh"),
          workload="custom_loop.py"),
    Fault("tanh-gradient-varies", "the hyperbolic tangent's gradient is up to 10% too large, each time otherwise",
          _gradient_of("Tanh", _drawn), workload="custom_loop.py"),
    Fault("sigmoid-value", "a logistic function is 0.1% too large", _larger_sigmoid, workload="direct_call.py"),
    Fault("fit-without-the-last", "`fit` leaves out the last input", _without_the_last("fit"),
          workload="fit_call.py"),
    Fault("predict-without-the-last", "`predict` leaves out the last input", _without_the_last("predict"),
          workload="predict_call.py"),
)  # fmt: skip
