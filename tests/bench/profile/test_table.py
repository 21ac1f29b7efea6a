"""Rows of a table: what they sum, and rates of matrix products."""

import pytest

from bench.profile.table import accounted, by_kind, overhead, table, typical_seconds
from bench.profile.timeline import WAITING, timeline
from tests.builders.traces import profile, trace, two_steps

MICROSECOND = 1000
LINES = {
    "python": [(WAITING, 0, 100 * MICROSECOND)],
    "worker": [
        ("x/a:MatMul", 0, 40 * MICROSECOND),
        ("y/b:MatMul", 40 * MICROSECOND, 60 * MICROSECOND),
        ("y/c:Add", 60_000, 90_000),
    ],
}
TRACE = trace(LINES, [(0, 100 * MICROSECOND)], {"x/a": 800_000})


def test_rows_add_up_to_the_step_the_slowest_first_and_the_rest_last() -> None:
    rows = table(timeline(TRACE), by_kind)
    assert [(row.name, round(row.seconds * 1e6), row.calls) for row in rows[:2]] == [("MatMul", 60, 2), ("Add", 30, 1)]
    assert [row.name for row in rows[2:]] == ["executor", "Python", "idle"]
    assert sum(row.seconds for row in rows) == pytest.approx(100e-6)


def test_rows_are_of_one_step_however_many_were_recorded() -> None:
    """A rate, too: two calls of a product take twice as long."""
    twice = two_steps(LINES, 100 * MICROSECOND, {"x/a": 800_000})
    assert table(timeline(twice), by_kind) == table(timeline(TRACE), by_kind)


def test_a_rate_is_of_the_products_whose_operations_are_known() -> None:
    """x/a: 800,000 operations in 40 µs are 20 GFLOP/s; nothing is known of y/b, whose time doesn't count."""
    rates = {row.name: row.flops_per_second for row in table(timeline(TRACE), by_kind)}
    assert rates["MatMul"] == pytest.approx(20e9)
    assert rates["Add"] is None


def test_products_side_by_side_have_a_rate_together() -> None:
    """Two products of 800,000 operations, each 40 µs beside the other: 40 GFLOP/s, as the machine's rate is one of all
    its threads.
    """
    beside = trace(
        {"python": LINES["python"], "one": [("a:MatMul", 0, 40_000)], "other": [("b:MatMul", 0, 40_000)]},
        [(0, 100_000)],
        {"a": 800_000, "b": 800_000},
    )
    (row,) = table(timeline(beside), by_kind)[:1]
    assert [row.seconds, row.thread_seconds, row.flops_per_second] == pytest.approx([40e-6, 80e-6, 40e9])


def test_overhead_and_what_the_rows_account_for() -> None:
    """Steps of 80 µs without the profiler took 104 µs under it, of which the trace's windows have 100."""
    found = profile(TRACE, 80e-6, 104e-6)
    assert overhead(found) == pytest.approx(0.3)
    assert accounted(found, timeline(TRACE)) == pytest.approx(100 / 104)


def test_typical_is_the_mean_of_the_middle_half() -> None:
    assert typical_seconds((9.0, 1.0, 2.0, 4.0)) == 3.0
