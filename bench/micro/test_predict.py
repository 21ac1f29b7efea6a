"""Keras' `predict` on the same model: what a user who writes no evaluation loop gets."""

from typing import Any

import pytest

from bench.micro.answers import require_close
from bench.micro.case import Case
from bench.micro.material import BATCHES
from lm.hot_paths import costs
from lm.hot_paths.keras_loop import NoKerasLayersError, Predict
from lm.training.trainer import Trainer


def test_predict(case: Case, trainer: Trainer) -> None:
    """Times the logits of a rotation of batches as one NumPy array, the state carried from one to the next."""
    try:
        path = Predict(trainer, case.mode)
    except NoKerasLayersError as error:
        pytest.skip(str(error))

    def check(logits: Any) -> None:
        require_close("logits", logits, case.material.read())

    case.measure(
        path,
        [(case.material.inputs,)],
        check=check,
        cost=costs.forward(case.config).times(BATCHES),
        words=BATCHES * case.config.tokens_per_step,
        trainer=trainer,
    )
