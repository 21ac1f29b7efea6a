"""From paired runs of releases to the next one, and to the answer."""

import dataclasses

import pytest

from bench.judge.bisect import (
    NUMBERS,
    Answer,
    Finding,
    expected,
    find_by_launches,
    find_by_numbers,
    values_of,
    wrong_numbers,
)
from bench.stats.bisection import MOST_FIRST, Search
from tests.builders.paired import pair, paired_run
from tests.builders.records import BEYOND, MARGINS, record

NOISE = (0.01, -0.01)


class TestByNumbers:
    """Plain bisection of what has no noise."""

    @pytest.mark.parametrize("releases", [1, 2, 7, 16])
    def test_every_first_bad_release_is_found_by_few_measurements(self, releases: int) -> None:
        for first in range(1, releases + 1):
            wrong: list[bool | None] = [None] * releases
            measured = 0
            while (finding := find_by_numbers(wrong)).answer is Answer.OPEN:
                assert finding.release is not None
                assert wrong[finding.release - 1] is None
                wrong[finding.release - 1] = finding.release >= first
                measured += 1
            assert finding == Finding(Answer.FOUND, first)
            fewest, most = expected(releases, NUMBERS)
            assert fewest <= measured <= most

    def test_a_bad_release_whose_numbers_are_right_has_no_change(self) -> None:
        assert find_by_numbers([None, None, False]) == Finding(Answer.NO_CHANGE)

    def test_numbers_that_were_right_again_leave_the_later_change(self) -> None:
        assert find_by_numbers([True, False, True]) == Finding(Answer.FOUND, 3)


class TestByLaunches:
    """The search's answers."""

    def test_each_answer(self) -> None:
        step, drift = [[0.0] * 4, [0.2] * 4], [[release / 8] * 8 for release in range(1, 9)]
        assert find_by_launches(Search(noisy(step))) == Finding(Answer.FOUND, 2)
        assert find_by_launches(Search(noisy(drift))) == Finding(Answer.NO_SINGLE)
        assert find_by_launches(Search(noisy([[], [0.0] * MOST_FIRST]))) == Finding(Answer.NO_CHANGE)
        assert find_by_launches(Search(noisy([[], [0.0] * (MOST_FIRST - 1)]))) == Finding(Answer.OPEN, 2)


def noisy(values: list[list[float]]) -> list[list[float]]:
    """Launches that aren't all alike."""
    return [[value + NOISE[number % 2] for number, value in enumerate(row)] for row in values]


def test_values_are_those_of_the_metrics_own_kind_of_launches() -> None:
    run = paired_run([pair(0, step=0.1), dataclasses.replace(pair(1, step=0.3), core=0)])
    assert values_of(run, "step time", MARGINS) == pytest.approx([0.104], abs=0.015)
    assert values_of(run, "step time on one core", MARGINS) == pytest.approx([0.304], abs=0.015)
    assert values_of(None, "step time", MARGINS) == []


def test_wrong_numbers_are_those_that_an_upgrade_calls_a_regression() -> None:
    assert wrong_numbers(paired_run([], (record(), record())), MARGINS) is None
    found = wrong_numbers(paired_run([], (record(), record(numerics=[BEYOND]))), MARGINS)
    assert found is not None
    assert found.metric.name == "numerics"
