"""Machines as a random effect: a difference's mean over machines, its spread between them, and what another may show.

Machine m gives y[m] = μ + b[m] + e[m]: b is the machine's own effect, of variance τ², and e the error of its reports,
whose variance v[m] they state. Each machine counts once. The variance of y over M machines holds both, so Student's t
with M − 1 degrees of freedom needs no τ²; it is exact where all v are equal. τ² = max(var(y) − mean(v), 0) is the
estimator of Hedges (1983, "A random effects model for effect sizes", Psychological Bulletin 93). Machines that agree by
luck prove no more than their reports do: var(y) counts as mean(v) at least, which only widens the bounds. One report of
a machine that wasn't measured is one more draw: its variance is var(y)·(1 + 1/M), and where machines have several
reports, what a single one's error exceeds their mean's by.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from bench.stats.intervals import Interval, interval


@dataclasses.dataclass(frozen=True)
class Spread:
    """A difference over machines."""

    mean: Interval  # of μ
    between: float  # τ, the standard deviation of machines' own effects
    another: Interval  # of the difference that one report of another machine would show


def spread(machines: Sequence[Sequence[tuple[float, float]]]) -> Spread:
    """Returns the spread over machines, each given by the (difference, standard error) of its reports.

    Raises ValueError for fewer than two machines.
    """
    if len(machines) < 2:
        raise ValueError("one machine can't tell how machines differ: at least 2 are needed")
    values = [float(np.mean([value for value, _ in reports])) for reports in machines]
    single = [float(np.mean([error**2 for _, error in reports])) for reports in machines]  # of one report's error
    own = float(np.mean([value / len(reports) for value, reports in zip(single, machines, strict=True)]))
    count, mean = len(values), float(np.mean(values))
    variance = max(float(np.var(values, ddof=1)), own)
    return Spread(
        interval(mean, math.sqrt(variance / count), count - 1),
        math.sqrt(variance - own),
        interval(mean, math.sqrt(variance * (1 + 1 / count) + float(np.mean(single)) - own), count - 1),
    )
