"""States what a comparison could have seen: its minimum detectable effect, its power, and the launches it needs.

With an effect of δ standard errors beyond the margin, t has the noncentral distribution of parameter δ; a REGRESSION is
called where it exceeds its critical value. The standard error found is taken for the true one. Of launches that are
looked at repeatedly the last planned look alone is counted: earlier looks only add to the power.
"""

import dataclasses
import functools
import math
from collections.abc import Sequence

import numpy as np

from bench.stats.autocorrelation import widening
from bench.stats.intervals import REGRESSION_LEVEL, Interval, t_quantile
from bench.stats.sequential import LEAST_DEVIATION, LOOKS, REGRESSION_P, USUAL_LAUNCHES, Decision, LookPlan, look_at

POWER = 0.95
EFFECTS = (1.5, 2.0, 3.0)  # margins
# Four launches show less than two thirds of the deviation in 28% of runs, so that this many times theirs is planned
# for. Chosen by simulation: docs/statistics.md.
ALLOWANCE = 1.5

MOST_MARGINS = 1000.0  # that an effect is off, where launches are counted


@dataclasses.dataclass(frozen=True)
class Precision:
    """How finely a comparison could tell, on the metric's scale."""

    deviation: float  # between launches, as it was found: not widened for those that resemble each other
    launches: int  # that the outcome rests on
    planned: int  # the largest number of launches
    needed: int | None  # see `needed`, no fewer than a PASS takes; None where more launches don't settle it
    detectable: float  # minimum detectable effect: a REGRESSION with 95% power
    power: tuple[float, ...]  # of REGRESSION, at EFFECTS


def precision_of_launches(decision: Decision, margin: float, plan: LookPlan) -> Precision | None:
    """Returns the precision of launches that were decided at planned looks; None without bounds."""
    found, count = decision.interval, decision.launches
    if found is None:
        return None
    deviation, most = found.standard_error * math.sqrt(count) / widening(count), max(plan.most, count)
    passes = next(look for look in LOOKS if look >= max(plan.pass_from, plan.first))
    least = max(needed(deviation, margin), passes)
    return Precision(deviation, count, most, least, *_power(margin, *_last_look(deviation, most)))


def precision_of_interval(found: Interval, margin: float, deviation: float, launches: int) -> Precision:
    """Returns the precision of an interval that is looked at once; `deviation` of one launch from another."""
    told = _power(margin, found.standard_error, found.degrees_of_freedom, REGRESSION_LEVEL)
    return Precision(deviation, launches, launches, None, *told)


def needed(deviation: float, margin: float) -> int:
    """Returns the number of launches at which twice the margin is called a REGRESSION with 95% power.

    An unchanged candidate, which is as far from the margin, passes with more. Beyond the last look the number is an
    estimate, by the root of the launches.
    """
    for launches in range(LOOKS[0], LOOKS[-1] + 1):
        found = detectable(margin, *_last_look(deviation, launches))
        if found <= 2 * margin:
            return launches
    return math.ceil(LOOKS[-1] * min((found - margin) / margin, MOST_MARGINS) ** 2)


def planned(first: Sequence[float], margin: float, most: int = LOOKS[-1]) -> int:
    """Returns the largest number of launches of a run, a look, by the deviation of its first launches; at most `most`.

    Any choice keeps the error rates (bench.stats.sequential): this one is for the power.
    """
    deviation = float(look_at(np.array([first])).deviation[0])
    wanted = USUAL_LAUNCHES if math.isnan(deviation) else max(needed(ALLOWANCE * deviation, margin), USUAL_LAUNCHES)
    allowed = [look for look in LOOKS if look <= most] or [LOOKS[0]]
    return next((look for look in allowed if look >= wanted), allowed[-1])


def detectable(margin: float, standard_error: float, freedom: float, level: float) -> float:
    """Returns the smallest true difference that is called a REGRESSION with 95% power, where t has to exceed the
    quantile of `level`.
    """
    return margin + _noncentrality(freedom, level) * standard_error


def unseen(share: float, launches: int) -> float:
    """Returns the probability that no launch shows a slow mode which a share of them has."""
    return (1 - share) ** launches


def _last_look(deviation: float, launches: int) -> tuple[float, float, float]:
    """Returns the standard error, the degrees of freedom and the level of a REGRESSION."""
    return deviation * widening(launches) / math.sqrt(launches), launches - 1, 1 - REGRESSION_P


def _power(margin: float, standard_error: float, freedom: float, level: float) -> tuple[float, tuple[float, ...]]:
    """Returns the minimum detectable effect, and the power at EFFECTS."""
    from scipy import special  # late, as in intervals

    critical = t_quantile(level, freedom)
    beyond = ((effect - 1) * margin / max(standard_error, LEAST_DEVIATION) for effect in EFFECTS)
    missed = (float(special.nctdtr(freedom, delta, critical)) for delta in beyond)
    curve = tuple(1 - (0.0 if math.isnan(miss) else miss) for miss in missed)  # NaN: SciPy's, of less than 1e-100
    return detectable(margin, standard_error, freedom, level), curve


@functools.cache
def _noncentrality(freedom: float, level: float) -> float:
    """Returns the standard errors beyond the margin at which a REGRESSION has 95% power."""
    from scipy import special  # late, as in intervals

    return float(special.nctdtrinc(freedom, 1 - POWER, t_quantile(level, freedom)))
