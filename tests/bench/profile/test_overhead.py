"""The cost of recording is taken off by the event."""

import pytest

from bench.profile.overhead import event_cost, without_overhead
from bench.profile.timeline import EXECUTOR, IDLE, PYTHON, WAITING, timeline
from tests.builders.traces import trace, two_steps

MANY = [("small:Add", 10 * number, 10 * number + 10) for number in range(10)]  # 100 ns in 10 events
LINES = {"python": [(WAITING, 0, 300)], "worker": [*MANY, ("large:MatMul", 100, 300)]}
TRACE = trace(LINES, [(0, 300)])


def test_many_small_operations_lose_more_than_a_large_one() -> None:
    """300 ns in 11 events of operations and one of Python's, which has no time to lose. 245 are wanted: 55 ns off 11
    events, 5 each.
    """
    times = without_overhead(timeline(TRACE), 245e-9)
    found = {cell.operation.kind: cell.shared_ns for cell in times.cells}
    assert found == {"Add": pytest.approx(100 - 10 * 5), "MatMul": pytest.approx(200 - 5)}


def test_the_unprofiled_time_is_wanted_of_each_step() -> None:
    """Twice the step above, each of which loses as much."""
    times = without_overhead(timeline(two_steps(LINES, 300)), 245e-9)
    found = {cell.operation.kind: cell.shared_ns for cell in times.cells}
    assert found == {"Add": pytest.approx(2 * (100 - 10 * 5)), "MatMul": pytest.approx(2 * (200 - 5))}


def test_no_part_falls_below_zero() -> None:
    """100 ns are wanted.

    At 10 ns an event Add is gone and MatMul has 190; the other 90 come off MatMul, 100 ns an event.
    """
    assert event_cost([(100.0, 10), (200.0, 1)], 100.0) == pytest.approx(100)


def test_what_recording_cannot_cost_comes_off_in_proportion() -> None:
    """Two parts of 20 µs, in 1 and in 10 events; a quarter of the 40 µs is wanted.

    At 1 µs an event 19 and 10 are left: 10/29 of each.
    """
    assert event_cost([(20e3, 1), (20e3, 10)], 10e3) == pytest.approx(1000)
    slow = [
        ("a:MatMul", 0, 20_000),
        *(("b:Add", 20_000 + 2000 * number, 22_000 + 2000 * number) for number in range(10)),
    ]
    times = without_overhead(timeline(trace({"python": [(WAITING, 0, 40_000)], "worker": slow}, [(0, 40_000)])), 10e-6)
    found = {cell.operation.kind: cell.shared_ns for cell in times.cells}
    assert found == {"MatMul": pytest.approx(19e3 * 10 / 29), "Add": pytest.approx(10e3 * 10 / 29)}


def test_parts_add_up_to_the_unprofiled_step_even_where_that_was_slower() -> None:
    for wanted in (100e-9, 300e-9, 450e-9):
        times = without_overhead(timeline(TRACE), wanted)
        assert sum(cell.shared_ns for cell in times.cells) + sum(times.rest_ns.values()) == pytest.approx(wanted * 1e9)


def test_a_step_that_cannot_be_made_that_short_by_events_alone_is_scaled() -> None:
    """All of it is idle: no event to take anything off."""
    times = without_overhead(timeline(trace({"python": [(WAITING, 0, 100)]}, [(0, 100)])), 50e-9)
    assert times.rest_ns == {EXECUTOR: 0, PYTHON: 0, IDLE: pytest.approx(50)}
