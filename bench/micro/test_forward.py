"""The forward pass: logits of one batch."""

from typing import Any

from bench.micro.answers import require_close
from bench.micro.case import Case
from lm.hot_paths import costs, paths
from lm.training.trainer import Trainer


def test_forward(case: Case, trainer: Trainer) -> None:
    """Embedding, recurrent layers and output layer."""

    def check(logits: Any) -> None:
        require_close("logits", logits, case.material.answer(0).logits)

    case.measure(
        paths.forward(trainer, case.mode),
        case.tensors(lambda batch: (batch.inputs, batch.masks)),
        check=check,
        last=lambda logits: logits,
        cost=costs.forward(case.config),
        trainer=trainer,
    )
