"""Faults of the recurrent state that is carried from batch to batch.

`states` of a stateful RNN, flat: h and c of each layer.
"""

from collections.abc import Callable
from typing import Any

from .fault import ALL, Fault, wrap


def _before_call(act: Callable[[Any, list[Any]], None]) -> Callable[[], None]:
    """Returns a patch that calls act(layer, its state variables) each time before an RNN reads a batch."""

    def patch() -> None:
        import tensorflow as tf

        def make(original: Any) -> Any:
            def call(self: Any, *arguments: Any, **named: Any) -> Any:
                act(self, tf.nest.flatten(self.states))
                return original(self, *arguments, **named)

            return call

        wrap(tf.keras.layers.RNN, "__call__", make)

    return patch


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


def _reset_once() -> None:
    """Zeroes each variable of a state once; a later pass over the text starts from the state that the last one left."""
    import tensorflow as tf

    zeroed: set[int] = set()

    def make(original: Any) -> Any:
        def zeros_like(value: Any, *rest: Any, **named: Any) -> Any:
            if isinstance(value, tf.Variable) and tf.executing_eagerly():
                if id(value) in zeroed:
                    return value.read_value()
                zeroed.add(id(value))
            return original(value, *rest, **named)

        return zeros_like

    wrap(tf, "zeros_like", make)


FAULTS = (
    Fault("state-not-carried", "every batch starts from a zero state", _before_call(_zero_all)),
    Fault("cell-state-not-carried", "every batch starts from a zero c, and the right h", _before_call(_zero_cells)),
    Fault("state-stale-by-one-step", "the last layer's h is that of the batch before the last", _stale_last_layer),
    Fault("state-reset-once", "a pass over the text starts from the state that the last one left, not from zero",
          _reset_once, reaches=ALL, first_step=1161),  # tiny's second pass
)  # fmt: skip
