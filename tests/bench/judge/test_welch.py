"""Welch's interval by hand, the sessions' part of it, and the cover of its bounds by simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from bench.judge.intervals import Components, components
from bench.judge.welch import unpaired, welch
from tests.figures.unpaired import coverage, floored

DRAWS = 2000
SESSIONS = components([[0.0, 2.0], [4.0, 6.0], [8.0, 10.0]])  # means 1, 5, 9, of variance 16


def test_welch_is_scipys() -> None:
    reference, candidate = [1.0, 2.0, 4.0], [5.0, 9.0, 7.0, 8.0]
    found, theirs = welch(reference, candidate), stats.ttest_ind(candidate, reference, equal_var=False)
    assert found is not None
    assert found.estimate / found.standard_error == pytest.approx(theirs.statistic)
    assert found.degrees_of_freedom == pytest.approx(theirs.df)
    bounds = theirs.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((bounds.low, bounds.high))


def test_sessions_add_twice_the_variance_of_their_means() -> None:
    # Variance 1 of three a side: 1/3 + 1/3 + 2·16 = 98/3. Satterthwaite: (98/3)² / ((1/3)²/2 + (1/3)²/2 + 32²/2).
    found = unpaired([1, 2, 3], [4, 5, 6], SESSIONS)
    assert found is not None
    assert (found.estimate, found.standard_error) == pytest.approx((3.0, math.sqrt(98 / 3)))
    assert found.degrees_of_freedom == pytest.approx((98 / 3) ** 2 / (1 / 9 + 512))


@pytest.mark.parametrize("sessions", [None, components([[1.0, 2.0, 3.0]]), components([[1.0, 2.0], [3.0, 4.0]])])
def test_without_the_variance_of_sessions_nothing_is_judged(sessions: Components | None) -> None:
    assert unpaired([1, 2, 3], [4, 5, 6], sessions) is None


@pytest.mark.parametrize(
    ("reference", "candidate"),
    [([], [1.0, 2.0]), ([1.0], [1.0, 2.0]), ([1.0, 2.0], [3.0]), ([1.0, math.nan], [1.0, 2.0]), ([1.0, 2.0], [1.0, math.inf])],
)
def test_what_has_no_spread_is_not_judged(reference: list[float], candidate: list[float]) -> None:
    assert welch(reference, candidate) is None
    assert unpaired(reference, candidate, SESSIONS) is None


def test_equal_launches_are_not_judged() -> None:
    assert welch([1.0, 1.0], [1.0, 1.0]) is None


def least(level: float) -> float:
    return level - 4 * math.sqrt(level * (1 - level) / DRAWS)


@pytest.mark.parametrize(("ratio", "tails"), [(0.0, None), (0.1, None), (1.0, None), (3.0, None), (1.0, 3.0)])
@pytest.mark.parametrize("sizes", [(4, 4, 4), (4, 4, 4, 4, 4)], ids=str)
def test_bounds_cover_at_least_what_they_say(sizes: tuple[int, ...], ratio: float, tails: float | None) -> None:
    wide, narrow = coverage(unpaired, DRAWS, sizes, ratio, tails=tails)
    assert wide >= least(0.975)
    assert narrow >= least(0.95)


def test_a_variance_of_sessions_floored_at_0_does_not_cover() -> None:
    # The rule that is not used, and a proof that `least` can be missed.
    wide, narrow = coverage(floored, DRAWS, (4, 4, 4), 1.0)
    assert wide < least(0.975)
    assert narrow < least(0.95)


def test_a_difference_is_found() -> None:
    found = unpaired(list(np.linspace(9, 11, 8)), list(np.linspace(99, 101, 8)), SESSIONS)
    assert found is not None
    assert found.low > 50
