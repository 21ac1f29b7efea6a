"""Faults of the activations far from 0, where neither training nor a gate that is wide open or shut shows them."""

from collections.abc import Callable
from typing import Any

from .fault import ALL, Fault, wrap_activation


def _saturates(activation: str, beyond: float) -> Callable[[], None]:
    """Returns a patch: beyond ±`beyond` an activation is exactly what it tends to, in Keras and `fused` alike."""

    def patch() -> None:
        import tensorflow as tf

        def make(original: Any) -> Any:
            def activate(x: Any, name: Any = None) -> Any:
                y = original(x, name=name)
                return tf.where(tf.abs(x) > beyond, tf.round(y), y)

            return activate

        wrap_activation(activation, make)

    return patch


# At 8 the logistic function is 3e-4 away from 0 or 1, at 12 6e-6; at 5 tanh is 9e-5 away from 1.
FAULTS = (
    Fault("sigmoid-saturates-at-8", "a gate is exactly 0 or 1 beyond ±8", _saturates("sigmoid", 8), reaches=ALL),
    Fault("sigmoid-saturates-at-12", "a gate is exactly 0 or 1 beyond ±12", _saturates("sigmoid", 12), reaches=ALL),
    Fault("tanh-saturates-at-5", "tanh is exactly ±1 beyond ±5", _saturates("tanh", 5), reaches=ALL),
)
