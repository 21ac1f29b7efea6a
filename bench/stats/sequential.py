"""A paired comparison's outcome, by repeated confidence bounds at planned looks.

Each launch gives one value, the summary of its log ratios (candidate/reference; above 0 is slower or larger). At each
planned look the mean's bounds are Student's t with n − 1 degrees of freedom at a constant nominal level (Pocock 1977,
Biometrika 64, 191-199), so that looking five times is paid for. A comparison freezes at the first look that proves
something.

`walk` does so for many runs at once: the simulations of experiments call what judges.
"""

import dataclasses
import enum
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special  # not scipy.stats, which takes a second to import

from bench.stats.autocorrelation import widening
from bench.stats.intervals import POWER, Interval, t_quantile
from bench.stats.outcome import Outcome

Floats = NDArray[np.float64]
Widen = Callable[[int], float]  # launches -> the factor on the standard error

LOOKS = (4, 6, 8, 10, 12)  # launches
MOST_GATING = 8  # metrics of a run: their false alarms add up (docs/error-rates.md)

# One-sided nominal levels of each look, at which independent normal launches at exactly the margin are ever called a
# REGRESSION in 2.5% of runs, a PASS in 5%. Made by `python -m experiments.boundaries`: docs/statistics.md.
REGRESSION_P = 0.0078
PASS_P = 0.0171

LEAST_DEVIATION = (
    1e-9  # of logarithms: no clock resolves less, so launches that differ by less are equal and tell no spread
)

UNDECIDED, PASSED, REGRESSED = 0, 1, 2
OUTCOMES = {UNDECIDED: Outcome.INCONCLUSIVE, PASSED: Outcome.PASS, REGRESSED: Outcome.REGRESSION}


class Problem(enum.Enum):
    """Reasons for bounds that can't be computed."""

    NO_SPREAD = "no spread"  # all launches gave one value
    NOT_A_NUMBER = "not a number"
    TOO_LARGE = "too large"


@dataclasses.dataclass(frozen=True)
class Decision:
    """The proof, or the lack of one, that the launches so far give of one metric."""

    outcome: Outcome
    improved: bool  # below −margin with the certainty of a REGRESSION: a PASS that says so
    final: bool  # False: more launches may still change it
    launches: int  # that it rests on: those of the look that decided, or of the last one that was reached
    interval: Interval | None  # its bounds at the look's levels; None where they can't be computed
    detectable: float | None  # see `detectable`; None where it can't be computed
    problem: Problem | None = None  # None where bounds can be computed


@dataclasses.dataclass(frozen=True)
class Look:
    """Statistics of the first `launches` values of many runs, [runs] each; NaN where they can't be computed."""

    launches: int
    estimate: Floats
    deviation: Floats  # between launches, widened for those that resemble each other

    @property
    def standard_error(self) -> Floats:
        """Returns the standard error of the estimate, [runs]."""
        found: Floats = self.deviation / math.sqrt(self.launches)
        return found


@dataclasses.dataclass(frozen=True)
class Walk:
    """The looks that many runs got to, [runs] each."""

    codes: NDArray[np.int8]  # UNDECIDED, PASSED or REGRESSED
    launches: NDArray[np.int64]  # of the look that decided, or of the last that was reached


def decide(values: Sequence[float], margin: float, *, two_sided: bool = False) -> Decision | None:
    """Returns the decision that launches' values, in the order measured, have come to; None before the first look.

    REGRESSION: certainly beyond the margin; PASS: proven below it. `two_sided`: beyond or within ±margin. Values after
    the last look don't count. What can't be computed (equal launches, a value that is no number) is INCONCLUSIVE.
    Raises ValueError for a margin that isn't above 0.
    """
    if not 0 < margin < math.inf:
        raise ValueError(f"the margin is {margin}; it must be above 0, on the logarithmic scale of the values")
    if len(values) < LOOKS[0]:
        return None
    row = np.asarray(values, float)[np.newaxis]
    walked = walk(row, margin, two_sided=two_sided)
    count = int(walked.launches[0])
    look = look_at(row[:, :count])
    outcome = OUTCOMES[int(walked.codes[0])]
    if not math.isfinite(look.standard_error[0]):
        return _not_computed(values, count)
    interval = _interval(look)
    return Decision(
        outcome=outcome,
        improved=not two_sided and outcome is Outcome.PASS and interval.high < -margin,
        final=outcome is not Outcome.INCONCLUSIVE or count == LOOKS[-1] or not np.isfinite(row[0, : LOOKS[-1]]).all(),
        launches=count,
        interval=interval,
        detectable=detectable(float(look.deviation[0]), margin),
    )


def detectable(widened_deviation: float, margin: float) -> float:
    """Returns the smallest true difference that is called a REGRESSION with at least 95% power if all planned launches
    are taken.

    Takes the (widened) deviation between launches that was found for the true one, and counts the last look alone:
    there t has a noncentral distribution, whose parameter is chosen so that its 5% point is the bound. Earlier looks
    only add to the power.
    """
    count = LOOKS[-1]
    noncentrality = float(special.nctdtrinc(count - 1, 1 - POWER, t_quantile(1 - REGRESSION_P, count - 1)))
    return margin + noncentrality * widened_deviation / math.sqrt(count)


def walk(values: Floats, margin: float, *, two_sided: bool = False, widen: Widen = widening) -> Walk:
    """Takes runs, [runs, launches], through the planned looks that their launches reach; each freezes at its first
    crossing.

    `widen`: the rule for autocorrelation, so that a simulation can try others.
    """
    runs, reached = values.shape
    codes, launches = np.zeros(runs, np.int8), np.full(runs, LOOKS[0])
    for count in (count for count in LOOKS if count <= reached):
        launches[codes == UNDECIDED] = count
        found = _codes(look_at(values[:, :count], widen), margin, two_sided)
        codes = np.where(codes == UNDECIDED, found, codes)
    return Walk(codes, launches)


def look_at(values: Floats, widen: Widen = widening) -> Look:
    """Returns the statistics of one look at [runs, launches]."""
    count = values.shape[1]
    with np.errstate(invalid="ignore", over="ignore"):
        deviation = values.std(axis=1, ddof=1)
        deviation = np.where((deviation > LEAST_DEVIATION) & (deviation < math.inf), deviation, math.nan)
        return Look(count, values.mean(axis=1), deviation * widen(count))


def _codes(look: Look, margin: float, two_sided: bool) -> NDArray[np.int8]:
    """Returns what a look proves, [runs]. A comparison with NaN is False: what can't be computed proves nothing."""
    wide, narrow = (t_quantile(1 - level, look.launches - 1) * look.standard_error for level in (REGRESSION_P, PASS_P))
    worse = look.estimate - wide > margin
    good = look.estimate + narrow < margin
    if two_sided:
        worse |= look.estimate + wide < -margin
        good &= look.estimate - narrow > -margin
    return np.where(worse, REGRESSED, np.where(good, PASSED, UNDECIDED)).astype(np.int8)


def _interval(look: Look) -> Interval:
    freedom = look.launches - 1
    estimate, error = float(look.estimate[0]), float(look.standard_error[0])
    wide, narrow = (t_quantile(1 - level, freedom) * error for level in (REGRESSION_P, PASS_P))
    return Interval(estimate, error, freedom, estimate - wide, estimate + wide, estimate - narrow, estimate + narrow)


def _not_computed(values: Sequence[float], count: int) -> Decision:
    """Returns a decision without bounds. Equal launches may differ later; one that is no number stays in every look."""
    finite = all(map(math.isfinite, values[: LOOKS[-1]]))
    problem = Problem.NO_SPREAD if finite else Problem.NOT_A_NUMBER
    if finite and max(values[:count]) - min(values[:count]) > 1:
        problem = Problem.TOO_LARGE
    return Decision(Outcome.INCONCLUSIVE, False, not finite or count == LOOKS[-1], count, None, None, problem)
