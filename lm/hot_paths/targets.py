"""What can be profiled of a trainer: its step, and the parts of it, each as one tf.function and what it is called with."""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from lm.hot_paths.paths import put
from lm.training.trainer import Trainer

Batch = tuple[Any, Any, Any]  # inputs and targets [batch, steps], dropout masks


class Target(NamedTuple):
    """A call. `body` is the Python that `function` traces."""

    function: Any
    body: Callable[..., Any]
    arguments: tuple[Any, ...]
    others: tuple[
        tuple[Any, ...], ...
    ] = ()  # arguments of further batches: a target that depends on more than shapes is traced for each

    def run(self) -> None:
        """Calls it, and returns when its device is done."""
        self.run_with(self.arguments)

    def run_with(self, arguments: tuple[Any, ...]) -> None:
        """The same with other arguments."""
        self.function(*arguments)
        tf.test.experimental.sync_devices()


def target(trainer: Trainer, name: str, batch: Batch, *others: Batch) -> Target:
    """forward: ids → logits. gradient: ids → loss and gradients. clip: gradients → clipped. step: all of it, and the update.

    `step` is the very function that the gate times. Raises ValueError for another name.
    """
    if name not in _MAKERS:
        raise ValueError(f"no target is called {name!r}; there are {', '.join(_MAKERS)}")
    made: Target = _MAKERS[name](trainer, batch)
    return made._replace(others=tuple(_MAKERS[name](trainer, other).arguments for other in others))


def _forward(trainer: Trainer, batch: Batch) -> Target:
    inputs, _, masks = put(batch, trainer.device)
    return _graph(trainer, trainer.model.logits, inputs, masks)


def _gradient(trainer: Trainer, batch: Batch) -> Target:
    return _graph(trainer, trainer.loss_and_gradients, *put(batch, trainer.device))


def _clip(trainer: Trainer, batch: Batch) -> Target:
    state = trainer.state
    _, gradients = _gradient(trainer, batch).function(*put(batch, trainer.device))
    trainer.state = state
    return _graph(trainer, trainer.clip, gradients)


def _step(trainer: Trainer, batch: Batch) -> Target:
    with tf.device(trainer.device):
        arguments = (*put(batch, trainer.device), tf.constant(False))  # the logits are not handed out
    return Target(trainer.step_function, trainer.step_function.python_function, arguments)


def _graph(trainer: Trainer, body: Callable[..., Any], *arguments: Any) -> Target:
    def on_device(*arguments: Any) -> Any:
        with tf.device(trainer.device):
            return body(*arguments)

    return Target(tf.function(on_device, autograph=False), on_device, arguments)


_MAKERS = {"forward": _forward, "gradient": _gradient, "clip": _clip, "step": _step}
