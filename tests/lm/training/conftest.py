"""The trainer of `tiny` that tests share."""

from typing import TYPE_CHECKING

import pytest

from lm.config import CONFIGS
from tests.lm.agreement import trainer_at

if TYPE_CHECKING:
    from lm.training.trainer import Trainer


@pytest.fixture
def trainer() -> "Trainer":
    """The shared trainer at its start."""
    trainer = trainer_at(CONFIGS["tiny"])
    trainer.zero_state()
    return trainer
