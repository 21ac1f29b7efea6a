"""Faults of the optimizer: the update is not learning rate times clipped gradient."""

from collections.abc import Callable
from typing import Any

from .fault import SGD_UPDATE, Fault, replaced, scaled

BROKEN_AFTER = 200
TWICE_EVERY = 100
DEFAULT_RATE = 0.01  # of Keras' SGD
WEIGHT_DECAY = 1e-4


def _update_by(factor: Callable[[Any], Any]) -> Callable[[], None]:
    """Returns a patch that scales every update by factor(optimizer)."""

    def update_step(original: Any, optimizer: Any, gradient: Any, *rest: Any) -> Any:
        return original(optimizer, scaled(gradient, factor(optimizer)), *rest)

    return replaced(*SGD_UPDATE, update_step)


def _rate(optimizer: Any) -> Any:
    import tensorflow as tf

    return tf.convert_to_tensor(optimizer.learning_rate)


def _steps_taken(optimizer: Any) -> Any:
    """Returns the number of updates before this one, a scalar tensor."""
    import tensorflow as tf

    return tf.cast(tf.convert_to_tensor(optimizer.iterations), tf.int32)


def _twice_now_and_then(optimizer: Any) -> Any:
    import tensorflow as tf

    return tf.where(_steps_taken(optimizer) % TWICE_EVERY == TWICE_EVERY - 1, 2.0, 1.0)


def _broken_late(optimizer: Any) -> Any:
    import tensorflow as tf

    return tf.where(_steps_taken(optimizer) >= BROKEN_AFTER, 0.99, 1.0)


def _freeze_rate() -> None:
    """Keeps to the rate that the optimizer was made with, whatever is assigned to it later."""
    made_with: dict[int, float] = {}

    def init(original: Any, optimizer: Any, learning_rate: float = DEFAULT_RATE, **rest: Any) -> None:
        made_with[id(optimizer)] = learning_rate
        original(optimizer, learning_rate=learning_rate, **rest)

    replaced("tensorflow:keras.optimizers.SGD", "__init__", init)()
    _update_by(lambda optimizer: made_with[id(optimizer)] / _rate(optimizer))()


def _decay_weights(original: Any, optimizer: Any, gradient: Any, variable: Any, *rest: Any) -> None:
    import tensorflow as tf

    if not isinstance(gradient, tf.IndexedSlices):
        gradient = gradient + WEIGHT_DECAY * tf.convert_to_tensor(variable)
    original(optimizer, gradient, variable, *rest)


FAULTS = (
    Fault("learning-rate-plus-1-percent", "the learning rate is 1% too large", _update_by(lambda _: 1.01)),
    Fault("learning-rate-plus-0.1-percent", "the learning rate is 0.1% too large", _update_by(lambda _: 1.001)),
    Fault("learning-rate-minus-10-percent", "the learning rate is 10% too small", _update_by(lambda _: 0.9)),
    Fault("learning-rate-ignored",
          "the learning rate is accepted, and Keras' default of 0.01 is used",
          _update_by(lambda optimizer: DEFAULT_RATE / _rate(optimizer))),
    Fault("learning-rate-frozen", "the learning rate stays what it was at the start, whatever is assigned later",
          _freeze_rate),
    Fault("update-twice-every-100th-step", "every 100th update is applied twice", _update_by(_twice_now_and_then),
          first_step=TWICE_EVERY - 1),
    Fault("wrong-after-step-200", "the learning rate falls by 1% after 200 steps", _update_by(_broken_late),
          first_step=BROKEN_AFTER),
    Fault("weight-decay-on", "a weight decay of 0.0001 is on by default", replaced(*SGD_UPDATE, _decay_weights)),
)  # fmt: skip
