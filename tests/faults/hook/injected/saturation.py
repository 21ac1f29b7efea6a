"""Faults of the activations far from 0, where neither training nor a gate that is wide open or shut shows them."""

from collections.abc import Callable
from typing import Any

from .fault import ALL, EVALUATION, Fault, wrap_activation


def _in_evaluation() -> bool:
    """Tells whether the evaluation step, or a function within it, is being traced."""
    import tensorflow as tf

    graph = tf.compat.v1.get_default_graph()
    while graph is not None and getattr(graph, "name", "") != EVALUATION:
        graph = getattr(graph, "outer_graph", None)
    return graph is not None


def _saturates(activation: str, beyond: float, where: Callable[[], bool] = lambda: True) -> Callable[[], None]:
    """Returns a patch: beyond ±`beyond` an activation is exactly what it tends to, in Keras and `fused` alike.

    It is so in the functions during whose tracing `where` returns True.
    """

    def activate(original: Any, x: Any, name: Any = None) -> Any:
        import tensorflow as tf

        y = original(x, name=name)
        return tf.where(tf.abs(x) > beyond, tf.round(y), y) if where() else y

    return lambda: wrap_activation(activation, activate)


# At 8 the logistic function is 3e-4 away from 0 or 1, at 12 6e-6; at 5 tanh is 9e-5 away from 1.
FAULTS = (
    Fault("sigmoid-saturates-at-8", "a gate is exactly 0 or 1 beyond ±8", _saturates("sigmoid", 8), reaches=ALL),
    Fault("sigmoid-saturates-at-12", "a gate is exactly 0 or 1 beyond ±12", _saturates("sigmoid", 12), reaches=ALL),
    Fault("tanh-saturates-at-5", "tanh is exactly ±1 beyond ±5", _saturates("tanh", 5), reaches=ALL),
    Fault("sigmoid-saturates-in-evaluation", "a gate is exactly 0 or 1 beyond ±8 where nothing is differentiated",
          _saturates("sigmoid", 8, _in_evaluation), reaches=ALL),
    Fault("tanh-saturates-in-evaluation", "tanh is exactly ±1 beyond ±5 where nothing is differentiated",
          _saturates("tanh", 5, _in_evaluation), reaches=ALL),
)  # fmt: skip
