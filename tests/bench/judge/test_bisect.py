"""From paired runs of releases to the next one, and to the answer."""

import dataclasses

import pytest

from bench.judge.bisect import (
    NUMBERS,
    Answer,
    Finding,
    doubted_numbers,
    expected,
    find_by_launches,
    find_by_numbers,
    values_of,
)
from bench.record.types import NO_FLOAT64, Failure, Unchecked
from bench.stats.bisection import MOST_FIRST, Search
from bench.stats.outcome import Outcome
from tests.builders.launches import lockstep
from tests.builders.paired import pair, paired_run
from tests.builders.records import BEYOND, MARGINS, record

NOISE = (0.01, -0.01)
RIGHT, WRONG, UNDECIDED = Outcome.PASS, Outcome.REGRESSION, Outcome.INCONCLUSIVE
OPEN = dataclasses.replace(record(numerics=()), unchecked=(Unchecked(NO_FLOAT64, "it stays float32"),))


class TestByNumbers:
    """Plain bisection of what has no noise."""

    @pytest.mark.parametrize("releases", [1, 2, 7, 16])
    def test_every_first_bad_release_is_found_by_few_measurements(self, releases: int) -> None:
        for first in range(1, releases + 1):
            outcomes: list[Outcome | None] = [None] * releases
            measured = 0
            while (finding := find_by_numbers(outcomes)).answer is Answer.OPEN:
                assert finding.release is not None
                assert outcomes[finding.release - 1] is None
                outcomes[finding.release - 1] = WRONG if finding.release >= first else RIGHT
                measured += 1
            assert finding == Finding(Answer.FOUND, first)
            fewest, most = expected(releases, NUMBERS)
            assert fewest <= measured <= most

    def test_a_bad_release_whose_numbers_are_right_has_no_change(self) -> None:
        assert find_by_numbers([None, None, RIGHT]) == Finding(Answer.NO_CHANGE)

    def test_a_bad_release_whose_numbers_are_inconclusive_is_neither_right_nor_wrong(self) -> None:
        assert find_by_numbers([None, None, UNDECIDED]) == Finding(Answer.UNDECIDED)

    def test_numbers_that_were_right_again_leave_the_later_change(self) -> None:
        assert find_by_numbers([WRONG, RIGHT, WRONG]) == Finding(Answer.FOUND, 3)


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


def test_doubted_numbers_are_those_that_an_upgrade_does_not_pass() -> None:
    assert doubted_numbers(paired_run([], (record(), record())), MARGINS) is None
    for candidate, outcome in ((record(numerics=[BEYOND]), WRONG), (OPEN, UNDECIDED)):
        found = doubted_numbers(paired_run([], (record(), candidate)), MARGINS)
        assert found is not None
        assert (found.metric.name, found.outcome) == ("numerics", outcome)


def test_numbers_that_are_a_regression_are_wrong_whatever_else_is_open() -> None:
    failed = lockstep(failure=Failure("crashed", "killed"))
    found = doubted_numbers(dataclasses.replace(paired_run([], (record(), OPEN)), lockstep=failed), MARGINS)
    assert found is not None
    assert (found.metric.name, found.outcome) == ("lockstep", WRONG)
