"""Keras' `fit` on the same model: what a user who writes no training loop gets."""

from typing import Any

import pytest

from bench.micro.answers import require_weights
from bench.micro.case import Case
from bench.micro.material import BATCHES
from lm.hot_paths import costs
from lm.hot_paths.keras_loop import Fit, NoKerasLayersError
from lm.training.trainer import Trainer


def test_fit(case: Case, trainer: Trainer) -> None:
    """Times one epoch over a rotation of batches, the state carried from one to the next."""
    try:
        path = Fit(trainer, case.mode)
    except NoKerasLayersError as error:
        pytest.skip(str(error))

    def check(_: Any) -> None:
        require_weights(trainer.weights, case.material.trained, case.material.weights)

    case.measure(
        path,
        [(case.material.inputs, case.material.targets, case.material.masks)],
        check=check,
        cost=costs.step(case.config).times(BATCHES),
        words=BATCHES * case.config.tokens_per_step,
        trainer=trainer,
    )
