"""Means of several groups of launches, and weighted sums of them, with one deviation that they share."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.stats.intervals import t_quantile

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Bounded:
    """A difference of log ratios, with its bounds."""

    estimate: float
    low: float
    high: float

    @property
    def is_proven(self) -> bool:
        """Tells whether the bounds exclude 0."""
        return not self.low <= 0 <= self.high


class Pooled:
    """Groups of log ratios; a group may be empty. The deviation is that of `told`, if not of all groups."""

    def __init__(self, groups: Sequence[Sequence[float]], told: Sequence[Sequence[float]] | None = None) -> None:
        told = groups if told is None else told
        self.counts: Floats = np.array([len(values) for values in groups], float)
        self.means: Floats = np.array([np.mean(values) if len(values) else math.nan for values in groups])
        squares = sum(((np.asarray(values) - np.mean(values)) ** 2).sum() for values in told if len(values))
        self.freedom = sum(len(values) - 1 for values in told if len(values))
        self.deviation = math.sqrt(squares / self.freedom) if self.freedom else math.nan

    def bounds(self, weights: Floats, level: float) -> Bounded | None:
        """Returns a weighted sum of the groups' means with bounds at a one-sided level, by Student's t; None of no
        groups, where one of them has no launch, and where nothing tells the deviation.
        """
        used = weights != 0
        if not (self.freedom and used.any() and self.counts[used].all()):
            return None
        estimate = float(weights[used] @ self.means[used])
        error = self.deviation * math.sqrt(float((weights[used] ** 2 / self.counts[used]).sum()))
        wide = t_quantile(level, self.freedom) * error
        return Bounded(estimate, estimate - wide, estimate + wide)
