"""A survey: what is compared with what, also after a failure; what is missing; where a level changed."""

import dataclasses
import math
from typing import Any

import pytest

from bench.judge.notices import LaunchFailed
from bench.judge.paired import judge_paired
from bench.judge.reasons import CandidateFailed, Identical, LockstepFailed, NotCompiled, Reason
from bench.judge.survey import Against, Chapter, LeftOutError, series_of, walk
from bench.judge.types import Comparison
from bench.record.types import NO_ORACLE, NO_TENSORFLOW, UNCOMPILED, Failure
from bench.stats.outcome import Outcome
from tests.builders.launches import lockstep
from tests.builders.records import GATE_MARGINS, record
from tests.builders.surveys import CRASH, RELEASES, Comparing, partly_failed, run_of, survey, surveyed, with_fixed

SAME = {"a": 0.0, "b": 0.0, "c": 0.0}


def test_a_release_is_compared_with_the_last_one_and_with_the_fixed_one() -> None:
    compare = Comparing(SAME, survey("abc"))
    first, second, third = walk(compare.survey, compare)
    assert compare.asked == [("a", "b"), ("b", "c"), ("a", "c")]
    assert (first.before, first.fixed, first.complete) == (None, None, True)
    assert second.before is second.fixed is not None
    assert (third.before and third.before.reference, third.fixed and third.fixed.reference) == ("b", "a")


def test_a_fixed_reference_in_the_middle_is_compared_with_the_one_before_it_alone() -> None:
    compare = Comparing(SAME, survey("abc", "b"))
    rows = walk(compare.survey, compare)
    assert compare.asked == [("b", "a"), ("a", "b"), ("b", "c")]
    assert rows[1].fixed is None
    assert all(row.complete for row in rows)


def test_one_from_elsewhere_is_compared_with_all() -> None:
    compare = Comparing(SAME | {"x": 0.0}, survey("abc", "x"))
    walk(compare.survey, compare)
    assert compare.asked == [("x", "a"), ("a", "b"), ("x", "b"), ("b", "c"), ("x", "c")]


def test_after_one_that_fails_the_next_is_compared_with_the_last_that_ran() -> None:
    compare = Comparing(SAME, survey("abc"), crashing="b")
    _, failed, after = walk(compare.survey, compare)
    assert compare.asked == [("a", "b"), ("a", "c")]
    assert failed.failure == next(one.reason for one in failed.before.verdict.comparisons)  # type: ignore[union-attr]
    assert (failed.complete, after.complete) == (False, True)
    assert after.before is after.fixed is not None


def test_the_same_after_one_that_cannot_be_had() -> None:
    compare = Comparing(SAME, survey("abc", left_out={"b": "no wheel"}))
    _, left_out, after = walk(compare.survey, compare)
    assert compare.asked == [("a", "c")]
    assert (left_out.left_out, left_out.complete, after.complete) == ("no wheel", False, True)
    without_first = Comparing(SAME | {"x": 0.0}, survey("abc", "x", left_out={"a": "no wheel"}))
    walk(without_first.survey, without_first)
    assert without_first.asked == [("x", "b"), ("b", "c"), ("x", "c")]


@pytest.mark.parametrize("there", ["b", "a"])
def test_what_was_measured_of_one_that_could_not_be_had_later_stays(there: str) -> None:
    """On one host of a cluster, say."""
    compare = Comparing({**SAME, "d": 0.0}, survey("abcd"))

    def one_of_two(reference: str, candidate: str) -> Against | None:
        if candidate == "c" and reference != there:
            raise LeftOutError("no index")
        return compare(reference, candidate)

    row, after = walk(compare.survey, one_of_two)[-2:]
    assert (row.left_out, row.complete) == ("no index", False)
    assert [one.reference if one else None for one in (row.before, row.fixed)] == (
        ["b", None] if there == "b" else [None, "a"]
    )
    assert after.before is not None
    assert after.before.reference == "b"  # c can't be had any more


def test_what_is_not_there_hides_nothing_that_is() -> None:
    compare = Comparing({"a": 0.0, "c": 0.0}, survey("abc"))
    _, missing, after = walk(compare.survey, compare)
    assert compare.asked == [("a", "b"), ("b", "c"), ("a", "c")]
    assert (missing.complete, missing.failure, missing.before) == (False, None, None)
    assert (after.complete, after.before, after.fixed and after.fixed.reference) == (False, None, "a")


@pytest.mark.parametrize(
    ("left_out", "crashing", "code"),
    [({}, "", 0), ({"b": "no wheel"}, "", 3), ({}, "b", 3), ({"b": "no wheel", "c": "neither"}, "", 4), ({}, "bc", 4)],
)
def test_the_exit_code_tells_what_is_missing(left_out: dict[str, str], crashing: str, code: int) -> None:
    assert surveyed(SAME, survey("abc", left_out=left_out), crashing).exit_code == code


def test_a_regression_is_no_failure_of_the_survey() -> None:
    found = surveyed({"a": 0.0, "b": 0.2, "c": 0.2})
    before = [row.before.verdict.outcome for row in found.chapters[0].rows if row.before]
    fixed = [row.fixed.verdict.outcome for row in found.chapters[0].rows if row.fixed]
    assert (found.exit_code, before, fixed) == (
        0,
        [Outcome.REGRESSION, Outcome.PASS],
        [Outcome.REGRESSION, Outcome.REGRESSION],
    )


def test_an_interrupted_comparison_and_a_reference_that_fails_are_not_whole() -> None:
    run = run_of("a", "b", 0.0)
    cut = dataclasses.replace(run, incomplete="interrupted")
    broken = dataclasses.replace(run.pairs[0], reference=dataclasses.replace(run.pairs[0].reference, failure=CRASH))
    failed = dataclasses.replace(run, pairs=(broken, broken))
    for spoilt in (cut, failed):
        found = Against(spoilt, judge_paired(spoilt, GATE_MARGINS))
        assert (found.whole, found.failure) == (False, None)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"oracle": (record(), record(failure=CRASH))}, CandidateFailed),
        ({"oracle": (record(), record(failure=Failure(UNCOMPILED, "no gradient")))}, NotCompiled),
        ({"oracle": (record(failure=Failure(UNCOMPILED, "no gradient")), record())}, None),
        ({"oracle": (record(), record(failure=Failure(NO_TENSORFLOW, "No module")))}, LaunchFailed),
        ({"oracle": (record(), record(failure=Failure(NO_ORACLE, "the oracle failed: killed")))}, None),
        ({"lockstep": lockstep(failure=CRASH)}, LockstepFailed),
        ({"lockstep_failure": CRASH}, None),
    ],
)
def test_what_says_that_a_release_does_not_run(changes: dict[str, Any], reason: type[Reason] | None) -> None:
    run = dataclasses.replace(run_of("a", "b", 0.0), pairs=(), **changes)
    found = Against(run, judge_paired(run, GATE_MARGINS))
    assert type(found.failure) is (reason or type(None))


def test_a_release_runs_that_fails_against_the_fixed_one_alone() -> None:
    row = partly_failed().chapters[0].rows[2]
    assert (row.failure, row.complete) == (None, False)
    assert row.fixed
    assert isinstance(row.fixed.failure, CandidateFailed)
    assert row.before
    assert row.before.verdict.outcome is Outcome.REGRESSION
    assert "training" not in [metric.name for metric in partly_failed().chapters[0].metrics()]


def test_what_does_not_gate_has_an_interval_too() -> None:
    """CPU time of ten launches follows step time; its bounds are Student's, of all of them."""
    run = run_of("a", "b", math.log(1.1))
    found = Against(run, judge_paired(run, GATE_MARGINS))
    cpu = found.of("cpu time")
    assert cpu
    assert cpu.interval
    assert cpu.outcome is Outcome.NOT_GATED
    assert cpu.interval.estimate == pytest.approx(math.log(1.1), abs=0.002)
    assert cpu.interval.degrees_of_freedom == 9
    assert cpu.interval.low < math.log(1.1) < cpu.interval.high
    assert found.of("nothing") is None


def test_the_level_changes_with_the_release_that_brought_it() -> None:
    steps = {release: 0.0 if release < "2.17" else math.log(1.3) for release in RELEASES}
    (chapter,) = surveyed(steps).chapters
    series = {one.metric.name: one for one in series_of(chapter, RELEASES[0])}
    ((place, change),) = series["step time"].changes
    assert RELEASES[place] == "2.17.1"
    assert change.difference == pytest.approx(math.log(1.3), abs=0.01)
    assert series["peak memory"].changes == ()
    first, *others = series["step time"].points
    assert (first.difference, first.interval) == (0.0, None)  # the fixed reference itself
    assert [point.place for point in others] == list(range(1, 10))


def test_two_neighbours_that_bring_a_change_each_are_named() -> None:
    steps = {release: math.log(1.3) for release in RELEASES} | {RELEASES[0]: 0.0, RELEASES[1]: math.log(1.1)}
    (chapter,) = surveyed(steps).chapters
    (step,) = (one for one in series_of(chapter, RELEASES[0]) if one.metric.name == "step time")
    assert [place for place, _ in step.changes] == [1, 2]


def test_what_is_equal_to_the_fixed_reference_has_a_point_of_0() -> None:
    """The level before the change has five points; of the reference alone it would be none."""
    steps = {release: 0.0 if release < "2.17" else math.log(1.3) for release in RELEASES}

    def equal(place: int, one: Comparison) -> Comparison:
        if one.metric.name != "step time" or RELEASES[place] > "2.17":
            return one
        return dataclasses.replace(one, interval=None, reason=Identical(10))

    series = series_of(with_fixed(surveyed(steps).chapters[0], equal), RELEASES[0])
    step = next(one for one in series if one.metric.name == "step time")
    assert [(point.place, point.difference, point.interval) for point in step.points[:5]] == [
        (place, 0.0, None) for place in range(5)
    ]
    assert [RELEASES[place] for place, _ in step.changes] == ["2.17.1"]


def test_the_fixed_reference_has_its_point_where_it_could_not_be_had_later() -> None:
    """Others were compared with it before, say."""
    compare = Comparing(SAME, survey("abc", "b"))

    def later(reference: str, candidate: str) -> Against | None:
        if candidate == "b":
            raise LeftOutError("no index")
        return compare(reference, candidate)

    chapter = Chapter("notebook", walk(compare.survey, later))
    step = next(one for one in series_of(chapter, "b") if one.metric.name == "step time")
    assert [point.place for point in step.points] == [0, 1, 2]


def test_noise_is_at_least_that_of_a_release_s_own_launches() -> None:
    """A standard error of 50% hides a step of 30%, however much its neighbours agree."""
    steps = {release: 0.0 if release < "2.17" else math.log(1.3) for release in RELEASES}

    def wide(place: int, one: Comparison) -> Comparison:
        if one.metric.name != "step time" or one.interval is None:
            return one
        return dataclasses.replace(one, interval=dataclasses.replace(one.interval, standard_error=0.5))

    series = series_of(with_fixed(surveyed(steps).chapters[0], wide), RELEASES[0])
    step = next(one for one in series if one.metric.name == "step time")
    assert (step.noise, step.changes) == (0.5, ())


def test_numbers_of_operations_have_points_where_they_differ() -> None:
    """Seven operations on both sides, but four of the last candidate."""
    (chapter,) = surveyed(SAME).chapters
    assert {"graph operations", "retraces"}.isdisjoint(one.metric.name for one in series_of(chapter, "a"))

    def fewer(place: int, one: Comparison) -> Comparison:
        return dataclasses.replace(one, candidate=4) if one.metric.name == "graph operations" and place == 2 else one

    series = {one.metric.name: one for one in series_of(with_fixed(chapter, fewer), "a")}
    found = series["graph operations"]
    assert [(point.difference, point.interval) for point in found.points] == [(0, None), (0, None), (-3, None)]
    assert found.changes == ()
    assert "retraces" not in series


def test_few_releases_have_differences_and_no_changes() -> None:
    (chapter,) = surveyed({"a": 0.0, "b": 0.3, "c": 0.3}).chapters
    step = next(one for one in series_of(chapter, "a") if one.metric.name == "step time")
    assert (len(step.points), step.noise, step.changes) == (3, None, ())


def test_gating_metrics_come_first() -> None:
    gates = [metric.gates for metric in surveyed(SAME).chapters[0].metrics()]
    assert gates == sorted(gates, reverse=True)
    assert not all(gates)
