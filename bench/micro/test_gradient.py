"""The gradient computation: loss and gradients of one batch."""

from typing import Any

from bench.micro.answers import require_close, require_gradients
from bench.micro.case import Case
from lm.training.trainer import Gradients, Trainer


def test_gradient(case: Case, trainer: Trainer) -> None:
    """Times forward pass, loss and backward pass; the embedding's gradient comes as IndexedSlices."""

    def check(result: tuple[Any, Gradients]) -> None:
        loss, gradients = result
        answer = case.material.answer
        require_close("loss", loss, answer.loss)
        require_gradients("gradient", gradients, answer.gradients, case.config.vocabulary_size)

    case.measure_path(trainer, "gradient", check=check)
