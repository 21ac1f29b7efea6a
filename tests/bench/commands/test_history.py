"""`tfgate history`: what it gathers, what it leaves out, its exit codes."""

import dataclasses
import math
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.record.files import write_record
from bench.record.paired import PairedRun
from bench.record.types import UNCOMPILED, Failure
from tests.builders.commands import Answer, Keep, Tfgate, snapshot
from tests.builders.launches import on_candidate
from tests.builders.paired import side_of
from tests.builders.records import SUBJECT, environment
from tests.builders.reports import gate_report, paired_report, pairs
from tests.builders.verdicts import HOSTILE


def report(slowdown: float = 1.0, created: str = "2026-01-01T00:00:00+00:00", tensorflow: str = "2.21.0") -> PairedRun:
    """Two launches with a difference of 0.01%."""
    launches = [
        dataclasses.replace(
            one, candidate=dataclasses.replace(one.candidate, environment=environment(tensorflow)), launch=launch
        )
        for launch in range(2)
        for one in pairs(1, step=math.log(slowdown) + 0.0001 * launch)
    ]
    return paired_report(launches, created)


def keep_releases(folder: Path, slowdowns: Sequence[float], tensorflow: str = "2.{}.0") -> None:
    """A report for each, a day apart, in folders of folders, every other a gate's; every step has a little noise."""
    for number, slowdown in enumerate(slowdowns):
        created = f"2026-01-{number + 1:02}T00:00:00+00:00"
        made = report(slowdown * (1 + 0.001 * (-1) ** number), created, tensorflow.format(number))
        home = folder / "year" / f"release-{number}"
        if number % 2:
            write_record(home / "gate.json", gate_report([made], created))
            write_record(home / "notebook" / "paired.json", made)  # part of the gate's report: it counts once
        else:
            write_record(home / "paired.json", made)


def counts(found: Answer) -> list[int]:
    """(reports, series, series that are worse) of the first line."""
    return [int(word) for word in found.out.splitlines()[0].split() if word.isdigit()]


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    return tmp_path / "reports"


@pytest.mark.usefixtures("undrawn")
def test_ten_releases_of_one_percent(tfgate: Tfgate, reports: Path, tmp_path: Path) -> None:
    keep_releases(reports, [1.01**number for number in range(11)])
    page = tmp_path / "out" / "history.html"
    found = tfgate("history", reports, "--output", tmp_path / "out")
    assert (found.code, found.err) == (1, f"written to {page}\n")
    first = str(reports / "year" / "release-7")  # the first that is certainly beyond the margin
    assert first in found.out
    assert first in page.read_text(encoding="utf-8")


@pytest.mark.usefixtures("undrawn")
def test_a_page_is_not_overwritten_unless_asked_for(tfgate: Tfgate, reports: Path, tmp_path: Path) -> None:
    page = tmp_path / "out" / "history.html"
    page.parent.mkdir()
    page.write_text("mine", encoding="utf-8")
    keep_releases(reports, [1.0] * 2)
    words = ("history", reports, "--output", page.parent)
    refused = tfgate(*words)
    assert (refused.code, str(page) in refused.error) == (2, True)
    assert page.read_text(encoding="utf-8") == "mine"
    assert tfgate(*words, "--replace").code == 3  # two reports tell nothing yet
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_json_holds_the_series_and_nothing_else_is_printed(tfgate: Tfgate, reports: Path) -> None:
    """Eight reports, of which the last four have steps 8% slower; a little noise is in each."""
    keep_releases(reports, [1.0] * 4 + [1.08] * 4)
    (reports / "damaged").mkdir()
    (reports / "damaged" / "paired.json").write_text("{", encoding="utf-8")
    answer = tfgate("history", reports, "--json")
    found = answer.plain
    assert (answer.code, answer.err) == (1, "")
    assert (found["exit_code"], found["outcome"], found["reports"], len(found["warnings"])) == (1, "REGRESSION", 8, 1)
    series = {each["metric"]: each for each in found["series"]}
    assert len(series) == len(found["series"]) == 6
    step = series["step time"]
    assert (step["outcome"], step["margin"]) == ("REGRESSION", pytest.approx(math.log(1.05)))
    assert step["drift"]["difference"] == pytest.approx(math.log(1.08 * 0.999 / 1.001))
    assert [change["first"] for change in step["changes"]] == [4]
    assert [point["tensorflow"] for point in step["points"]] == [f"2.{number}.0" for number in range(8)]
    assert step["points"][0]["value"] == pytest.approx(step["fixed_reference"])


def test_a_history_that_stands_still(tfgate: Tfgate, reports: Path) -> None:
    keep_releases(reports, [1.0] * 8)
    found = tfgate("history", reports, reports / "year")  # each report counts once
    assert (found.code, counts(found)) == (0, [8, 6, 0])
    assert len(found.out.splitlines()) == 1


def test_a_copy_of_a_report_counts_once(tfgate: Tfgate, reports: Path) -> None:
    """A slow report at the end leaves it open; counted twice, it would be a REGRESSION."""
    keep_releases(reports, [*[1.0] * 8, 1.3])
    before = tfgate("history", reports)
    last = reports / "year" / "release-8"
    shutil.copytree(last, reports / "accepted")
    after = tfgate("history", reports)
    assert (before.code, after.code, counts(after)) == (3, 3, counts(before))
    assert f"warning: left out: {last}: a copy of {reports / 'accepted'}" in after.out
    assert "a copy of" not in before.out


def test_searches_are_left_out_and_named(tfgate: Tfgate, reports: Path) -> None:
    """Two newest reports that are 30% slower would be a REGRESSION."""
    keep_releases(reports, [1.0] * 8)
    for day, search in enumerate(("bisect", "blame"), 1):
        made = dataclasses.replace(report(1.3, f"2026-02-0{day}T00:00:00+00:00"), command=("tfgate", search, "--from"))
        write_record(reports / search / "01-keras" / "paired.json", made)
    found = tfgate("history", reports)
    assert (found.code, counts(found), found.out.count("left out: ")) == (0, [8, 6, 0], 2)
    assert f"left out: {reports / 'blame' / '01-keras' / 'paired.json'}: it is part of a blame" in found.out


def test_noise_that_may_hide_a_drift_is_no_pass(tfgate: Tfgate, reports: Path) -> None:
    keep_releases(reports, [1.0, 1.04, 1.01, 1.05, 0.99, 1.04, 1.0, 1.05])
    found = tfgate("history", reports)
    assert (found.code, counts(found)) == (3, [8, 6, 0])
    assert len(found.out.splitlines()) > 1


def test_what_holds_no_value_is_left_out_and_named(tfgate: Tfgate, reports: Path) -> None:
    keep_releases(reports, [1.0] * 6 + [1.08] * 5)
    (reports / "damaged").mkdir()
    (reports / "damaged" / "paired.json").write_text("{", encoding="utf-8")
    write_record(reports / "numbers" / "gate.json", gate_report([]))
    found = tfgate("history", reports)
    assert (found.code, found.out.count("left out: ")) == (1, 2)
    for path in (reports / "damaged" / "paired.json", reports / "numbers" / "gate.json"):
        assert f"left out: {path}" in found.out


def test_an_interrupted_report_proves_nothing(tfgate: Tfgate, reports: Path) -> None:
    keep_releases(reports, [1.0] * 5)
    cut = dataclasses.replace(report(created="2026-02-01T00:00:00+00:00"), incomplete="the run was interrupted")
    write_record(reports / "cut" / "paired.json", cut)
    found = tfgate("history", reports)
    assert (found.code, counts(found)[0]) == (3, 5)
    assert f"left out: {reports / 'cut' / 'paired.json'}: it is incomplete (the run was interrupted)" in found.out
    refused = tfgate("history", reports, "--fixed-reference", reports / "cut")
    assert (refused.code, "cut is incomplete (the run was interrupted)" in refused.error) == (2, True)


def test_a_report_whose_launches_failed_for_good_proves_nothing(tfgate: Tfgate, reports: Path) -> None:
    """It ended there, with the launches before. One that failed once, and ran when it was repeated, counts."""
    keep_releases(reports, [1.0] * 8)
    one, two = report().pairs
    crashed = on_candidate(two, failure=Failure("crashed", "killed by SIGKILL"))
    for name, made, day in (("dead", (one, crashed, crashed), 1), ("once", (one, crashed, two), 2)):
        run = dataclasses.replace(report(created=f"2026-02-0{day}T00:00:00+00:00"), pairs=made)
        write_record(reports / name / "paired.json", run)
    found = tfgate("history", reports)
    why = "it is incomplete (the candidate's last launch failed: killed by SIGKILL)"
    assert (found.code, counts(found)[0], found.out.count("left out: ")) == (0, 9, 1)
    assert f"left out: {reports / 'dead' / 'paired.json'}: {why}" in found.out
    assert tfgate("history", reports, "--fixed-reference", reports / "dead").code == 2


def test_a_configuration_that_never_ran_leaves_the_others_in(tfgate: Tfgate, reports: Path) -> None:
    keep_releases(reports, [1.0] * 8)
    failed = on_candidate(report().pairs[0], failure=Failure(UNCOMPILED, "XLA can't compile the graph"))
    created = "2026-02-01T00:00:00+00:00"
    other = dataclasses.replace(report(created=created), pairs=(failed,))
    write_record(reports / "two" / "gate.json", gate_report([report(created=created), other], created))
    found = tfgate("history", reports)
    assert (found.code, counts(found)) == (0, [9, 6, 0])


def test_too_few_reports_cannot_be_judged(tfgate: Tfgate, reports: Path) -> None:
    keep_releases(reports, [1.0] * 3)
    assert tfgate("history", reports).code == 3


def test_reports_without_anything_in_common_are_told_what_a_series_takes(tfgate: Tfgate, reports: Path) -> None:
    for version in ("2.17.0", "2.18.0"):
        write_record(reports / version / "paired.json", dataclasses.replace(report(), reference=side_of(version)))
    found = tfgate("history", reports)
    assert (found.code, counts(found)) == (3, [2, 0, 0])
    assert "a series takes two reports of one configuration" in found.out


@pytest.mark.parametrize(("slowdown", "code"), [(0.9, 1), (1.0, 0)])
def test_a_fixed_reference_from_elsewhere(
    tfgate: Tfgate, reports: Path, tmp_path: Path, slowdown: float, code: int
) -> None:
    keep_releases(reports, [1.0] * 8)
    write_record(tmp_path / "fixed" / "gate.json", gate_report([report(slowdown)]))
    found = tfgate("history", reports, "--fixed-reference", tmp_path / "fixed")
    assert found.code == code


def test_a_damaged_fixed_reference_is_named(tfgate: Tfgate, reports: Path, tmp_path: Path) -> None:
    keep_releases(reports, [1.0] * 8)
    fixed = tmp_path / "fixed.json"
    fixed.write_text("{", encoding="utf-8")
    found = tfgate("history", reports, "--fixed-reference", fixed)
    assert (found.code, found.out) == (2, "")
    assert found.error.startswith(f"{fixed} is damaged")


def test_a_report_that_lost_its_sense_is_named(tfgate: Tfgate, reports: Path, tmp_path: Path) -> None:
    """Losses whose sum is beyond what a float holds: left out among others, refused as the fixed reference."""
    keep_releases(reports, [1.0] * 8)
    (first, *others) = report().pairs
    damaged = dataclasses.replace(report(), pairs=(on_candidate(first, losses=(1e308,) * SUBJECT.steps), *others))
    write_record(reports / "huge" / "paired.json", damaged)
    said = f"{reports / 'huge'} can't be judged, and may be damaged"
    found = tfgate("history", reports)
    assert (found.code, counts(found), f"left out: {said}" in found.out) == (0, [8, 6, 0], True)
    found = tfgate("history", reports, "--fixed-reference", reports / "huge")
    assert (found.code, found.error.startswith(said)) == (2, True)


def test_a_fixed_reference_without_ratios_is_refused(tfgate: Tfgate, keep: Keep, reports: Path) -> None:
    keep_releases(reports, [1.0] * 8)
    assert "which has ratios to a reference" in tfgate("history", reports, "--fixed-reference", keep("fixed")).error


def test_runs_of_one_environment_are_left_out_and_counted(tfgate: Tfgate, keep: Keep, reports: Path) -> None:
    keep_releases(reports, [1.0] * 8)
    keep("reports/one")
    keep("reports/other")
    keep("reports/year/release-1/numbers")  # part of a gate's report
    found = tfgate("history", reports)
    assert found.code == 0
    assert "left out: 2 run.json" in found.out


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_reports_are_no_history(tfgate: Tfgate, keep: Keep, reports: Path, count: int) -> None:
    reports.mkdir()
    keep_releases(reports, [1.0] * count)
    keep("reports/one")
    found = tfgate("history", reports)
    assert (found.code, found.error.split(" ")[:4]) == (2, [str(count), "of", "the", str(count)])
    assert "left out: 1 run.json" in found.error


def test_hostile_names_change_nothing_but_the_text_shown(tfgate: Tfgate, reports: Path, tmp_path: Path) -> None:
    keep_releases(reports, [1.0] * 4 + [1.2] * 4, HOSTILE.replace("{", "(").replace("}", ")"))
    page = tmp_path / "out" / "history.html"
    before = set(snapshot(tmp_path))
    found = tfgate("history", reports, "--output", tmp_path / "out")
    assert found.code == 1
    assert "\x1b" not in found.out + page.read_text(encoding="utf-8")
    assert "\u202e" not in found.out + page.read_text(encoding="utf-8")
    assert page.read_text(encoding="utf-8").count("<script") == 1
    assert set(snapshot(tmp_path)) - before == {"out/history.html"}
