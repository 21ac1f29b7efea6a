"""Deadlines follow from the reference's times; the numbers here are made up, and no clock is asked."""

import time
from typing import Any, cast

import pytest

from bench.drive.patience import (
    ALONE_SECONDS,
    FACTOR,
    GRACE_SECONDS,
    STARTUP_SECONDS,
    STRESS,
    Deadlines,
    Patience,
    alone,
)
from bench.drive.process import Worker, WorkerError
from bench.record.paired import CANDIDATE, REFERENCE
from bench.record.types import HUNG, Failure


class Answering:
    """Stands for a worker: takes so many seconds of the module's clock for each sign of life, the reply last."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        self.silences: list[float] = [0.0]
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def send(self, operation: str, **arguments: Any) -> None:
        pass

    def receive(self, kind: Any, operation: str, timeout: float, on_event: Any) -> None:
        self.waits.append(timeout)
        for number, seconds in enumerate(self.silences):
            if seconds > timeout:
                raise WorkerError(Failure(HUNG, f"the worker did not respond for {timeout:.0f} s during {operation}"))
            self.now += seconds
            if number < len(self.silences) - 1:
                on_event(number)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Answering:
    return Answering(monkeypatch)


def wait(deadlines: Deadlines, worker: Answering, operation: str, *silences: float, **terms: Any) -> float:
    """How long the deadlines let the worker be silent."""
    worker.silences = list(silences) or [0.0]
    deadlines.request(cast(Worker, worker), None, operation, **terms)
    return worker.waits[-1]


def test_the_numbers_are_those_of_the_documentation() -> None:
    assert (FACTOR, GRACE_SECONDS, ALONE_SECONDS, STARTUP_SECONDS) == (3, 60, 300, 600)


@pytest.mark.parametrize("role", [REFERENCE, CANDIDATE])
def test_without_a_reference_s_time_the_silence_is_fixed(worker: Answering, role: str) -> None:
    found = [
        wait(Deadlines(Patience(), role), worker, operation, per=7)
        for operation in ("describe", "open", "steps", "finish")
    ]
    assert found == [600, 600, 300, 300]
    assert wait(alone(), worker, "steps") == 300


def test_a_candidate_has_three_times_as_long_and_a_minute(worker: Answering) -> None:
    patience = Patience()
    wait(Deadlines(patience, REFERENCE), worker, "open", 20.0)
    assert wait(Deadlines(patience, CANDIDATE), worker, "open") == 3 * 20 + 60
    assert wait(Deadlines(patience, REFERENCE), worker, "open") == 600  # its own are never shortened by it
    assert wait(Deadlines(patience, CANDIDATE), worker, "evaluate") == 300  # another operation


def test_the_longest_counts_and_a_candidate_s_own_does_not(worker: Answering) -> None:
    patience = Patience()
    for seconds in (4.0, 9.0, 5.0):
        wait(Deadlines(patience, REFERENCE), worker, "finish", seconds)
    wait(Deadlines(patience, CANDIDATE), worker, "finish", 80.0)
    assert wait(Deadlines(patience, CANDIDATE), worker, "finish") == 3 * 9 + 60


def test_blocks_are_in_proportion_to_their_steps(worker: Answering) -> None:
    patience = Patience()
    wait(Deadlines(patience, REFERENCE), worker, "steps", 8.0, per=4)  # 2 s a step
    assert wait(Deadlines(patience, CANDIDATE), worker, "steps", per=10) == 3 * 10 * 2 + 60


def test_the_longest_silence_between_signs_of_life_counts(worker: Answering) -> None:
    patience = Patience()
    wait(Deadlines(patience, REFERENCE), worker, "steps", 1.0, 5.0, 2.0, 0.0)
    assert wait(Deadlines(patience, CANDIDATE), worker, "steps") == 3 * 5 + 60


def test_a_candidate_under_other_terms_is_given_more(worker: Answering) -> None:
    patience = Patience()
    wait(Deadlines(patience, REFERENCE), worker, "steps", 2.0)
    assert wait(Deadlines(patience, CANDIDATE, scale=4), worker, "steps") == 3 * 4 * 2 + 60


def test_stress_steps_that_only_the_candidate_took_are_compared_with_plain_ones(worker: Answering) -> None:
    patience = Patience()
    wait(Deadlines(patience, REFERENCE), worker, "steps", 2.0)
    assert wait(Deadlines(patience, CANDIDATE), worker, "steps", noted=STRESS) == 3 * 2 + 60
    wait(Deadlines(patience, REFERENCE), worker, "steps", 10.0, noted=STRESS)
    assert wait(Deadlines(patience, CANDIDATE), worker, "steps", noted=STRESS) == 3 * 10 + 60
    assert wait(Deadlines(patience, CANDIDATE), worker, "steps") == 3 * 2 + 60


@pytest.mark.parametrize(
    ("silences", "hangs"), [((4.0,), False), ((65.0, 65.0), False), ((67.0,), True), ((1.0, 67.0), True)]
)
def test_slow_is_not_hung(worker: Answering, silences: tuple[float, ...], hangs: bool) -> None:
    """The reference took 2 s: the candidate may be silent for 66 s, again and again."""
    patience = Patience()
    wait(Deadlines(patience, REFERENCE), worker, "steps", 2.0)
    if not hangs:
        wait(Deadlines(patience, CANDIDATE), worker, "steps", *silences)
        return
    with pytest.raises(WorkerError) as caught:
        wait(Deadlines(patience, CANDIDATE), worker, "steps", *silences)
    assert caught.value.failure.kind == HUNG
    assert str(caught.value) == "the worker did not respond for 66 s during steps; the reference took 2.0 s"


def test_without_a_reference_s_time_none_is_named(worker: Answering) -> None:
    for role in (REFERENCE, CANDIDATE):
        with pytest.raises(WorkerError, match=r"for 300 s during steps$"):
            wait(Deadlines(Patience(), role), worker, "steps", 301.0)


def test_other_failures_are_left_as_they_are(worker: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    patience = Patience()
    wait(Deadlines(patience, REFERENCE), worker, "steps", 2.0)

    def crash(*given: Any) -> None:
        raise WorkerError(Failure("crashed", "the worker exited with code 3 during steps"))

    monkeypatch.setattr(worker, "receive", crash)
    with pytest.raises(WorkerError, match=r"code 3 during steps$"):
        wait(Deadlines(patience, CANDIDATE), worker, "steps")
