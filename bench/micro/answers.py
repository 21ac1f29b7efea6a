"""Checks a case's answer against the oracle's, once and untimed, so that a wrong one is never timed.

This is no numerics gate: `tfgate check` judges the last bits. It asks whether what is timed is the model at all.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lm.arrays import Array, Floats
from lm.oracle.sgd import Gradient, densified

# ‖found − oracle‖ / ‖oracle‖. The worst seen is 7e-5, on TensorFlow 2.12.1 and 2.21.0: an update of `tiny`, whose
# weights' own rounding is that large in comparison.
TOLERANCE = 1e-3
DEVIATIONS = 6.0  # of the number of values that dropout keeps; a right one leaves 6 once in 5e8 cases


class WrongAnswerError(AssertionError):
    """A result that isn't the oracle's: the message names it and its distance."""


def require_close(name: str, found: ArrayLike, wanted: Array | np.inexact) -> None:
    """Raises WrongAnswerError unless `found` is the oracle's value, of the same shape, to rounding."""
    array = np.asarray(found, np.float64)
    if array.shape != wanted.shape:
        raise WrongAnswerError(f"{name} has shape {array.shape}, the oracle's {wanted.shape}: it isn't timed")
    distance = float(np.linalg.norm(array - wanted) / np.linalg.norm(wanted))
    if not distance <= TOLERANCE:  # NaN is wrong, too
        raise WrongAnswerError(f"{name} is {distance:.2e} off the oracle's (allowed: {TOLERANCE:.0e}): it isn't timed")


def require_gradients(name: str, found: Sequence[Any], wanted: Mapping[str, Gradient], vocabulary_size: int) -> None:
    """Raises WrongAnswerError unless TensorFlow's gradients in `found` are the oracle's, in its order.

    Sparse ones are those of the embedding [vocabulary, width].
    """
    for value, (tensor, expected) in zip(found, wanted.items(), strict=True):
        require_close(f"{name} {tensor}", densified(value, vocabulary_size), densified(expected, vocabulary_size))


def require_weights(found: Mapping[str, Floats], wanted: Mapping[str, Array], before: Mapping[str, Floats]) -> None:
    """Raises WrongAnswerError unless the weights moved from `before` as the oracle's did."""
    for name, value in found.items():
        require_close(f"update {name}", value.astype(np.float64) - before[name], wanted[name] - before[name])


def require_dropout(found: Iterable[ArrayLike], activations: Iterable[Floats], rate: float) -> None:
    """Raises WrongAnswerError unless each value is 0 or scaled by 1/(1 − rate), and about as many are 0 as should be.

    Of n values, n·rate ± √(n·rate·(1 − rate)) are dropped. No value of `activations` may be 0.
    """
    for value, before in zip(map(np.asarray, found), activations, strict=True):
        dropped = value == 0
        require_close("dropout", np.where(dropped, before / (1 - rate), value), before / (1 - rate))
        expected, deviation = before.size * rate, np.sqrt(before.size * rate * (1 - rate))
        if abs(dropped.sum() - expected) > DEVIATIONS * deviation:
            raise WrongAnswerError(
                f"dropout at rate {rate} dropped {dropped.sum()} of {before.size} values: it isn't timed"
            )
