"""The optimizer's update: weights moved against the clipped gradients, the embedding's as IndexedSlices."""

from bench.micro.answers import require_weights
from bench.micro.case import Case
from lm.training.trainer import Trainer


def test_update(case: Case, trainer: Trainer) -> None:
    """Times stochastic gradient descent at the configuration's learning rate."""

    def check(_: None) -> None:
        require_weights(trainer.weights, case.material.answer.weights, case.material.weights)

    case.measure_path(trainer, "update", check=check)
