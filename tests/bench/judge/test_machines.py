"""Comparisons on several machines: what is put together, and what is left out."""

import dataclasses
import math

import pytest

from bench.judge.machines import across, machine_of
from bench.record.types import Machine
from bench.stats.outcome import Outcome
from tests.builders.launches import on_both
from tests.builders.records import SUBJECT
from tests.builders.surveys import compared

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


def test_sides_with_unlike_variables_and_unlike_files_are_not_put_together() -> None:
    pair = compared("a", "b", 0.0, ONE)
    side = dataclasses.replace(pair.run.candidate, variables={"TF_ENABLE_ONEDNN_OPTS": "0"})
    records = [on_both(one, subject=dataclasses.replace(SUBJECT, fingerprint="other")) for one in pair.run.pairs]
    for changes in ({"candidate": side}, {"pairs": tuple(records)}):
        unlike = dataclasses.replace(pair, run=dataclasses.replace(pair.run, **changes))
        assert across([unlike, compared("a", "b", 0.0, OTHER)]) == []


def test_where_a_machine_tells_no_difference_there_is_no_mean() -> None:
    """Of one launch, which has no spread."""
    few = compared("a", "b", 0.0, ONE)
    few = compared("a", "b", 0.0, ONE, pairs=few.run.pairs[:1])
    step = next(row for row in across([few, compared("a", "b", 0.1, OTHER)]) if row.metric.name == "step time")
    assert (step.machines, step.spread) == (2, None)


def test_a_comparison_without_launches_has_no_machine() -> None:
    nothing = compared("a", "b", 0.0, ONE, pairs=())
    assert machine_of(nothing) is None
    assert across([nothing, compared("a", "b", 0.0, OTHER)]) == []
