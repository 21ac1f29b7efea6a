"""The search for a release: what it names, rules out and measures next. Its error rates are experiments.bisection's."""

import math

import numpy as np
import pytest

from bench.stats.bisection import FIRST, SINGLE, Search
from bench.stats.intervals import t_quantile

NOISE = (0.01, -0.01)  # of a release's launches in turn


def launches(means: dict[int, float], releases: int, count: int = 4) -> list[list[float]]:
    """So many launches of the releases that have a mean."""
    return [
        [means[release] + NOISE[number % 2] for number in range(count)] if release in means else []
        for release in range(1, releases + 1)
    ]


@pytest.mark.parametrize("change", [0.2, -0.2])
def test_a_step_between_neighbours_is_found(change: float) -> None:
    search = Search(launches({3: 0.0, 4: change, 8: change}, 8))
    assert search.found == 4
    step = search.step(4)
    assert step is not None
    assert step.estimate == pytest.approx(change)
    assert step.low < change < step.high


def test_a_step_is_not_named_before_both_neighbours_are_measured() -> None:
    search = Search(launches({2: 0.0, 4: 0.2, 8: 0.2}, 8))
    assert (search.found, search.none, search.next()) == (None, False, 3)
    assert search.step(4) is None


def test_the_first_release_has_the_good_one_as_its_neighbour() -> None:
    assert Search(launches({1: 0.2, 2: 0.2, 4: 0.2}, 4)).found == 1


def test_a_step_of_less_than_a_quarter_is_ruled_out() -> None:
    """The posterior's likeliest release would be the one at the half, whose own step is small."""
    means = {1: 0.45, 2: 0.55, 3: 1.0}
    search = Search(launches(means, 3))
    assert search.posterior[1] == 0.0
    assert search.found in (1, 3)


def test_steps_around_a_quarter_are_neither_found_nor_ruled_out() -> None:
    steps = {1: SINGLE, 2: 2 * SINGLE, 3: 3 * SINGLE, 4: 1.0}
    search = Search(launches(steps, 4))
    assert (search.found, search.none) == (None, False)


def test_a_drift_has_no_release() -> None:
    search = Search(launches({release: release / 8 for release in range(1, 9)}, 8, 8))
    assert (search.found, search.none) == (None, True)


def test_without_a_change_the_bad_release_is_measured_on() -> None:
    search = Search(launches({5: 0.001}, 5))
    assert (search.changed, search.found, search.none, search.next()) == (False, None, False, 5)


@pytest.mark.filterwarnings("error")
def test_launches_that_are_all_equal_find_nothing() -> None:
    """Numbers that no release changed."""
    search = Search([[], [], [0.0, 0.0]])
    assert (search.changed, search.found, search.none, search.next()) == (False, None, False, 3)


def test_too_few_launches_of_the_bad_release_prove_nothing() -> None:
    search = Search(launches({2: 0.2}, 2, FIRST - 1))
    assert (search.change, search.changed) == (None, False)


def test_bounds_are_students_by_the_deviation_that_all_share() -> None:
    """Two releases of four launches have 6 degrees of freedom; every look has a tenth of the error."""
    search = Search(launches({1: 0.0, 2: 0.2}, 2), confidence=0.95)
    difference = search.difference(2)
    assert difference is not None
    deviation = math.sqrt(8 * 0.01**2 / 6)
    assert difference.high - 0.2 == pytest.approx(t_quantile(1 - 0.05 / 10, 6) * deviation / 2)


def test_more_confidence_needs_more_launches() -> None:
    few = launches({1: 0.0, 2: 0.05, 3: 0.05}, 3)
    assert Search(few, 0.9).found == 2
    assert Search(few, 0.999999).found is None


def test_the_posterior_is_a_probability_and_knows_where_the_step_is_not() -> None:
    search = Search(launches({5: 0.0, 10: 0.2}, 10))
    assert search.posterior.sum() == pytest.approx(1.0)
    assert search.posterior[:5].sum() < 0.05
    assert search.next() in (7, 8)


def test_one_step_is_found_in_few_launches_whatever_its_place() -> None:
    generator = np.random.default_rng(0)
    for first in range(1, 13):
        taken: list[list[float]] = [[] for _ in range(12)]
        while (found := Search(taken).found) is None and sum(map(len, taken)) < 40:
            release = Search(taken).next()
            taken[release - 1].append((0.1 if release >= first else 0.0) + 0.01 * generator.standard_normal())
        assert found == first, taken


def test_a_release_whose_step_alone_is_left_is_measured_next() -> None:
    """Its own and that of the one before it: without noise no launch tells of the sides any more."""
    assert Search([[0.0] * 2, [], [], [0.2] * 4]).next() in (2, 3)
    steps, drift = [0, 0, 0.5, 0.5, 0.5, 0.5, 0.5, 1, 1, 1], [0.2, 0.4, 0.6, 0.8, 1]
    for seed in range(12):
        assert (found := played(steps, seed)).found in (3, 8)
        assert found.counts.sum() <= 40
    assert sum(played(drift, seed).none for seed in range(12)) >= 10


def played(means: list[float], seed: int) -> Search:
    """A search to its end, or to 150 launches, whose noise is 5% of the change."""
    generator = np.random.default_rng(seed)
    taken: list[list[float]] = [[] for _ in means]
    while not ((search := Search(taken)).found or search.none) and sum(map(len, taken)) < 150:
        release = search.next()
        taken[release - 1].append(means[release - 1] + 0.05 * generator.standard_normal())
    return search
