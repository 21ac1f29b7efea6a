"""Precision: its arithmetic, and by simulation that what it promises is kept by the rule that judges."""

import math

import numpy as np
import pytest
from scipy import stats

from bench.stats import power
from bench.stats.autocorrelation import ASSUMED
from bench.stats.intervals import interval
from bench.stats.power import EFFECTS, needed, planned, precision_of_interval, precision_of_launches, unseen
from bench.stats.sequential import LOOKS, PASSED, REGRESSED, USUAL, USUAL_LAUNCHES, LookPlan, decide, walk
from experiments.noise import autoregression

MARGIN = 0.05
RUNS = 20_000
SLACK = 4 * math.sqrt(0.95 * 0.05 / RUNS)
# Mean 0 and deviation 1 at four launches.
UNIT = [value * math.sqrt(3) / 2 for value in (1.0, -1.0, -1.0, 1.0)]


def precision(deviation: float, plan: LookPlan = USUAL) -> power.Precision:
    decision = decide([deviation * value for value in UNIT], MARGIN, plan)
    assert decision is not None
    found = precision_of_launches(decision, MARGIN, plan)
    assert found is not None
    return found


def regressions(effect: float, deviation: float, launches: int, rho: float = 0.0) -> float:
    """The share of simulated runs that are a REGRESSION."""
    noise = autoregression(np.random.default_rng(3).standard_normal((RUNS, launches)), rho)
    return float((walk(effect + deviation * noise, MARGIN).codes == REGRESSED).mean())


@pytest.mark.parametrize("rho", [0.0, ASSUMED])
def test_the_minimum_detectable_effect_is_detected_with_95_percent_power(rho: float) -> None:
    found = precision(0.02)
    assert found.deviation == pytest.approx(0.02)
    assert (found.launches, found.planned) == (4, USUAL_LAUNCHES)
    assert regressions(found.detectable, 0.02, found.planned, rho) >= 0.95 - SLACK
    assert regressions((found.detectable + MARGIN) / 2, 0.02, found.planned, rho) < 0.95


def test_the_power_stated_is_had() -> None:
    """Earlier looks add up to a few percent."""
    found = precision(0.03)
    assert found.power == tuple(sorted(found.power))
    for effect, stated in zip(EFFECTS, found.power, strict=True):
        assert stated - SLACK <= regressions(effect * MARGIN, 0.03, found.planned) <= stated + 0.12


def test_more_planned_launches_show_less() -> None:
    usual, twice = precision(0.02), precision(0.02, LookPlan(24))
    assert twice.detectable < usual.detectable
    assert all(more > less for more, less in zip(twice.power[:2], usual.power[:2], strict=True))
    assert twice.needed == usual.needed


def test_no_fewer_launches_are_needed_than_a_pass_takes() -> None:
    assert needed(0.001, MARGIN) == 4
    assert [precision(0.001, LookPlan(pass_from=least)).needed for least in (4, 5, 9)] == [4, 6, 10]  # the next looks
    later = decide([0.001 * value for value in UNIT * 2], MARGIN, LookPlan(pass_from=5, first=8))
    assert later is not None
    found = precision_of_launches(later, MARGIN, LookPlan(pass_from=5, first=8))
    assert found is not None
    assert found.needed == 8  # since the first look is a later one
    assert precision(MARGIN, LookPlan(pass_from=9)).needed == needed(MARGIN, MARGIN) > 10


@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0])
def test_launches_that_are_needed_tell_twice_the_margin_from_none(ratio: float) -> None:
    launches = needed(MARGIN / ratio, MARGIN)
    assert launches < needed(MARGIN / ratio * 1.2, MARGIN)
    if launches > LOOKS[-1]:
        assert launches == pytest.approx(4 * needed(MARGIN / ratio / 2, MARGIN), rel=0.1)  # by the root
        return
    look = next(look for look in LOOKS if look >= launches)
    assert regressions(2 * MARGIN, MARGIN / ratio, look) >= 0.95 - SLACK
    unchanged = MARGIN / ratio * np.random.default_rng(4).standard_normal((RUNS, look))
    assert float((walk(unchanged, MARGIN).codes == PASSED).mean()) >= 0.95 - SLACK


@pytest.mark.parametrize(
    ("deviation", "launches"),
    [
        # Twice the margin is found with 95% power by 12 launches whose deviation is the margin over 1.83; 1.5 times the
        # deviation of the first four is planned for.
        (0.0, 12),
        (MARGIN / 1.83 / 1.6, 12),
        (MARGIN / 1.83 / 1.4, 16),
        (MARGIN, 48),
        (100 * MARGIN, 48),
    ],
)
def test_the_largest_number_of_launches_follows_the_first_four(deviation: float, launches: int) -> None:
    assert planned([deviation * value for value in UNIT], MARGIN) == launches
    assert planned([9.0 + deviation * value for value in UNIT], MARGIN) == launches  # whatever their mean


@pytest.mark.parametrize(("most", "launches"), [(48, 48), (47, 32), (11, 10), (3, 4)])
def test_a_cap_ends_at_a_look(most: int, launches: int) -> None:
    assert planned([MARGIN * value for value in UNIT], MARGIN, most) == launches


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e308])
def test_launches_without_a_deviation_ask_for_no_more_than_is_usual(value: float) -> None:
    assert planned([value, -value, value, 0.0], MARGIN) == USUAL_LAUNCHES
    assert planned([0.0, 1e100, 0.0, 0.0], MARGIN) == 48


@pytest.mark.parametrize("deviations", [2.0, 1.0])
def test_runs_are_planned_to_be_decided(deviations: float) -> None:
    """A margin of so many deviations: what is unchanged passes, and twice the margin is found."""
    noise = autoregression(np.random.default_rng(5).standard_normal((2000, LOOKS[-1])), ASSUMED)
    most = np.array([planned(row[:4].tolist(), deviations) for row in noise])
    for effect, code in ((0.0, PASSED), (2.0, REGRESSED)):
        walked = walk(noise + effect * deviations, deviations)
        decided = (walked.codes == code) & (walked.launches <= most)
        assert float(decided.mean()) > 0.95 - 4 * math.sqrt(0.95 * 0.05 / len(noise))


@pytest.mark.parametrize("freedom", [1, 2, 4, 15])
def test_an_interval_that_is_looked_at_once_has_a_precision_too(freedom: int) -> None:
    # Simulated: an estimate at the detectable difference, and a standard error with `freedom` degrees of freedom.
    margin, draws = 0.2, 40_000
    generator = np.random.RandomState(2)
    found = precision_of_interval(interval(0.0, 1.0, freedom), margin, 3.0, 5)
    assert (found.deviation, found.launches, found.planned, found.needed) == (3.0, 5, 5, None)
    estimates = found.detectable + generator.standard_normal(draws)
    errors = np.sqrt(generator.chisquare(freedom, draws) / freedom)
    called = float(np.mean(estimates - stats.t.ppf(0.975, freedom) * errors > margin))
    assert called == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / draws))


def test_no_bounds_no_precision() -> None:
    decision = decide([0.01] * 4, MARGIN)
    assert decision is not None
    assert precision_of_launches(decision, MARGIN, USUAL) is None


def test_an_unseen_slow_mode_shows_its_arithmetic() -> None:
    assert unseen(0.2, 10) == pytest.approx(0.1074, abs=1e-4)  # 0.8¹⁰
