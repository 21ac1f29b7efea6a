"""JUnit XML: what a CI service shows green, red, or as an error."""

import dataclasses
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.judge.notices import Told
from bench.judge.reasons import NoStoredSpeed
from bench.record.micro import Micro, read_launch
from bench.record.types import Failure
from bench.report.formats.junit import render
from bench.report.judged import Judged
from bench.report.lines import one_line
from bench.stats.outcome import Outcome
from tests.builders.golden import golden
from tests.builders.micro import MICRO_RUN, STEP, write_launch
from tests.builders.records import SUBJECT, record, run
from tests.builders.verdicts import (
    EXACT,
    HOSTILE,
    HOSTILE_REPORTS,
    LOAD,
    failed,
    gate,
    gate_run,
    judged_gate,
    judged_run,
    stored,
    upgrade,
    verdict,
)


def read(*judged: Judged) -> ET.Element:
    return ET.fromstring(render(judged))


def nothing() -> Judged:
    return judged_run(run([]))


def diverged_gate() -> Judged:
    """Two launches whose training diverged, and nothing in turn."""
    wild = Failure("diverged", "the loss is nan at step 1")
    numbers = run([record(launch=launch, failure=wild) for launch in range(2)])
    return judged_gate(dataclasses.replace(gate_run(speed=False), numbers=numbers))


def test_wording() -> None:
    golden("junit.xml", render([upgrade(1.2, warnings=[LOAD]), stored(), failed(), nothing()]))


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
    ids=["pass", "regression", "inconclusive", "gate", "slow gate", "failed", "nothing"],
)
def test_a_suite_is_green_exactly_where_the_exit_code_is_0(judged: Judged, failures: int, errors: int) -> None:
    root = read(judged)
    assert (root.get("failures"), root.get("errors")) == (str(failures), str(errors))
    assert (failures + errors == 0) == (judged.verdict.exit_code == 0)


def test_a_suite_takes_the_seconds_that_were_measured() -> None:
    (suite,) = read(upgrade()).iter("testsuite")
    # 10 pairs of 2 launches, each with 9.75 s of start-up, 5 steps of 0.1 s, 0.5 s of evaluation; lockstep took 1.5 s.
    assert suite.get("time") == f"{20 * (9.75 + 0.5 + 0.5) + 1.5:.3f}"


def test_a_gate_takes_as_long_as_its_phases() -> None:
    (suite,) = read(gate()).iter("testsuite")
    assert suite.get("time") == "12.000"


def test_micro_tells_no_time(tmp_path: Path) -> None:
    launches = [read_launch(write_launch(tmp_path / "1.json", {STEP: 0.05}))]
    (suite,) = read(Judged(Micro(MICRO_RUN, launches, launches), verdict([EXACT]))).iter("testsuite")
    assert suite.get("time") is None


def test_what_a_regression_left_open_is_skipped() -> None:
    """The run stopped at it: there is one failure to see to, not one and many errors."""
    judged, undecided = upgrade(1.2), upgrade(1.05, 0.02).verdict.comparisons[-1]
    assert undecided.outcome is Outcome.INCONCLUSIVE
    comparisons = (*judged.verdict.comparisons, undecided)
    root = read(dataclasses.replace(judged, verdict=dataclasses.replace(judged.verdict, comparisons=comparisons)))
    assert (root.get("failures"), root.get("errors"), root.get("skipped")) == ("1", "0", "1")


def test_what_is_not_gated_is_skipped() -> None:
    judged = stored()
    unknown = dataclasses.replace(judged.verdict.comparisons[-1], reason=NoStoredSpeed())
    root = read(dataclasses.replace(judged, verdict=verdict([EXACT, unknown])))
    assert unknown.outcome is Outcome.NOT_GATED
    assert (root.get("skipped"), root.get("failures"), root.get("errors")) == ("1", "0", "0")


@pytest.mark.parametrize("judged", [gate(), gate(1.2), gate(speed=False), diverged_gate(), upgrade()])
def test_no_two_cases_of_a_suite_share_their_name(judged: Judged) -> None:
    names = [(case.get("classname"), case.get("name")) for case in read(judged).iter("testcase")]
    assert len(set(names)) == len(names) > 0


def test_failures_of_two_reports_are_two_cases() -> None:
    """GitLab shows the first of cases that share their class and name, and one suite is called as the other."""

    def failed_in(config: str) -> Judged:
        subject = dataclasses.replace(SUBJECT, config=config)
        crashed = record(subject=subject, launch=1, failure=Failure("crashed", "killed by SIGKILL"))
        return judged_run(run([record(subject=subject), crashed]))

    cases = read(failed_in("tiny"), failed_in("small")).findall(".//testcase[@name='failure 1']")
    assert [case.get("classname") for case in cases] == ["tiny-synthetic-cells-cpu0", "small-synthetic-cells-cpu0"]


def test_counts_add_up_over_runs() -> None:
    root = read(upgrade(1.2), stored(), failed())
    suites = root.findall("testsuite")
    for count in ("tests", "failures", "errors", "skipped"):
        assert root.get(count) == str(sum(int(suite.get(count, "")) for suite in suites))
    assert root.get("tests") == str(len(root.findall("testsuite/testcase")))


def test_failures_alongside_a_regression_are_told() -> None:
    judged = upgrade(1.2)
    both = dataclasses.replace(judged.verdict, failures=(Told("launch 2: killed"),))
    root = read(dataclasses.replace(judged, verdict=both))
    assert [error.text for error in root.iter("error")] == ["launch 2: killed"]
    assert root.find(".//testcase[@name='failure 1']") is not None


@pytest.mark.parametrize("of", HOSTILE_REPORTS)
def test_hostile_names_stay_text(of: Callable[[], Judged]) -> None:
    root = read(of())
    tags = {element.tag for element in root.iter()}
    assert tags - {"skipped", "error"} == {"testsuites", "testsuite", "testcase", "failure", "system-out"}
    shown = [*root.itertext(), *(case.get("name", "") for case in root.iter("testcase"))]
    assert any(one_line(HOSTILE) in one_line(text) for text in shown)


def test_no_verdict_at_all_is_an_error() -> None:
    judged = Judged(run([]), verdict([]))
    assert [error.get("type") for error in read(judged).iter("error")] == [Outcome.INCONCLUSIVE.value]
