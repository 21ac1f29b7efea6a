"""The parts of a training step as calls of their own, to be timed (bench.micro) and profiled (bench.measure)."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from lm.config import Config, Mode
from lm.data.batches import Batch
from lm.hot_paths import costs
from lm.hot_paths.tensors import put
from lm.training.trainer import StepResult, Trainer


class HotPath:
    """A call on a device, operation by operation (eager) or as one tf.function (graph)."""

    def __init__(self, body: Callable[..., Any], device: str, mode: Mode = "graph") -> None:
        """Makes a tf.function of the body, unless it is one: that is called as it is in a graph."""
        python = getattr(body, "python_function", body)

        def placed(*arguments: Any) -> Any:
            with tf.device(device):
                return python(*arguments)

        self.body = placed
        self.function: Any = tf.function(placed, autograph=False) if python is body else body
        self._call = self.function if mode == "graph" else placed

    @property
    def traces(self) -> int:
        """Returns how often TensorFlow has traced the function."""
        return int(self.function.experimental_get_tracing_count())

    def __call__(self, *arguments: Any) -> Any:
        """Returns the body's result, as TensorFlow's tensors."""
        return self._call(*arguments)

    def run(self, arguments: Sequence[Any]) -> None:
        """Calls the path and blocks until all queued work on all devices is done."""
        self(*arguments)
        tf.test.experimental.sync_devices()


class PathDefinition(NamedTuple):
    """A hot path, its arguments for a batch (arrays, or tensors of earlier paths), and its cost."""

    body: Callable[[Trainer], Callable[..., Any]]
    arguments: Callable[[Trainer, Batch], tuple[Any, ...]]
    cost: Callable[[Config], costs.Cost]


def _taken(trainer: Trainer, batch: Batch) -> StepResult:
    """Takes the trainer's step on a batch; weights and state stay as they were."""
    weights, state = trainer.weights, trainer.state
    result = trainer.train_step(*batch)
    trainer.weights, trainer.state = weights, state
    return result


PATHS: dict[str, PathDefinition] = {
    # (ids, masks) → logits [batch, steps, vocabulary]
    "forward": PathDefinition(
        lambda trainer: trainer.model.logits, lambda trainer, batch: (batch.inputs, batch.masks), costs.forward
    ),
    # (ids, ids, masks) → (loss, gradients, the embedding's as IndexedSlices)
    "gradient": PathDefinition(lambda trainer: trainer.loss_and_gradients, lambda trainer, batch: batch, costs.step),
    # (gradients) → (clipped gradients, norm)
    "clip": PathDefinition(
        lambda trainer: trainer.clip, lambda trainer, batch: (_taken(trainer, batch).gradients,), costs.clip
    ),
    # (clipped gradients) → nothing; the weights move
    "update": PathDefinition(
        lambda trainer: trainer.update, lambda trainer, batch: (_taken(trainer, batch).clipped,), costs.update
    ),
    # (ids, ids, masks, whether to return the logits) → StepResult, by the very function that the gate times
    "step": PathDefinition(lambda trainer: trainer.step_function, lambda trainer, batch: (*batch, False), costs.step),
    # (ids, ids) → loss
    "evaluation": PathDefinition(
        lambda trainer: trainer.loss, lambda trainer, batch: (batch.inputs, batch.targets), costs.evaluation
    ),
}


def hot_path(trainer: Trainer, name: str, mode: Mode = "graph") -> HotPath:
    """Returns a hot path of the trainer by its name in PATHS."""
    return HotPath(PATHS[name].body(trainer), trainer.device, mode)


def arguments(trainer: Trainer, name: str, batch: Batch) -> tuple[Any, ...]:
    """Returns what a hot path is called with for a batch, as tensors on the trainer's device."""
    return tuple(put(PATHS[name].arguments(trainer, batch), trainer.device))


def dropout(rate: float, device: str, mode: Mode) -> HotPath:
    """Returns TensorFlow's own dropout: (activations, a list) → the same, dropped at the rate and rescaled."""
    return HotPath(lambda activations: [tf.nn.dropout(one, rate) for one in activations], device, mode)
