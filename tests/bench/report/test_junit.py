"""JUnit XML: what a CI service shows green, red, or as an error."""

import dataclasses
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from bench.judge.gate import judge_run
from bench.judge.types import Verdict
from bench.record.types import Failure
from bench.report.judged import Judged
from bench.report.junit import junit
from bench.report.lines import one_line
from tests.bench.report.samples import HOSTILE, upgrade
from tests.bench.report.test_html import hostile, hostile_upgrade, stored
from tests.bench.samples import MARGINS, OTHER_MACHINE, SUBJECT, baseline, record, records, run


def read(*judged: Judged) -> ET.Element:
    return ET.fromstring(junit(judged))


def failed() -> Judged:
    measured = run([*records()[:3], record(launch=3, failure=Failure("crashed", "killed by SIGKILL"))])
    return Judged(measured, judge_run(measured, {SUBJECT.name: baseline()}, MARGINS))


def nothing() -> Judged:
    return Judged(run([]), judge_run(run([]), {}, MARGINS))


@pytest.mark.parametrize(
    ("judged", "failures", "errors"),
    [
        (upgrade(standard_error=0.001), 0, 0),
        (upgrade(1.2), 1, 0),
        (upgrade(1.05, 0.02), 0, 1),
        (failed(), 0, 1),
        (nothing(), 0, 1),
    ],
    ids=["pass", "regression", "cannot judge", "failed", "nothing"],
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
    assert failure.text == "+20.0%; 95% certain to be between +18.1% and +21.9%; allowed +5.0%; +20.0% where +5.0% is allowed"


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
    measured = run(records(machine=OTHER_MACHINE))
    judged = Judged(measured, judge_run(measured, {SUBJECT.name: baseline()}, MARGINS))
    root = read(judged)
    assert (root.get("skipped"), root.get("failures"), root.get("errors")) == ("2", "0", "0")
    messages = [skipped.get("message", "") for skipped in root.iter("skipped")]
    assert all("not judged: the baseline has no session on this machine" in message for message in messages)


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


@pytest.mark.parametrize("of", [hostile, hostile_upgrade])
def test_hostile_names_stay_text(of: Callable[[], Judged]) -> None:
    root = read(of())
    tags = {element.tag for element in root.iter()}
    assert tags - {"skipped"} == {"testsuites", "testsuite", "testcase", "failure", "error", "system-out"}
    shown = [*root.itertext(), *(case.get("name", "") for case in root.iter("testcase"))]
    assert any(one_line(HOSTILE) in one_line(text) for text in shown)


def test_no_verdict_at_all_is_an_error() -> None:
    empty = Judged(run([]), Verdict(nothing().verdict.outcome, (), ()))
    assert [error.get("type") for error in read(empty).iter("error")] == ["CANNOT JUDGE"]
