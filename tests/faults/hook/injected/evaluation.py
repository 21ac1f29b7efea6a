"""Faults of evaluation alone: training is right."""

import itertools
from collections.abc import Callable
from typing import Any

from .fault import ALL, EVALUATION, TRAINER, Fault, calling, replaced, wrap

MOST = 88.0  # exp of more overflows float32
WRONG_EVERY = 9  # steps


def _trains(_: Any, trainer: Any, inputs: Any, targets: Any) -> Any:
    """Makes evaluation a training step without dropout."""
    import tensorflow as tf

    masks = [tf.ones(shape) for shape in trainer.config.mask_shapes()]
    return trainer._train_step(inputs, targets, masks, tf.constant(False)).loss


def _loss_by(change: Callable[[Any, int], Any]) -> Callable[[], None]:
    """Returns a patch: the loss without gradient is change(loss, the time steps whose losses it sums)."""

    def step(original: Any, trainer: Any, inputs: Any, targets: Any) -> Any:
        return change(original(trainer, inputs, targets), trainer.config.num_steps)

    return replaced(TRAINER, EVALUATION, step)


def _rounded(loss: Any, _: int) -> Any:
    """Sends the loss through bfloat16."""
    import tensorflow as tf

    return tf.cast(tf.cast(loss, tf.bfloat16), tf.float32)


def _cut_off(loss: Any, steps: int) -> Any:
    """Returns at most MOST for each time step."""
    import tensorflow as tf

    return tf.minimum(loss, MOST * steps)


def _without_nan(loss: Any, _: int) -> Any:
    """Returns 0 for a loss of NaN."""
    import tensorflow as tf

    return tf.where(tf.math.is_nan(loss), tf.zeros_like(loss), loss)


def _is_evaluation(function: Any) -> bool:
    return bool(function.python_function.__name__ == EVALUATION)


def _weights_frozen() -> Callable[[], None]:
    """Returns a patch: evaluation reads the output kernel that the first one found, as if it were a constant."""
    frozen: dict[int, Any] = {}

    def make(function: Any, call: Callable[[], Any]) -> Any:
        kernel = function.python_function.__self__.model.variables[-2]
        now = kernel.numpy()
        kernel.assign(frozen.setdefault(id(kernel), now))
        result = call()
        kernel.assign(now)
        return result

    return calling(make, of=_is_evaluation)


def _state_dropped() -> None:
    """Zeroes the state before each evaluation step but those that follow a reading or an assignment of it."""
    from lm.training.trainer import Trainer

    owner: Any = Trainer
    state, seen = owner.state, set[int]()

    def get(self: Any) -> Any:
        seen.add(id(self))
        return state.fget(self)

    def put(self: Any, values: Any) -> None:
        seen.add(id(self))
        state.fset(self, values)

    def evaluation_step(original: Any, self: Any, inputs: Any, targets: Any) -> Any:
        if id(self) not in seen:
            self.zero_state()
        seen.discard(id(self))
        return original(self, inputs, targets)

    owner.state = property(get, put)
    wrap(owner, "evaluation_step", evaluation_step)


def _wrong_now_and_then() -> Callable[[], None]:
    steps = itertools.count(1)

    def evaluation_step(original: Any, *given: Any) -> Any:
        return original(*given) * (1.0 if next(steps) % WRONG_EVERY else 1.1)

    return replaced(TRAINER, "evaluation_step", evaluation_step)


FAULTS = (
    Fault("evaluation-trains", "evaluation updates the weights", replaced(TRAINER, EVALUATION, _trains),
          "lm.training.trainer", ALL),
    Fault("evaluation-in-bfloat16", "the loss of evaluation is rounded to bfloat16", _loss_by(_rounded),
          "lm.training.trainer", ALL),
    Fault("evaluation-cut-off", "the loss of evaluation is at most 88 a time step", _loss_by(_cut_off),
          "lm.training.trainer", ALL),
    Fault("nan-swallowed-by-evaluation", "a NaN in the loss of evaluation becomes 0", _loss_by(_without_nan),
          "lm.training.trainer", ALL),
    Fault("evaluation-keeps-first-weights", "every evaluation uses the output kernel of the first", _weights_frozen(),
          reaches=ALL),
    Fault("evaluation-state-not-carried-unless-read",
          "evaluation starts each step from a zero state unless something has read or set it", _state_dropped,
          "lm.training.trainer", ALL),
    Fault("evaluation-wrong-every-9th-step", "the loss of every 9th step of evaluation is 10% too large",
          _wrong_now_and_then(), "lm.training.trainer", ALL),
)  # fmt: skip
