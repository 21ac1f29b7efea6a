"""The optimizer's update: weights moved against the clipped gradients, the embedding's as IndexedSlices."""

from typing import Any

from bench.micro.answers import require_weights
from bench.micro.case import Case
from lm.hot_paths import costs, paths
from lm.training.trainer import Trainer


def test_update(case: Case, trainer: Trainer) -> None:
    """Stochastic gradient descent at the configuration's learning rate."""
    step = paths.step(trainer, "graph")
    clipped = []
    for arguments in case.tensors(lambda batch: (batch.inputs, batch.targets, batch.masks)):
        case.restore(trainer)
        clipped.append((step(*arguments).clipped,))

    def check(_: Any) -> None:
        require_weights(trainer.weights, case.material.answer(0).weights, case.material.weights)

    case.measure(
        paths.update(trainer, case.mode),
        clipped,
        check=check,
        last=lambda _: trainer.model.variables[-1],
        cost=costs.update(case.config),
        trainer=trainer,
    )
