"""The table of reports: its tests exist, and one that doesn't pass counts as not shown."""

import json

from experiments.markdown import filled
from experiments.recall import DATA, OUTPUT, PLACE, REPORTS, Evidence, made, names_of, run_tests

FIT = next(report for report in REPORTS if report.workload == "`fit`")


def test_the_document_is_of_what_was_found() -> None:
    kept = json.loads(DATA.read_text(encoding="utf-8"))
    page = OUTPUT.read_text(encoding="utf-8")
    assert page == filled(page, made(kept["passed"], kept["date"]))
    assert set(kept["passed"]) == {name for report in REPORTS for name in names_of(report)}


def test_every_report_stays_in_the_table_and_a_failed_test_is_no_evidence() -> None:
    everything = {name: True for report in REPORTS for name in names_of(report)}
    text = made(everything, "2026-01-01")[PLACE]
    assert text.count("\n| ") == len(REPORTS) + 2
    missed = sum(report.evidence is Evidence.NONE for report in REPORTS)
    assert f"not shown: {missed}.**" in text
    failed = everything | {names_of(FIT)[0]: False}
    assert f"not shown: {missed + 1}.**" in made(failed, "2026-01-01")[PLACE]
    not_run = {name: True for name in everything if name not in names_of(FIT)}
    text = made(not_run, "2026-01-01")[PLACE]
    assert f"not shown: {missed + 1}.**" in text
    assert text.count("| not run yet |") == 1


def test_what_is_injected_has_a_test_and_what_is_shown_a_page() -> None:
    injected = [report for report in REPORTS if report.evidence is Evidence.INJECTED]
    shown = [report for report in REPORTS if report.evidence is Evidence.OTHER]
    assert FIT in injected
    assert shown
    assert [report.name for report in injected if not report.tests] == []
    assert [report.name for report in shown if "](" not in report.shown] == []


def test_a_test_that_is_not_there_has_not_passed() -> None:
    assert run_tests(["tests/experiments/test_recall.py::test_that_is_not_there"]) == {
        "tests/experiments/test_recall.py::test_that_is_not_there": False
    }
