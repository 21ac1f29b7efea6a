"""Variance components against worked examples, bounds against tables, coverage against simulation."""

import math

import pytest

from bench.stats.intervals import Interval, components, decide_once, interval, new_group_interval, widened
from bench.stats.outcome import Outcome
from experiments.coverage import coverage, coverage_by_larger_component

# A coverage estimated from DRAWS draws is off by at most 4 standard errors of a proportion, but for one time in 30,000.
DRAWS = 4000


def test_components_of_the_tensile_strength_example() -> None:
    # Montgomery, "Design and Analysis of Experiments", the loom example of random effects: four looms, four strengths
    # each. SS between = 89.19, MS between = 29.73, MS error = 22.75/12 = 1.90, σ² between = (29.73 − 1.90)/4 = 6.96.
    looms = [[98, 97, 99, 96], [91, 90, 93, 92], [96, 95, 97, 95], [95, 96, 99, 98]]
    found = components(looms)
    assert found.mean == pytest.approx(95.4375)
    assert found.within == pytest.approx(22.75 / 12)
    assert found.between == pytest.approx(6.96, abs=0.005)
    assert (found.groups, found.count, found.group_size) == (4, 16, 4)
    # MS between / N: what the analysis of variance gives.
    assert found.mean_variance == pytest.approx(29.7292 / 16, abs=1e-4)


def test_components_of_groups_of_unequal_size() -> None:
    # Groups 1, 3 | 5: means 2, 5, of which the mean is 3.5. Within: ((1−2)² + (3−2)²)/(3 − 2) = 2. Harmonic mean size:
    # 2/(1/2 + 1/1) = 4/3. Variance of the means: (2−3.5)² + (5−3.5)² = 4.5, of which 2/(4/3) = 1.5 is due to `within`:
    # between = 3.
    found = components([[1, 3], [5]])
    assert (found.groups, found.count) == (2, 3)
    assert (found.mean, found.between, found.within, found.group_size) == pytest.approx((3.5, 3.0, 2.0, 4 / 3))
    assert found.mean_variance == pytest.approx((3 + 1.5) / 2)


def test_a_big_group_weighs_no_more_than_a_small_one() -> None:
    # 100 measurements of one session say no more of how sessions differ than 4 of it do.
    assert components([[0.0, 2.0] * 50, [3.0]]).mean == 2.0


def test_one_group_has_no_variance_between() -> None:
    found = components([[1, 2, 3]])
    assert found.groups == 1
    assert (found.between, found.within, found.mean_variance) == pytest.approx((0.0, 1.0, 1 / 3))


def test_singletons_count_all_variance_as_between() -> None:
    # Means are the values: variance of 1, 2, 3 is 1.
    found = components([[1], [2], [3]])
    assert (found.between, found.within) == (1.0, 0.0)


def test_between_is_floored_at_zero() -> None:
    assert components([[0, 10], [0, 10]]).between == 0.0


def test_empty_groups_are_left_out() -> None:
    assert components([[], [1, 3], []]) == components([[1, 3]])


@pytest.mark.parametrize(("groups", "said"), [([], "0 measurements"), ([[1.0]], "1 measurement can't")])
def test_too_few_measurements_are_refused(groups: list[list[float]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        components(groups)


def test_interval_bounds_are_those_of_the_t_table() -> None:
    # Student's t with 4 degrees of freedom: 2.776 at 97.5%, 2.132 at 95%.
    found = interval(1.0, 0.5, 4)
    assert (found.low, found.high) == pytest.approx((1 - 0.5 * 2.776, 1 + 0.5 * 2.776), abs=1e-3)
    assert (found.pass_low, found.pass_high) == pytest.approx((1 - 0.5 * 2.132, 1 + 0.5 * 2.132), abs=1e-3)


def test_new_group_interval_shows_its_arithmetic() -> None:
    # S = 2 groups of m = 2 with means 1 and 5; within = 2, variance of means 8, between = 8 − 2/2 = 7. A candidate of n
    # = 2 at 10: 7·(1 + 1/2) + 2·(1/2 + 1/4) = 12, with 1 degree of freedom.
    found = new_group_interval([9.0, 11.0], components([[0, 2], [4, 6]]))
    assert found.estimate == pytest.approx(7.0)
    assert found.standard_error == pytest.approx(math.sqrt(12))
    assert found.degrees_of_freedom == 1


def test_a_candidate_of_one_counts_the_whole_variance_within() -> None:
    # As above with n = 1: 10.5 + 2·(1 + 1/4) = 13.
    assert new_group_interval([10.0], components([[0, 2], [4, 6]])).standard_error == pytest.approx(math.sqrt(13))


def test_one_group_is_a_comparison_of_two_samples() -> None:
    # Variance 1 of three; a candidate of two: 1/2 + 1/3, 2 degrees of freedom.
    found = new_group_interval([2.0, 2.0], components([[1, 2, 3]]))
    assert found.standard_error == pytest.approx(math.sqrt(5 / 6))
    assert found.degrees_of_freedom == 2


def bounds(low: float, high: float) -> Interval:
    """One whose bounds of a PASS lie half as far from the middle as those of a REGRESSION."""
    middle, half = (low + high) / 2, (high - low) / 4
    return Interval(middle, 1.0, 3, low, high, middle - half, middle + half)


@pytest.mark.parametrize(
    ("low", "high", "above", "either_side"),
    [
        (-2.0, 2.0, Outcome.PASS, Outcome.PASS),
        (-4.0, 4.0, Outcome.PASS, Outcome.PASS),  # what has to be within the margin of 3 is the narrower interval
        (-7.0, 7.0, Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE),
        (2.0, 6.0, Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE),
        (3.1, 6.0, Outcome.REGRESSION, Outcome.REGRESSION),
        (-6.0, -2.0, Outcome.PASS, Outcome.INCONCLUSIVE),
        (-6.0, -3.1, Outcome.PASS, Outcome.REGRESSION),
    ],
)
def test_outcomes_of_an_interval_by_a_margin(low: float, high: float, above: Outcome, either_side: Outcome) -> None:
    found = bounds(low, high)
    assert (decide_once(found, 3.0), decide_once(found, 3.0, two_sided=True)) == (above, either_side)


def test_a_known_deviation_widens_in_quadrature() -> None:
    # Normal points 1.960 and 1.645 of a deviation of 2: 3.92 and 3.29, in quadrature with 3 and 1.5.
    found = widened(bounds(-3.0, 3.0), 2.0, shift=10.0)
    assert (found.estimate, found.standard_error) == pytest.approx((10.0, math.hypot(1.0, 2.0)))
    assert (found.high - 10, 10 - found.low) == pytest.approx((math.hypot(3, 3.92),) * 2, abs=1e-3)
    assert (found.pass_high - 10, 10 - found.pass_low) == pytest.approx((math.hypot(1.5, 3.29),) * 2, abs=1e-3)
    assert widened(bounds(-3.0, 3.0), 0.0) == bounds(-3.0, 3.0)


def test_other_intervals_widen_in_quadrature_by_their_own_bounds() -> None:
    """Whatever their estimates: 3 and 4 are 5, 1.5 and 2 are 2.5."""
    other = Interval(7.0, 2.0, 3, 3.0, 11.0, 5.0, 9.0)
    found = widened(bounds(-3.0, 3.0), 0.0, others=[other])
    assert found.standard_error == pytest.approx(math.hypot(1.0, 2.0))
    assert (found.low, found.high, found.pass_low, found.pass_high) == pytest.approx((-5.0, 5.0, -2.5, 2.5))


def least(level: float) -> float:
    """Returns the lowest coverage that `level` comes to in DRAWS draws."""
    return level - 4 * math.sqrt(level * (1 - level) / DRAWS)


@pytest.mark.parametrize("ratio", [0.0, 3.0])
@pytest.mark.parametrize("sizes", [(4, 4), (4, 4, 4, 4, 4), (1, 1, 1, 4, 2)], ids=str)
def test_bounds_cover_at_least_what_they_say(sizes: tuple[int, ...], ratio: float) -> None:
    wide, narrow = coverage(DRAWS, sizes, ratio)
    assert wide >= least(0.975)
    assert narrow >= least(0.95)


def test_bounds_cover_with_heavy_tails() -> None:
    wide, narrow = coverage(DRAWS, (4, 4, 4), 1.0, tails=3)
    assert wide >= least(0.975)
    assert narrow >= least(0.95)


def test_more_candidate_measurements_than_a_group_has_do_not_spoil_the_cover() -> None:
    wide, narrow = coverage(DRAWS, (4, 4, 4, 4, 4), 1.0, n=16)
    assert wide >= least(0.975)
    assert narrow >= least(0.95)


def test_degrees_of_freedom_by_the_larger_component_do_not_cover() -> None:
    # The rule that is not used, and a proof that `least` can be missed.
    wide, narrow = coverage_by_larger_component(DRAWS, (4, 4), 1.0)
    assert wide < least(0.975)
    assert narrow < least(0.95)
