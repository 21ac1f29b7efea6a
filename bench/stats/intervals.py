"""Confidence intervals from few, clustered measurements: variance components, then Student's t.

Perplexity is judged so, against a baseline's replicas. y[g][j] is the j-th of n(g) replicas of group g (an
environment), of S groups; y = μ + group effect (variance σb²) + measurement effect (variance σw²), both random. A group
counts once, whatever its size: unweighted means (Burdick and Graybill 1992, "Confidence Intervals on Variance
Components", section 3.3: unweighted sums of squares; for groups of equal size it is the analysis of variance of Searle,
Casella and McCulloch 1992, "Variance Components", chapter 3).
"""

import dataclasses
import functools
import math
from collections.abc import Sequence

import numpy as np

from bench.stats.outcome import Outcome

REGRESSION_LEVEL = 0.975  # one-sided: a REGRESSION at exactly the margin happens in 2.5% of runs
PASS_LEVEL = 0.95  # one-sided: a PASS at exactly the margin happens in 5% of runs


@dataclasses.dataclass(frozen=True)
class Interval:
    """A difference of logarithms, candidate − reference, with confidence bounds; above 0 is slower, larger, or a higher
    loss.
    """

    estimate: float
    standard_error: float
    degrees_of_freedom: float
    # One-sided 97.5% bounds, which a REGRESSION has to clear; at planned looks the level holds for all looks together.
    low: float
    high: float
    pass_low: float  # one-sided 95% bounds, likewise, which a PASS has to clear
    pass_high: float


@dataclasses.dataclass(frozen=True)
class Components:
    """A grouped sample's mean and its two variances."""

    mean: float  # of the groups' means
    between: float  # σb², variance of the group effects, floored at 0
    within: float  # σw², variance of measurements within a group
    groups: int  # S
    count: int  # measurements in all
    group_size: float  # harmonic mean of n(g): the mean of a group has, on average, the variance σb² + σw²/group_size

    @property
    def mean_variance(self) -> float:
        """Returns the variance of `mean`: of group effects and measurements together."""
        return (self.between + self.within / self.group_size) / self.groups


def components(groups: Sequence[Sequence[float]]) -> Components:
    """Returns the variance components of at least two measurements; empty groups are left out.

    `within` is the mean square within groups, `between` the variance of the groups' means less the part of it that
    `within` explains. One group: `between` can't be known and is 0; the caller must not pretend otherwise. One
    measurement in every group: `within` can't be told from `between`, and all the variance is counted as `between`.
    Raises ValueError for fewer than two measurements.
    """
    arrays = [np.asarray(group, float) for group in groups if len(group)]
    sizes = np.array([group.size for group in arrays])
    count, number = int(sizes.sum()), len(arrays)
    if count < 2:
        raise ValueError(f"{count} measurement{'' if count == 1 else 's'} can't tell a spread: at least 2 are needed")
    means = np.array([group.mean() for group in arrays])
    group_size = number / float((1 / sizes).sum())
    squares_within = float(sum(((group - group.mean()) ** 2).sum() for group in arrays))
    within = squares_within / (count - number) if count > number else 0.0
    between = max(float(means.var(ddof=1)) - within / group_size, 0.0) if number > 1 else 0.0
    return Components(float(means.mean()), between, within, number, count, group_size)


def new_group_interval(candidate: Sequence[float], reference: Components) -> Interval:
    """Returns the difference of a new group's mean, of n measurements, from the reference's, with S − 1 degrees of
    freedom.

    Variance: σb²(1 + 1/S) + σw²(1/min(n, m) + 1/(S·m)), m the groups' (harmonic) mean size. The new group is an
    environment of its own: its effect is one more draw. For groups of equal size and n = m this is the groups' means'
    own variance × (1 + 1/S), whose t has exactly S − 1 degrees of freedom; the floor under σb², and min(n, m) where the
    candidate has more measurements than a group, only widen it. Choosing count − S degrees where σb² looks small covers
    93% where 97.5% is said: with few groups, σb² looks small by luck (docs/statistics.md has the simulation). One
    group: two samples of that group, count − 1 degrees.
    """
    size = min(len(candidate), reference.group_size) if reference.groups > 1 else len(candidate)
    variance = reference.mean_variance + reference.between + reference.within / size
    freedom = reference.groups - 1 if reference.groups > 1 else reference.count - 1
    return interval(float(np.mean(candidate)) - reference.mean, float(np.sqrt(variance)), freedom)


def widened(found: Interval, deviation: float, shift: float = 0.0, others: Sequence[Interval] = ()) -> Interval:
    """Returns the interval moved by `shift`, with a further normal error of known deviation and the errors of other
    intervals: their bounds are added in quadrature.
    """
    estimate, added = found.estimate + shift, (found, *others)
    wide = math.hypot(_normal_quantile(REGRESSION_LEVEL) * deviation, *(one.high - one.estimate for one in added))
    narrow = math.hypot(_normal_quantile(PASS_LEVEL) * deviation, *(one.pass_high - one.estimate for one in added))
    error = math.hypot(deviation, *(one.standard_error for one in added))
    bounds = (estimate - wide, estimate + wide, estimate - narrow, estimate + narrow)
    return Interval(estimate, error, found.degrees_of_freedom, *bounds)


def decide_once(found: Interval, margin: float, *, two_sided: bool = False) -> Outcome:
    """Returns REGRESSION where an interval that is looked at once lies above the margin, PASS where it lies below, else
    INCONCLUSIVE. `two_sided`: beyond or within ±margin, by two one-sided tests.
    """
    if found.low > margin or (two_sided and found.high < -margin):
        return Outcome.REGRESSION
    passed = found.pass_high < margin and (not two_sided or found.pass_low > -margin)
    return Outcome.PASS if passed else Outcome.INCONCLUSIVE


def interval(
    estimate: float,
    standard_error: float,
    degrees_of_freedom: float,
    levels: tuple[float, float] = (REGRESSION_LEVEL, PASS_LEVEL),
) -> Interval:
    """Returns Student's t bounds around an estimate, at the levels of a REGRESSION and of a PASS."""
    wide, narrow = (t_quantile(level, degrees_of_freedom) * standard_error for level in levels)
    bounds = (estimate - wide, estimate + wide, estimate - narrow, estimate + narrow)
    return Interval(estimate, standard_error, degrees_of_freedom, *bounds)


@functools.cache
def t_quantile(level: float, degrees_of_freedom: float) -> float:
    """Returns Student's t quantile."""
    from scipy import special  # late, and not scipy.stats: they take half a second and a second to import

    return float(special.stdtrit(degrees_of_freedom, level))


@functools.cache
def _normal_quantile(level: float) -> float:
    from scipy import special  # late, as above

    return float(special.ndtri(level))
