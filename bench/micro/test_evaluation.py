"""Evaluation: the loss of one batch, without dropout and without training."""

from typing import Any

from bench.micro.answers import require_close
from bench.micro.case import Case
from lm.training.trainer import Trainer


def test_evaluation(case: Case, trainer: Trainer) -> None:
    """Times forward pass and loss."""

    def check(loss: Any) -> None:
        wanted, state = case.material.evaluated()
        require_close("loss", loss, wanted)
        for name, value in trainer.state.items():
            require_close(f"state {name}", value, state[name])

    case.measure_path(trainer, "evaluation", check=check)
