"""20% trimmed means: a burst of noise hits some values of a launch, not the launch."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

TRIMMED = 0.2  # of the values at either end
LEAST_STEPS = 3  # below that there is no speed to speak of


def trimmed_mean(values: Sequence[float]) -> float:
    """Returns the 20% trimmed mean. Raises ValueError for no values."""
    if not values:
        raise ValueError("no values to take the mean of: measure for longer")
    return float(trimmed_means(np.asarray(values, float)))


def trimmed_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns 20% trimmed means over the last axis."""
    count = values.shape[-1]
    cut = int(TRIMMED * count)
    found: NDArray[np.float64] = np.sort(values, axis=-1)[..., cut : count - cut].mean(axis=-1)
    return found


def robust_seconds(step_seconds: Sequence[float]) -> float | None:
    """Returns the seconds of a typical step: the exponential of the 20% trimmed mean of the logarithms.

    None for too few steps. Raises ValueError for a time that isn't above 0: no clock gives it, so the record isn't what
    was measured.
    """
    if len(step_seconds) < LEAST_STEPS:
        return None
    seconds = np.sort(step_seconds)
    if wrong := seconds[~((seconds > 0) & (seconds < math.inf))].tolist():
        raise ValueError(f"a step of {wrong[0]} seconds: the record is damaged, measure again")
    return math.exp(float(trimmed_means(np.log(seconds))))
