"""JUnit XML: what a CI service shows green, red, or as an error."""

import dataclasses
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from bench.judge.gate import judge_gate
from bench.judge.types import Verdict
from bench.record.types import Failure
from bench.report.formats.junit import junit
from bench.report.judged import Judged
from bench.report.lines import one_line
from tests.bench.report.formats.test_html import hostile, hostile_upgrade, stored
from tests.bench.samples import SUBJECT, baseline, record, records, run
from tests.builders.verdicts import HOSTILE, STANDARDS, gate, gate_run, hostile_gate, judged_run, upgrade


def read(*judged: Judged) -> ET.Element:
    return ET.fromstring(junit(judged))


def failed() -> Judged:
    measured = run([*records()[:3], record(launch=3, failure=Failure("crashed", "killed by SIGKILL"))])
    return judged_run(measured, baseline())


def nothing() -> Judged:
    return judged_run(run([]))


@pytest.mark.parametrize(
    ("judged", "failures", "errors"),
    [
        (upgrade(standard_error=0.001), 0, 0),
        (upgrade(1.2), 1, 0),
        (upgrade(1.05, 0.02), 0, 1),
        (gate(), 0, 0),
        (gate(1.2), 3, 0),  # step and evaluation, and the step since the ledger's first entry
        (failed(), 0, 1),
        (nothing(), 0, 1),
    ],
    ids=["pass", "regression", "cannot judge", "gate", "slow gate", "failed", "nothing"],
)
def test_a_suite_is_green_exactly_where_the_exit_code_is_0(judged: Judged, failures: int, errors: int) -> None:
    root = read(judged)
    assert (root.get("failures"), root.get("errors")) == (str(failures), str(errors))
    assert (failures + errors == 0) == (judged.verdict.exit_code == 0)


def test_a_case_for_each_check_with_its_text() -> None:
    cases = read(upgrade(1.2)).findall("testsuite/testcase")
    assert [(case.get("classname"), case.get("name")) for case in cases] == [
        (SUBJECT.name, metric) for metric in ("lockstep", "perplexity", "step time")
    ]
    failure = cases[2].find("failure")
    assert failure is not None
    assert failure.get("type") == "REGRESSION"
    assert (
        failure.text
        == "+20.0%; 95% certain to be between +18.1% and +21.9%; allowed +5.0%; +20.0% where +5.0% is allowed"
    )


def test_a_case_takes_the_seconds_that_were_measured_for_it() -> None:
    suite = read(upgrade()).find("testsuite")
    assert suite is not None
    times = {case.get("name"): case.get("time") for case in suite}
    # 4 pairs of 2 launches, each with 5 steps of 0.1 s; lockstep took 1.5 s.
    assert (times["step time"], times["perplexity"], times["lockstep"]) == ("4.000", "4.000", "1.500")
    # With 9.75 s of start-up and 0.5 s of evaluation for each of the 8.
    assert suite.get("time") == f"{8 * (0.5 + 9.75 + 0.5) + 1.5:.3f}"


def test_parts_of_the_start_up_have_their_own_seconds() -> None:
    judged = upgrade()
    traced = dataclasses.replace(judged.verdict.comparisons[1], metric="trace")
    (case,) = read(dataclasses.replace(judged, verdict=Verdict(judged.verdict.outcome, (traced,), ()))).iter("testcase")
    assert case.get("time") == "8.000"  # 8 launches of 1 s


def test_what_only_informs_is_skipped_with_its_reason() -> None:
    root = read(judged_run(run(records()), baseline(stored=())))
    assert (root.get("skipped"), root.get("failures"), root.get("errors")) == ("1", "0", "0")
    (skipped,) = root.iter("skipped")
    assert skipped.get("message") == f"words/s of {SUBJECT.name}: no baseline on this machine"


def names(root: ET.Element) -> list[tuple[str | None, str | None]]:
    return [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]


def diverged_gate() -> Judged:
    """Two launches whose training diverged, and nothing in turn."""
    wild = Failure("diverged", "the loss is nan at step 1")
    numbers = run([record(launch=launch, failure=wild) for launch in range(2)])
    measured = dataclasses.replace(gate_run(speed=False), numbers=numbers)
    return Judged(measured, judge_gate(measured, STANDARDS))


@pytest.mark.parametrize("judged", [gate(), gate(1.2), gate(speed=False), diverged_gate(), upgrade()])
def test_no_two_cases_of_a_suite_share_their_name(judged: Judged) -> None:
    found = names(read(judged))
    assert len(set(found)) == len(found) > 0


def test_a_suite_is_named_for_what_was_measured() -> None:
    suites = read(gate(), gate(speed=False)).findall("testsuite")
    assert [suite.get("name") for suite in suites] == [
        "TensorFlow 2.21.0 against the baselines and TensorFlow 2.20.0",
        "TensorFlow 2.21.0 against the baselines (numbers only; speed not measured)",
    ]


def test_a_gate_s_seconds_are_those_of_both_parts() -> None:
    """In turn 4 launches of both sides, each with 5 steps of 0.1 s; what was trained for its perplexity was not timed."""
    times = {(case.get("classname"), case.get("name")): case.get("time") for case in read(gate()).iter("testcase")}
    assert times[(SUBJECT.name, "step time")] == "4.000"


def test_counts_add_up_over_runs() -> None:
    root = read(upgrade(1.2), stored(), failed())
    suites = root.findall("testsuite")
    for count in ("tests", "failures", "errors", "skipped"):
        assert root.get(count) == str(sum(int(suite.get(count, "")) for suite in suites))
    assert root.get("tests") == str(len(root.findall("testsuite/testcase")))


def test_failures_beside_a_regression_are_told() -> None:
    judged = upgrade(1.2)
    both = dataclasses.replace(judged, verdict=dataclasses.replace(judged.verdict, failures=("launch 2: killed",)))
    errors = [error.text for error in read(both).iter("error")]
    assert errors == ["launch 2: killed"]


@pytest.mark.parametrize("of", [hostile, hostile_upgrade, hostile_gate])
def test_hostile_names_stay_text(of: Callable[[], Judged]) -> None:
    root = read(of())
    tags = {element.tag for element in root.iter()}
    assert tags - {"skipped"} == {"testsuites", "testsuite", "testcase", "failure", "error", "system-out"}
    shown = [*root.itertext(), *(case.get("name", "") for case in root.iter("testcase"))]
    assert any(one_line(HOSTILE) in one_line(text) for text in shown)


def test_no_verdict_at_all_is_an_error() -> None:
    empty = Judged(run([]), Verdict(nothing().verdict.outcome, (), ()))
    assert [error.get("type") for error in read(empty).iter("error")] == ["CANNOT JUDGE"]
