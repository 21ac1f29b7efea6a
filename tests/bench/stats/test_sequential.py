"""The sequential rule: its looks by hand, what can't be computed, and its error rates by a small simulation."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from bench.stats.autocorrelation import widening
from bench.stats.intervals import t_quantile
from bench.stats.outcome import Outcome
from bench.stats.power import unseen
from bench.stats.sequential import (
    LOOKS,
    OUTCOMES,
    PASS_LAUNCHES,
    PASS_P,
    REGRESSION_P,
    SLOW_SHARE,
    UNDECIDED,
    USUAL,
    Decision,
    LookPlan,
    decide,
    walk,
)
from experiments.boundaries import PASS_RATE, PUBLISHED, REGRESSION_RATE, critical_z, smallest_p

MARGIN = 0.05
# Mean 0 and deviation 1 at four launches.
UNIT = np.array([1.0, -1.0, -1.0, 1.0]) * math.sqrt(3) / 2
WIDENING = widening(4)


def launches(estimate: float, deviation: float) -> list[float]:
    return [float(value) for value in estimate + deviation * UNIT]


def decided(
    values: Sequence[float], margin: float = MARGIN, plan: LookPlan = USUAL, *, two_sided: bool = False
) -> Decision:
    found = decide(values, margin, plan, two_sided=two_sided)
    assert found is not None
    return found


def test_critical_values_are_those_of_the_design() -> None:
    regression, passing = (
        [round(t_quantile(1 - level, count - 1), 2) for count in LOOKS] for level in (REGRESSION_P, PASS_P)
    )
    assert regression == [6.16, 4.19, 3.61, 3.34, 3.19, 3.02, 2.87, 2.81, 2.74]
    assert passing == [4.59, 3.39, 3.02, 2.84, 2.74, 2.62, 2.51, 2.47, 2.42]


def test_levels_give_the_overall_error_rates() -> None:
    # 100,000 tails: off by at most 4 standard errors of a proportion.
    found = smallest_p(50_000, LOOKS)
    for level, rate in ((REGRESSION_P, REGRESSION_RATE), (PASS_P, PASS_RATE)):
        tolerance = 4 * math.sqrt(rate * (1 - rate) / 100_000)
        assert float((found < level).mean()) == pytest.approx(rate, abs=tolerance)
        assert float((found < 1.2 * level).mean()) > rate + tolerance  # a level a fifth higher would be found out


@pytest.mark.parametrize("count", [2, 5])
def test_the_same_simulation_finds_pocock_s_constants(count: int) -> None:
    assert critical_z(200_000, count) == pytest.approx(PUBLISHED[count], abs=0.02)


@pytest.mark.parametrize("count", range(4))
def test_nothing_is_decided_before_the_first_look(count: int) -> None:
    assert decide([0.0] * count, MARGIN) is None


def test_bounds_show_their_arithmetic() -> None:
    # Mean 0.02, deviation 0.01: standard error 0.01/√4 × the widening; t at three degrees of freedom 6.16 and 4.59.
    found = decided(launches(0.02, 0.01))
    assert found.interval is not None
    error = 0.005 * WIDENING
    assert found.launches == 4
    assert (found.interval.estimate, found.interval.standard_error, found.interval.degrees_of_freedom) == pytest.approx(
        (0.02, error, 3)
    )
    assert (found.interval.low, found.interval.high) == pytest.approx(
        (0.02 - 6.16 * error, 0.02 + 6.16 * error), abs=1e-4
    )
    assert (found.interval.pass_low, found.interval.pass_high) == pytest.approx(
        (0.02 - 4.59 * error, 0.02 + 4.59 * error), abs=1e-4
    )


@pytest.mark.parametrize(
    ("estimate", "outcome", "improved"),
    [
        # The bounds of deviation 0.01 are 0.005 × 1.23 × 6.16 = 0.038 and 0.005 × 1.23 × 4.59 = 0.028 away.
        (0.089, Outcome.REGRESSION, False),
        (0.087, Outcome.INCONCLUSIVE, False),
        (0.023, Outcome.INCONCLUSIVE, False),
        (0.021, Outcome.PASS, False),
        (-0.087, Outcome.PASS, False),
        (-0.089, Outcome.PASS, True),
    ],
)
def test_outcomes_at_the_first_look(estimate: float, outcome: Outcome, improved: bool) -> None:
    found = decided(launches(estimate, 0.01))
    assert (found.outcome, found.improved, found.final) == (outcome, improved, outcome is not Outcome.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("estimate", "outcome"),
    [
        (0.089, Outcome.REGRESSION),
        (-0.089, Outcome.REGRESSION),
        (0.021, Outcome.PASS),
        (-0.021, Outcome.PASS),
        (0.023, Outcome.INCONCLUSIVE),
        (-0.023, Outcome.INCONCLUSIVE),
    ],
)
def test_two_sided_outcomes(estimate: float, outcome: Outcome) -> None:
    found = decided(launches(estimate, 0.01), two_sided=True)
    assert (found.outcome, found.improved) == (outcome, False)


def test_a_decision_is_frozen_at_its_first_crossing() -> None:
    passed = launches(0.0, 0.01)
    slow = [*passed, *[0.5 + value for value in passed], *[0.5 + value for value in passed]]
    found = decided(slow)
    assert (found.outcome, found.launches, found.final) == (Outcome.PASS, 4, True)
    assert found == decided(passed)


def test_launches_between_looks_wait_for_the_next() -> None:
    undecided = launches(MARGIN, 0.01)
    assert decided(undecided) == decided([*undecided, 9.0])
    assert decided([*undecided, 9.0, 9.0]).launches == 6


def test_a_run_ends_with_the_launches_that_are_planned() -> None:
    at_margin = launches(MARGIN, 0.01) * 12
    found = [decided(at_margin[:count], plan=LookPlan(most=16)) for count in (12, 15, 16)]
    assert [each.outcome for each in found] == [Outcome.INCONCLUSIVE] * 3
    assert [(each.launches, each.final) for each in found] == [(12, False), (12, False), (16, True)]
    assert decided(at_margin[:12]).final  # the usual plan


def test_launches_after_the_last_look_do_not_count() -> None:
    at_margin = launches(MARGIN, 0.01) * 12
    found = decided(at_margin)
    assert (found.outcome, found.launches, found.final) == (Outcome.INCONCLUSIVE, 48, True)
    assert decided([*at_margin, 9.0, math.nan]) == found


def test_a_pass_waits_for_the_launches_that_it_takes() -> None:
    quick, plan = launches(0.0, 0.01) * 2, LookPlan(pass_from=5)
    assert (decided(quick[:4], plan=plan).outcome, decided(quick[:4]).outcome) == (Outcome.INCONCLUSIVE, Outcome.PASS)
    found = decided(quick[:6], plan=plan)
    assert (found.outcome, found.launches) == (Outcome.PASS, 6)
    assert decided(launches(0.2, 0.01), plan=plan).outcome is Outcome.REGRESSION  # which waits for nothing


def test_looks_before_the_first_of_a_plan_are_left_out() -> None:
    """Four launches 20% slower would be a REGRESSION; a plan from eight hears eight of them, and then all."""
    slow, plan = launches(0.2, 0.01) * 2, LookPlan(first=8)
    assert decide(slow[:7], MARGIN, plan) is None
    found = decided(slow[:8], plan=plan)
    assert (found.outcome, found.launches) == (Outcome.REGRESSION, 8)
    even = decided((*slow[:4], *launches(-0.2, 0.01)), plan=plan)  # frozen at four without such a plan
    assert even.outcome is Outcome.INCONCLUSIVE


def test_slow_launches_are_seen_by_the_launches_that_a_pass_takes() -> None:
    # 0.7⁸ = 5.8%, 0.7⁹ = 4.0%.
    assert unseen(SLOW_SHARE, PASS_LAUNCHES) < 0.05 < unseen(SLOW_SHARE, PASS_LAUNCHES - 1)


def test_a_run_that_ends_earlier_calls_nothing_that_all_looks_would_not() -> None:
    # So the error rates hold however the largest number of launches is chosen: here by the values themselves.
    values = np.random.default_rng(8).standard_normal((20_000, LOOKS[-1])) + 1.0
    whole = walk(values, 1.0).codes
    for most in LOOKS:
        ended = walk(values[:, :most], 1.0).codes
        assert (ended[ended != UNDECIDED] == whole[ended != UNDECIDED]).all()


def test_equal_launches_prove_nothing_until_they_differ() -> None:
    found = decided([0.01] * 4)
    assert (found.outcome, found.final, found.interval) == (Outcome.INCONCLUSIVE, False, None)
    assert decided([0.01] * 12).final
    assert decided([0.01] * 4 + [0.0101, 0.0099]).outcome is Outcome.PASS
    assert decided([0.01, 0.01 + 1e-12, 0.01, 0.01]).interval is None  # the difference is rounding's


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        (0.0, Outcome.PASS),
        (MARGIN - 1e-6, Outcome.PASS),
        (MARGIN, Outcome.INCONCLUSIVE),
        (MARGIN + 1e-6, Outcome.REGRESSION),
    ],
)
def test_equal_launches_prove_where_values_are_read_in_units(value: float, outcome: Outcome) -> None:
    found = decide([value] * 4, MARGIN, in_units=True)
    assert found is not None
    assert found.interval is not None
    assert (found.outcome, found.interval.low, found.interval.pass_high) == (outcome, value, value)
    held_back = decide([0.0] * 8, MARGIN, LookPlan(pass_from=9), in_units=True)
    assert held_back is not None
    assert held_back.outcome is Outcome.INCONCLUSIVE
    assert decide(launches(0.0, 0.01), MARGIN, in_units=True) == decide(launches(0.0, 0.01), MARGIN)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_launch_that_is_no_number_is_inconclusive(value: float) -> None:
    found = decided([0.0, 0.01, value, 0.01])
    assert (found.outcome, found.final, found.interval) == (Outcome.INCONCLUSIVE, True, None)


def test_what_was_proven_before_a_launch_that_is_no_number_stands() -> None:
    assert decided([*launches(0.0, 0.01), math.nan, 0.0]).outcome is Outcome.PASS


def test_values_too_large_for_a_spread_are_inconclusive() -> None:
    found = decided([1e308, -1e308, 1e308, -1e308])
    assert (found.outcome, found.interval) == (Outcome.INCONCLUSIVE, None)


@pytest.mark.parametrize("margin", [0.0, -0.05, math.nan, math.inf])
def test_a_margin_that_is_none_is_refused(margin: float) -> None:
    with pytest.raises(ValueError, match=f"the margin is {margin}; it must be above 0"):
        decide([0.0] * 4, margin)


def test_many_runs_are_judged_as_each_is() -> None:
    values = (
        np.random.RandomState(1).standard_normal((200, 12)) * 0.02 + 0.05 * np.arange(-1, 3).repeat(50)[:, np.newaxis]
    )
    for two_sided in (False, True):
        walked = walk(values, MARGIN, two_sided=two_sided)
        found = [decided(list(row), two_sided=two_sided) for row in values]
        assert [each.outcome for each in found] == [OUTCOMES[code] for code in walked.codes.tolist()]
        assert [each.launches for each in found] == walked.launches.tolist()
        assert len(set(walked.codes.tolist())) == 3
