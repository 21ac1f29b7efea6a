"""The forward pass: logits of one batch."""

from typing import Any

from bench.micro.answers import require_close
from bench.micro.case import Case
from lm.training.trainer import Trainer


def test_forward(case: Case, trainer: Trainer) -> None:
    """Times embedding, recurrent layers and output layer."""

    def check(logits: Any) -> None:
        require_close("logits", logits, case.material.answer.logits)

    case.measure_path(trainer, "forward", check=check)
