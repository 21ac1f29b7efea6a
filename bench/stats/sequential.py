"""A paired comparison's outcome, by repeated confidence bounds at planned looks.

Each launch gives one value, the summary of its log ratios (candidate/reference; above 0 is slower or larger). At each
planned look the mean's bounds are Student's t with n − 1 degrees of freedom at a constant nominal level (Pocock 1977,
Biometrika 64, 191-199), so that looking nine times is paid for. A comparison freezes at the first look that proves
something.

A run may end at any look: what it then calls is part of what all looks would have called, so the error rates hold
however its largest number of launches was chosen, by what it has measured included. A PASS may be held back in the same
way.

`walk` does so for many runs at once: the simulations of experiments call what judges.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.stats.autocorrelation import widening
from bench.stats.intervals import Interval, interval, t_quantile
from bench.stats.outcome import Outcome

Floats = NDArray[np.float64]
Widen = Callable[[int], float]  # launches -> the factor on the standard error

LOOKS = (4, 6, 8, 10, 12, 16, 24, 32, 48)  # launches
USUAL_LAUNCHES = 12  # that a run takes at most, where their deviation doesn't ask for more (bench.stats.power)
MOST_GATING = 8  # metrics of a run: their false alarms add up (docs/error-rates.md)

# Launches of all kinds together that a PASS takes: a candidate may be slow in some launches alone. Where this share of
# them is slow, all nine are quick in 4% of runs; docs/error-rates.md has the simulation of whole runs.
SLOW_SHARE = 0.3
PASS_LAUNCHES = 9

# One-sided nominal levels of each look, at which normal launches at exactly the margin, autocorrelated as
# bench.stats.autocorrelation assumes, are ever called a REGRESSION in 2.5% of runs, a PASS in 5%. Made by
# `python -m experiments.boundaries`: docs/statistics.md.
REGRESSION_P = 0.0043
PASS_P = 0.0097

# Of logarithms: no clock resolves less, so launches that differ by less are equal and tell no spread.
LEAST_DEVIATION = 1e-9

UNDECIDED, PASSED, REGRESSED = 0, 1, 2
OUTCOMES = {UNDECIDED: Outcome.INCONCLUSIVE, PASSED: Outcome.PASS, REGRESSED: Outcome.REGRESSION}


@dataclasses.dataclass(frozen=True)
class LookPlan:
    """The looks that a run may take."""

    most: int = USUAL_LAUNCHES
    pass_from: int = LOOKS[0]  # fewer prove no PASS
    first: int = LOOKS[0]  # the first look that is taken: one that is left out calls nothing


USUAL = LookPlan()


@dataclasses.dataclass(frozen=True)
class Decision:
    """The proof, or the lack of one, that the launches so far give of one metric."""

    outcome: Outcome
    improved: bool  # below −margin with the certainty of a REGRESSION: a PASS that says so
    final: bool  # False: more launches may still change it
    launches: int  # that it rests on: those of the look that decided, or of the last one that was reached
    # Its bounds at the look's levels; None of equal launches, unless `in_units`, and of what is no number.
    interval: Interval | None


@dataclasses.dataclass(frozen=True)
class Look:
    """Statistics of the first `launches` values of many runs, [runs] each; NaN where they can't be computed."""

    launches: int
    estimate: Floats
    deviation: Floats  # between launches
    standard_error: Floats  # of the estimate, widened for launches that resemble each other


@dataclasses.dataclass(frozen=True)
class Walk:
    """The looks that many runs got to, [runs] each."""

    codes: NDArray[np.int8]  # UNDECIDED, PASSED or REGRESSED
    launches: NDArray[np.int64]  # of the look that decided, or of the last that was reached


def launches_of_a_pass(kinds: int) -> int:
    """Returns the launches of each of so many kinds that a PASS takes; 0 kinds count as one."""
    return math.ceil(PASS_LAUNCHES / max(kinds, 1))


def decide(
    values: Sequence[float], margin: float, plan: LookPlan = USUAL, *, two_sided: bool = False, in_units: bool = False
) -> Decision | None:
    """Returns the decision that launches' values, in the order measured, have come to; None before the first look.

    REGRESSION: certainly beyond the margin; PASS: proven below it. `two_sided`: beyond or within ±margin. Values after
    the last look don't count; any beyond the plan do. What can't be computed (equal launches, a value that is no
    number) is INCONCLUSIVE. `in_units`: values are read in whole units, so that equal launches have no noise to speak
    of, and prove.
    Raises ValueError for a margin that isn't above 0.
    """
    if not 0 < margin < math.inf:
        raise ValueError(f"the margin is {margin}; it must be above 0, on the logarithmic scale of the values")
    if len(values) < plan.first:
        return None
    row = np.asarray(values, float)[np.newaxis]
    walked = walk(row, margin, plan, two_sided=two_sided, in_units=in_units)
    count = int(walked.launches[0])
    outcome = OUTCOMES[int(walked.codes[0])]
    found = bounds_at(values[:count], in_units=in_units)
    return Decision(
        outcome=outcome,
        improved=found is not None and not two_sided and outcome is Outcome.PASS and found.high < -margin,
        # Equal launches may differ later; a value that is no number stays in every look.
        final=outcome is not Outcome.INCONCLUSIVE
        or len(values) >= plan.most
        or not np.isfinite(row[0, : LOOKS[-1]]).all(),
        launches=count,
        interval=found,
    )


def bounds_at(values: Sequence[float], *, in_units: bool = False) -> Interval | None:
    """Returns the bounds of a look at these launches, which hold over all looks; None without a spread, unless
    `in_units`, and of what is no number.
    """
    estimate, error = mean_of(values, in_units=in_units)
    return interval(estimate, error, len(values) - 1, (1 - REGRESSION_P, 1 - PASS_P)) if math.isfinite(error) else None


def walk(
    values: Floats,
    margin: float,
    plan: LookPlan = USUAL,
    *,
    two_sided: bool = False,
    widen: Widen = widening,
    in_units: bool = False,
) -> Walk:
    """Takes runs, [runs, launches], through the looks that their launches reach, beyond the plan's most too; each
    freezes at its first crossing.

    `widen`: the rule for autocorrelation, so that a simulation can try others.
    """
    runs, reached = values.shape
    codes, launches = np.zeros(runs, np.int8), np.full(runs, plan.first)
    for count in (count for count in LOOKS if plan.first <= count <= reached):
        launches[codes == UNDECIDED] = count
        found = _codes(look_at(values[:, :count], widen, in_units=in_units), margin, two_sided)
        if count < plan.pass_from:
            found[found == PASSED] = UNDECIDED
        codes = np.where(codes == UNDECIDED, found, codes)
    return Walk(codes, launches)


def look_at(values: Floats, widen: Widen = widening, *, in_units: bool = False) -> Look:
    """Returns the statistics of one look at [runs, launches]; `in_units`: the deviation of equal ones is 0."""
    count = values.shape[1]
    with np.errstate(invalid="ignore", over="ignore"):
        deviation = values.std(axis=1, ddof=1)
        told = (deviation > LEAST_DEVIATION) & (deviation < math.inf)
        equal = np.where(in_units & (deviation <= LEAST_DEVIATION), 0.0, math.nan)
        deviation = np.where(told, deviation, equal)
        return Look(count, values.mean(axis=1), deviation, deviation * widen(count) / math.sqrt(count))


def mean_of(values: Sequence[float], *, in_units: bool = False) -> tuple[float, float]:
    """Returns (mean, standard error) of one run's launches, as a look has them; the error is NaN without a
    spread, unless `in_units`."""
    look = look_at(np.asarray(values, float)[np.newaxis], in_units=in_units)
    return float(look.estimate[0]), float(look.standard_error[0])


def _codes(look: Look, margin: float, two_sided: bool) -> NDArray[np.int8]:
    """Returns what a look proves, [runs]. A comparison with NaN is False: what can't be computed proves nothing."""
    wide, narrow = (t_quantile(1 - level, look.launches - 1) * look.standard_error for level in (REGRESSION_P, PASS_P))
    worse = look.estimate - wide > margin
    good = look.estimate + narrow < margin
    if two_sided:
        worse |= look.estimate + wide < -margin
        good &= look.estimate - narrow > -margin
    return np.where(worse, REGRESSED, np.where(good, PASSED, UNDECIDED)).astype(np.int8)
