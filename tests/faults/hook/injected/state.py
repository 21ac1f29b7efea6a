"""Faults of the recurrent state that is carried from batch to batch.

`states` of a stateful RNN, flat: h and c of each layer.
"""

from collections.abc import Callable
from typing import Any

from .fault import ALL, Fault, replaced


def _before_call(act: Callable[[Any, list[Any]], None]) -> Callable[[], None]:
    """Returns a patch that calls act(layer, its state variables) each time before an RNN reads a batch."""

    def call(original: Any, layer: Any, *arguments: Any, **named: Any) -> Any:
        import tensorflow as tf

        act(layer, tf.nest.flatten(layer.states))
        return original(layer, *arguments, **named)

    return replaced("tensorflow:keras.layers.RNN", "__call__", call)


def _zero_all(_: Any, states: list[Any]) -> None:
    import tensorflow as tf

    for state in states:
        state.assign(tf.zeros(state.shape))


def _zero_cells(_: Any, states: list[Any]) -> None:
    _zero_all(_, states[1::2])


def _stale_last_layer() -> None:
    """Starts the last layer of each batch from the h at the end of the batch before the last."""
    import tensorflow as tf

    older: dict[int, Any] = {}

    def act(layer: Any, states: list[Any]) -> None:
        h = states[-2]
        if id(layer) not in older:
            with tf.init_scope():
                older[id(layer)] = tf.Variable(tf.zeros(h.shape), trainable=False)
        current = tf.identity(tf.convert_to_tensor(h))
        h.assign(older[id(layer)].read_value())
        older[id(layer)].assign(current)

    _before_call(act)()


def _reset_once() -> Callable[[], None]:
    """Returns a patch: each variable of a state is zeroed once, so that later passes start from what the last left."""
    zeroed: set[int] = set()

    def zeros_like(original: Any, value: Any, *rest: Any, **named: Any) -> Any:
        import tensorflow as tf

        if isinstance(value, tf.Variable) and tf.executing_eagerly():
            if id(value) in zeroed:
                return value.read_value()
            zeroed.add(id(value))
        return original(value, *rest, **named)

    return replaced("tensorflow", "zeros_like", zeros_like)


FAULTS = (
    Fault("state-not-carried", "every batch starts from a zero state", _before_call(_zero_all)),
    Fault("cell-state-not-carried", "every batch starts from a zero c, and the right h", _before_call(_zero_cells)),
    Fault("state-stale-by-one-step", "the last layer's h is that of the batch before the last", _stale_last_layer),
    Fault("state-reset-once", "a pass over the text starts from the state that the last one left, not from zero",
          _reset_once(), reaches=ALL, first_step=1161),  # tiny's second pass
)  # fmt: skip
