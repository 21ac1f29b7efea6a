"""Checks every step, not only those that the oracle checks: a bias moves by −learning rate × its clipped gradient.

This needs no oracle and reads a few kilobytes, so each step of a checked launch is checked, outside the timed region. A
fault that affects one step in a hundred, or all from some step on, shows at the very step.
"""

from typing import TYPE_CHECKING

import numpy as np

from bench.measure.numerics import FLOOR, relative_error, rounding_error
from bench.record.types import NumericError

if TYPE_CHECKING:
    from lm.training.trainer import StepResult, Trainer

QUANTITY = "every update"


class UpdateWatch:
    """Follows a trainer's biases from now on, step by step."""

    def __init__(self, trainer: "Trainer") -> None:
        self._trainer = trainer
        self._before = trainer.biases()
        self._telling: NumericError | None = None

    @property
    def errors(self) -> tuple[NumericError, ...]:
        """Returns the first tensor over its limit of all steps seen, or the one nearest to it; none without a step."""
        return (self._telling,) if self._telling else ()

    def see(self, step: int, learning_rate: float, result: "StepResult") -> None:
        """Checks the step just taken. The learning rate is the schedule's, as in numerics.check_step."""
        before, self._before = self._before, self._trainer.biases()
        if self._telling and not _within(self._telling):
            return
        clipped = dict(zip(self._trainer.config.weight_shapes(), result.clipped, strict=True))
        for name, bias in before.items():
            wanted = -learning_rate * np.asarray(clipped[name], np.float64)
            error = relative_error(self._before[name] - bias.astype(np.float64), wanted)
            found = NumericError(step, QUANTITY, name, error, FLOOR + rounding_error(bias, wanted))
            if self._telling is None or not found.error / found.limit <= self._telling.error / self._telling.limit:
                self._telling = found


def _within(error: NumericError) -> bool:
    return error.error <= error.limit
