"""The gradient computation: loss and gradients of one batch."""

from typing import Any

from bench.micro.answers import require_close, require_gradients
from bench.micro.case import Case
from lm.hot_paths import costs, paths
from lm.training.trainer import Trainer


def test_gradient(case: Case, trainer: Trainer) -> None:
    """Forward pass, loss and backward pass; the embedding's gradient as IndexedSlices."""

    def check(result: Any) -> None:
        loss, gradients = result
        require_close("loss", loss, case.material.answer(0).loss)
        require_gradients("gradient", paths.densified(gradients), case.material.answer(0).gradients)

    case.measure(
        paths.gradient(trainer, case.mode),
        case.tensors(lambda batch: (batch.inputs, batch.targets, batch.masks)),
        check=check,
        last=lambda result: result[0],
        cost=costs.gradient(case.config),
        trainer=trainer,
    )
