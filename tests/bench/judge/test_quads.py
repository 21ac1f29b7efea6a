"""Quads to a launch's summary, and the variance split between launches and quads."""

import math

import numpy as np
import pytest

from bench.judge.quads import quad_log_ratio
from bench.record.paired import Quad
from bench.stats.spread import spread
from bench.stats.trimmed import launch_summary, trimmed_means

E = math.e


def quad(order: str, *seconds: float) -> Quad:
    return Quad(order, seconds, (0.0,) * len(seconds))


def test_a_quad_is_the_candidates_logarithms_less_the_references() -> None:
    # ABBA: (1 + 3)/2 − (0 + 2)/2 = 1; the same blocks read as BAAB: the other way round.
    blocks = (1.0, E, E**3, E**2)
    assert quad_log_ratio(quad("ABBA", *blocks)) == pytest.approx(1.0)
    assert quad_log_ratio(quad("BAAB", *blocks)) == pytest.approx(-1.0)


@pytest.mark.parametrize("order", ["ABBA", "BAAB"])
def test_a_machine_that_slows_down_steadily_cancels(order: str) -> None:
    assert quad_log_ratio(quad(order, 1.0, E, E**2, E**3)) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (quad("ABAB", 1, 1, 1, 1), "order 'ABAB' with 4 blocks"),
        (quad("ABBA", 1, 1, 1), "order 'ABBA' with 3 blocks"),
        (quad("ABBA", 1, 0, 1, 1), "a block of 0 seconds"),
        (quad("ABBA", 1, 1, math.nan, 1), "a block of nan seconds"),
        (quad("ABBA", 1, 1, math.inf, 1), "a block of inf seconds"),
        (quad("ABBA", 1, 1, -1, 1), "a block of -1 seconds"),
    ],
)
def test_a_damaged_quad_is_refused(broken: Quad, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        quad_log_ratio(broken)


def test_a_launch_is_the_trimmed_mean_of_its_quads() -> None:
    # A fifth of five is one at either end: (0.1 + 0.2 + 0.3)/3, whatever the burst was.
    assert launch_summary([0.3, 9.0, 0.1, -5.0, 0.2]) == pytest.approx(0.2)
    assert launch_summary([0.3, 99.0, 0.1, -5.0, 0.2]) == pytest.approx(0.2)


def test_few_quads_are_not_trimmed() -> None:
    assert launch_summary([0.0, 0.4]) == pytest.approx(0.2)


def test_a_launch_without_quads_is_refused() -> None:
    with pytest.raises(ValueError, match="without quads"):
        launch_summary([])


def test_trimmed_means_of_many_launches_are_those_of_each() -> None:
    values = np.random.RandomState(1).standard_normal((2, 3, 11))
    expected = [[launch_summary(list(launch)) for launch in run] for run in values]
    assert trimmed_means(values) == pytest.approx(np.array(expected))


def test_spread_shows_its_arithmetic() -> None:
    # Launches (−1, 1), (3, 5): means 0 and 4, whose variance is 8; within 2, of which half is in a mean of two: between 8 − 2/2 = 7.
    found = spread([[-1, 1], [3, 5], []])
    assert found is not None
    assert found.summary_deviation == pytest.approx(math.sqrt(8))
    assert (found.launch_deviation, found.quad_deviation, found.quads) == pytest.approx((math.sqrt(7), math.sqrt(2), 2))


@pytest.mark.parametrize("launches", [[], [[0.1, 0.2]], [[0.1, 0.2], []]])
def test_one_launch_has_no_spread(launches: list[list[float]]) -> None:
    assert spread(launches) is None
