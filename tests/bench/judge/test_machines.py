"""Comparisons on several machines: what is put together, and what is left out."""

import math

import pytest

from bench.judge.machines import across, machine_of
from bench.record.types import Machine
from bench.stats.outcome import Outcome
from tests.builders.surveys import compared, run_of

ONE, OTHER, THIRD = (Machine(name, 2, "x86_64 avx2", 24) for name in ("one", "other", "third"))


def test_each_metric_that_gates_is_told_once_for_all_machines() -> None:
    rows = across([compared("a", "b", 0.0, ONE), compared("a", "b", math.log(1.2), OTHER)])
    names = [row.metric.name for row in rows]
    assert len(set(names)) == len(names)
    assert "cpu time" not in names  # it doesn't gate
    step = next(row for row in rows if row.metric.name == "step time")
    assert (step.reference, step.candidate, step.machines) == ("a", "b", 2)
    assert step.outcomes == (Outcome.PASS, Outcome.REGRESSION)
    assert step.spread
    assert step.spread.mean.estimate == pytest.approx(math.log(1.2) / 2, abs=0.002)
    assert step.spread.between == pytest.approx(math.log(1.2) / math.sqrt(2), rel=0.05)


def test_reports_of_one_machine_are_one_machine() -> None:
    levels = [(0.0, ONE), (0.02, ONE), (0.11, OTHER)]
    rows = across([compared("a", "b", level, machine) for level, machine in levels])
    step = next(row for row in rows if row.metric.name == "step time")
    assert (step.machines, len(step.outcomes)) == (2, 3)
    assert step.spread
    assert step.spread.mean.estimate == pytest.approx((0.01 + 0.11) / 2, abs=0.002)


def test_what_one_machine_alone_compared_is_left_out() -> None:
    pairs = [compared("a", "b", 0.0, ONE), compared("a", "b", 0.0, ONE), compared("a", "c", 0.0, OTHER)]
    assert across(pairs) == []
    rows = across([*pairs, compared("a", "c", 0.0, THIRD)])
    assert {(row.reference, row.candidate) for row in rows} == {("a", "c")}


def test_a_comparison_without_launches_has_no_machine() -> None:
    nothing = compared("a", "b", 0.0, ONE, pairs=())
    assert machine_of(nothing) is None
    assert across([nothing, compared("a", "b", 0.0, OTHER)]) == []
    assert run_of("a", "b", 0.0).pairs  # others have some
