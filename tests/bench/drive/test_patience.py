"""Deadlines follow from the reference's times; the numbers here are made up, and no clock is asked."""

import time
from typing import Any

import pytest

from bench.drive.patience import (
    ALONE,
    ALONE_SECONDS,
    FACTOR,
    GRACE_SECONDS,
    STARTUP_SECONDS,
    STRESS,
    Deadlines,
    Patience,
)
from bench.record.paired import CANDIDATE, REFERENCE


class Clock:
    """Stands for the module's clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def take(clock: Clock, deadlines: Deadlines, operation: str, *silences: float, **terms: Any) -> None:
    """An operation takes so many seconds until each sign of life, the reply last."""
    wait = deadlines.wait(operation, **terms)
    for seconds in silences:
        clock.now += seconds
        wait.heard()


def longest(deadlines: Deadlines, operation: str, **terms: Any) -> float:
    """How long the deadlines let a worker be silent."""
    return deadlines.wait(operation, **terms).seconds


def test_the_numbers_are_those_of_the_documentation() -> None:
    assert (FACTOR, GRACE_SECONDS, ALONE_SECONDS, STARTUP_SECONDS) == (3, 60, 300, 600)


@pytest.mark.parametrize("deadlines", [Deadlines(Patience(), REFERENCE), Deadlines(Patience(), CANDIDATE), ALONE])
def test_without_a_reference_s_time_the_silence_is_fixed(deadlines: Deadlines) -> None:
    found = [longest(deadlines, operation, per=7) for operation in ("describe", "open", "steps", "finish")]
    assert found == [600, 600, 300, 300]


def test_a_candidate_has_three_times_as_long_and_a_minute(clock: Clock) -> None:
    patience = Patience()
    take(clock, Deadlines(patience, REFERENCE), "open", 20.0)
    assert longest(Deadlines(patience, CANDIDATE), "open") == 3 * 20 + 60
    assert longest(Deadlines(patience, REFERENCE), "open") == 600  # its own are never shortened by it
    assert longest(Deadlines(patience, CANDIDATE), "evaluate") == 300  # another operation


def test_the_longest_counts_and_a_candidate_s_own_does_not(clock: Clock) -> None:
    patience = Patience()
    for seconds in (4.0, 9.0, 5.0):
        take(clock, Deadlines(patience, REFERENCE), "finish", seconds)
    take(clock, Deadlines(patience, CANDIDATE), "finish", 80.0)
    assert longest(Deadlines(patience, CANDIDATE), "finish") == 3 * 9 + 60


def test_a_candidate_without_a_reference_s_time_leaves_none(clock: Clock) -> None:
    take(clock, ALONE, "steps", 80.0)
    assert longest(ALONE, "steps") == 300


def test_blocks_are_in_proportion_to_their_steps(clock: Clock) -> None:
    patience = Patience()
    take(clock, Deadlines(patience, REFERENCE), "steps", 8.0, per=4)  # 2 s a step
    assert longest(Deadlines(patience, CANDIDATE), "steps", per=10) == 3 * 10 * 2 + 60


def test_a_slow_first_step_counts_only_where_no_block_as_long_was_heard(clock: Clock) -> None:
    """The first step of an own model traces, for 20 s; a block of 50 takes 0.1 s."""
    patience = Patience()
    take(clock, Deadlines(patience, REFERENCE), "steps", 20.0)
    assert longest(Deadlines(patience, CANDIDATE), "steps", per=50) == 3 * 50 * 20 + 60
    take(clock, Deadlines(patience, REFERENCE), "steps", 0.1, per=50)
    wait = Deadlines(patience, CANDIDATE).wait("steps", per=50)
    assert wait.seconds == pytest.approx(3 * 0.1 + 60)
    assert wait.told == "; the reference took 0.1 s"
    assert longest(Deadlines(patience, CANDIDATE), "steps") == 3 * 20 + 60  # its own first step


def test_the_longest_silence_between_signs_of_life_counts(clock: Clock) -> None:
    patience = Patience()
    take(clock, Deadlines(patience, REFERENCE), "steps", 1.0, 5.0, 2.0, 0.0)
    assert longest(Deadlines(patience, CANDIDATE), "steps") == 3 * 5 + 60


def test_a_candidate_under_other_terms_is_given_more(clock: Clock) -> None:
    patience = Patience()
    take(clock, Deadlines(patience, REFERENCE), "steps", 2.0)
    assert longest(Deadlines(patience, CANDIDATE, scale=4), "steps") == 3 * 4 * 2 + 60


def test_stress_steps_that_only_the_candidate_took_are_compared_with_plain_ones(clock: Clock) -> None:
    patience = Patience()
    take(clock, Deadlines(patience, REFERENCE), "steps", 2.0)
    assert longest(Deadlines(patience, CANDIDATE), STRESS) == 3 * 2 + 60
    take(clock, Deadlines(patience, REFERENCE), STRESS, 10.0)
    assert longest(Deadlines(patience, CANDIDATE), STRESS) == 3 * 10 + 60
    assert longest(Deadlines(patience, CANDIDATE), "steps") == 3 * 2 + 60


def test_a_candidate_that_hangs_is_told_the_reference_s_time(clock: Clock) -> None:
    """The reference took 2 s a step: the candidate may be silent for 84 s in a block of four."""
    patience = Patience()
    take(clock, Deadlines(patience, REFERENCE), "steps", 2.0)
    wait = Deadlines(patience, CANDIDATE).wait("steps", per=4)
    assert (wait.seconds, wait.told) == (84, "; the reference took 8.0 s")


@pytest.mark.parametrize("role", [REFERENCE, CANDIDATE])
def test_without_a_reference_s_time_none_is_told(role: str) -> None:
    assert Deadlines(Patience(), role).wait("steps").told == ""
