"""Confidence intervals from few, clustered measurements: variance components by the method of moments, then Student's t.

Notation: y[g][j] is the j-th measurement of group g (a session's launch, an environment's replica), y = μ + group effect +
measurement effect, both random. Searle, Casella and McCulloch 1992, "Variance Components", chapter 3 (one-way, unbalanced).
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy import stats

from bench.judge.types import Interval

REGRESSION_LEVEL = 0.975  # one-sided: a REGRESSION at exactly the margin happens in 2.5% of runs
PASS_LEVEL = 0.95  # one-sided: a PASS at exactly the margin happens in 5% of runs
POWER = 0.95


@dataclasses.dataclass(frozen=True)
class Components:
    """A grouped sample's mean and its two variances."""

    mean: float
    between: float  # variance of the group effects, floored at 0
    within: float  # variance of measurements within a group
    groups: int
    count: int
    mean_variance: float  # of `mean`, group effects and measurements together


def components(groups: Sequence[Sequence[float]]) -> Components:
    """Analysis of variance of at least two measurements. With one group, or one measurement a group, see the notes below.

    One group: `between` can't be known and is 0; the caller must not pretend otherwise. One measurement in every group: `within`
    can't be told from `between`, and all the variance is counted as `between`. Raises ValueError for fewer than two measurements.
    """
    arrays = [np.asarray(group, float) for group in groups if len(group)]
    sizes = np.array([group.size for group in arrays])
    count, number = int(sizes.sum()), len(arrays)
    if count < 2:
        raise ValueError(f"{count} measurement can't tell a spread: at least 2 are needed")
    means = np.array([group.mean() for group in arrays])
    mean = float(np.concatenate(arrays).mean())
    squares_within = float(sum(((group - group.mean()) ** 2).sum() for group in arrays))
    within = squares_within / (count - number) if count > number else 0.0
    between = 0.0
    if number > 1:
        mean_square = float((sizes * (means - mean) ** 2).sum()) / (number - 1)
        effective_size = (count - float((sizes**2).sum()) / count) / (number - 1)
        between = max((mean_square - within) / effective_size, 0.0)
    mean_variance = between * float((sizes**2).sum()) / count**2 + within / count
    return Components(mean, between, within, number, count, mean_variance)


def new_group_interval(candidate: Sequence[float], reference: Components) -> Interval:
    """The difference of a new group's mean from the reference's: σb²(1 + Σ(nᵍ/N)²) + σw²(1/n + 1/N).

    The new group is a session, or an environment, of its own: its effect is one more draw. Degrees of freedom: those of the
    component that dominates, groups − 1 or count − groups.
    """
    n = len(candidate)
    variance = reference.mean_variance + reference.between + reference.within / n
    clustered = reference.between * (1 + 1 / reference.groups) >= reference.within / n
    freedom = reference.groups - 1 if clustered or reference.count == reference.groups else reference.count - reference.groups
    return interval(float(np.mean(candidate)) - reference.mean, float(np.sqrt(variance)), max(freedom, 1))


def interval(estimate: float, standard_error: float, degrees_of_freedom: float) -> Interval:
    """Student's t bounds around an estimate, at the two levels that outcomes are decided at."""
    wide, narrow = (float(stats.t.ppf(level, degrees_of_freedom)) * standard_error for level in (REGRESSION_LEVEL, PASS_LEVEL))
    return Interval(estimate, standard_error, degrees_of_freedom, estimate - wide, estimate + wide, estimate - narrow, estimate + narrow)


def detectable(found: Interval, margin: float) -> float:
    """The smallest true difference that would have been called a REGRESSION with 95% power, on the same logarithmic scale."""
    quantiles = (float(stats.t.ppf(level, found.degrees_of_freedom)) for level in (REGRESSION_LEVEL, POWER))
    return margin + sum(quantiles) * found.standard_error
