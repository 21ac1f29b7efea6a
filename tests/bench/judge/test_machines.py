"""Comparisons on several machines: what is put together, and what is left out."""

import dataclasses
import math
from collections.abc import Sequence

import pytest

from bench.judge.machines import across, machine_of
from bench.judge.reasons import Identical
from bench.judge.survey import Against
from bench.record.paired import Package, Pair, Side
from bench.record.types import Failure, Machine
from bench.stats.outcome import Outcome
from tests.builders.launches import on_both, on_candidate
from tests.builders.records import SUBJECT, environment
from tests.builders.surveys import compared

ONE, OTHER, THIRD = (Machine(name, 2, "x86_64 avx2", 24) for name in ("one", "other", "third"))


def at(machine: Machine, pairs: Sequence[Pair]) -> list[Pair]:
    return [on_both(one, machine=machine) for one in pairs]


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


def test_outcomes_keep_the_margins_that_they_were_judged_by() -> None:
    """20% slower is a REGRESSION by the file's margin of 5%, and a PASS by a run's own of 30%."""
    rows = across([compared("a", "b", math.log(1.2), ONE), compared("a", "b", math.log(1.2), OTHER, margin=0.3)])
    step = next(row for row in rows if row.metric.name == "step time")
    assert step.outcomes == (Outcome.REGRESSION, Outcome.PASS)
    assert step.margins == pytest.approx((math.log(1.05), math.log(1.3)))


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


def there(pair: Against, path: str, **ran: str) -> Against:
    """The comparison with an interpreter that was there as its reference, in which this ran."""
    side = Side(path, path, {}, packages=(Package("acme-tensorflow", path.strip("./")),))
    told = dataclasses.replace(environment(), **ran)  # type: ignore[arg-type]  # texts alone
    pairs = tuple(
        dataclasses.replace(one, reference=dataclasses.replace(one.reference, environment=told))
        for one in pair.run.pairs
    )
    return dataclasses.replace(pair, run=dataclasses.replace(pair.run, reference=side, pairs=pairs))


@pytest.mark.parametrize("what", ["tensorflow", "keras", "distribution"])
def test_an_interpreter_goes_by_what_ran_in_it(what: str) -> None:
    """Of one path on two machines, or of two, whatever the packages are called."""
    one, other = compared("a", "b", 0.0, ONE), compared("a", "b", 0.1, OTHER)
    path = ".venv/bin/python"
    assert across([there(one, path, **{what: "2.19.1"}), there(other, path, **{what: "2.20.0"})]) == []
    rows = across([there(one, path, **{what: "2.20.0"}), there(other, "/opt/python", **{what: "2.20.0"})])
    assert {(row.reference, row.candidate, row.machines) for row in rows} == {(path, "b", 2)}


def test_an_interpreter_in_which_nothing_ran_goes_by_its_path() -> None:
    """A launch that failed early tells no environment."""

    def silent(machine: Machine, path: str) -> Against:
        pair = there(compared("a", "b", 0.1, machine), path)
        pairs = tuple(on_both(one, environment=None) for one in pair.run.pairs)
        return dataclasses.replace(pair, run=dataclasses.replace(pair.run, pairs=pairs))

    path = ".venv/bin/python"
    assert across([silent(ONE, path), silent(OTHER, path)])
    assert across([silent(ONE, path), silent(OTHER, "/opt/python")]) == []


def test_what_was_built_goes_by_what_was_asked() -> None:
    """A lock has hashes, and a moment only if the index has upload times."""
    one, other = compared("a", "b", 0.0, ONE), compared("a", "b", 0.1, OTHER)
    newer = dataclasses.replace(other.run.reference, as_of="", packages=(Package("keras", "3", ("sha256:1",)),))
    assert across([one, dataclasses.replace(other, run=dataclasses.replace(other.run, reference=newer))])


def test_a_launch_that_failed_before_its_model_was_opened_is_of_the_same_file() -> None:
    """Its fingerprint is not known. Its repeat ran."""
    one = compared("a", "b", 0.0, ONE)
    unknown = dataclasses.replace(SUBJECT, fingerprint="")
    failed = on_candidate(one.run.pairs[0], failure=Failure("crashed", "killed"), subject=unknown)
    mended = compared("a", "b", 0.0, OTHER, pairs=(failed, *one.run.pairs))
    mended = dataclasses.replace(mended, run=dataclasses.replace(mended.run, pairs=tuple(at(OTHER, mended.run.pairs))))
    assert len(across([one, mended])) == len(across([one, compared("a", "b", 0.0, OTHER)])) > 0


def test_where_a_machine_tells_no_difference_there_is_no_mean() -> None:
    """Of one launch, which has no spread."""
    few = compared("a", "b", 0.0, ONE)
    few = compared("a", "b", 0.0, ONE, pairs=few.run.pairs[:1])
    step = next(row for row in across([few, compared("a", "b", 0.1, OTHER)]) if row.metric.name == "step time")
    assert (step.machines, step.spread) == (2, None)


def test_a_machine_on_which_both_sides_are_equal_tells_a_difference_of_0() -> None:
    one, other = compared("a", "b", 0.0, ONE), compared("a", "b", 0.1, OTHER)
    equal = [
        dataclasses.replace(each, interval=None, reason=Identical(10)) if each.metric.name == "step time" else each
        for each in one.verdict.comparisons
    ]
    one = dataclasses.replace(one, verdict=dataclasses.replace(one.verdict, comparisons=tuple(equal)))
    step = next(row for row in across([one, other]) if row.metric.name == "step time")
    assert step.spread
    assert step.spread.mean.estimate == pytest.approx(0.05, abs=0.002)


def test_a_comparison_without_launches_has_no_machine() -> None:
    nothing = compared("a", "b", 0.0, ONE, pairs=())
    assert machine_of(nothing) is None
    assert across([nothing, compared("a", "b", 0.0, OTHER)]) == []
