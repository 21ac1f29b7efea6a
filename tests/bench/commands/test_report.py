"""`tfgate report`: which files it writes, and which it refuses to."""

import dataclasses
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bench.judge.types import Scope
from bench.record.files import write_record
from tests.builders.commands import PASS, Keep, Tfgate, gate_run, in_turn, snapshot
from tests.builders.paired import pair, paired_run
from tests.builders.profiles import two_operations
from tests.builders.records import SUBJECT, record, records
from tests.builders.verdicts import HOSTILE

pytestmark = pytest.mark.usefixtures("undrawn")

FILES = {
    "html": "report.html",
    "markdown": "report.md",
    "junit": "junit.xml",
    "json": "report.json",
    "pytest-benchmark": "benchmark.json",
}


@pytest.mark.parametrize("file", ["", "run.json"], ids=["folder", "file"])
def test_the_page_goes_beside_the_run(tfgate: Tfgate, keep: Keep, baselines: Path, file: str) -> None:
    folder = keep("run")
    found = tfgate("report", folder / file, "--baselines", baselines)
    assert (found.code, found.out, found.err) == (0, "", f"written to {folder / 'report.html'}\n")
    assert PASS.value in (folder / "report.html").read_text(encoding="utf-8")


def test_all_formats_of_a_run(tfgate: Tfgate, keep: Keep, baselines: Path, tmp_path: Path) -> None:
    bad, out = keep("bad", records([5.1] * 4)), tmp_path / "out"
    formats = [word for name in FILES for word in ("--format", name)]
    found = tfgate("report", bad, *formats, "--output", out, "--baselines", baselines)
    assert found.code == 0  # a report tells; `check` answers
    assert found.err.splitlines() == [f"written to {out / name}" for name in FILES.values()]
    assert sorted(snapshot(out)) == sorted(FILES.values())
    assert ET.parse(out / "junit.xml").getroot().get("failures") == "1"
    assert [each["exit_code"] for each in json.loads((out / "report.json").read_text(encoding="utf-8"))] == [1]
    benchmarks = json.loads((out / "benchmark.json").read_text(encoding="utf-8"))["benchmarks"]
    assert [each["name"] for each in benchmarks] == [SUBJECT.name]


def test_two_runs_and_their_verdicts_as_json(tfgate: Tfgate, keep: Keep, baselines: Path, tmp_path: Path) -> None:
    good, bad, out = keep("good"), keep("bad", records([5.1] * 4)), tmp_path / "out"
    formats = ("--format", "html", "--format", "json")
    assert tfgate("report", good, bad, *formats, "--output", out, "--baselines", baselines).code == 0
    verdicts = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert [each["exit_code"] for each in verdicts] == [0, 1]
    assert "2 runs" in (out / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("speed", "said"), [(True, "2 runs are given"), (False, "the run of ")])
def test_benchmarks_are_of_one_run_that_was_timed(
    tfgate: Tfgate, keep: Keep, baselines: Path, tmp_path: Path, speed: bool, said: str
) -> None:
    untimed = keep("run", [dataclasses.replace(record(), step_seconds=())])
    runs = [keep("one"), keep("other")] if speed else [untimed]
    before = snapshot(tmp_path)
    words = ["--format", "pytest-benchmark", "--output", tmp_path / "out", "--baselines", baselines]
    found = tfgate("report", *runs, *words)
    assert (found.code, found.error.startswith(said)) == (2, True)  # and not called damaged
    assert snapshot(tmp_path) == before


def test_nothing_is_overwritten_unless_asked_for(tfgate: Tfgate, keep: Keep, baselines: Path, tmp_path: Path) -> None:
    folder = keep("run")
    (folder / "report.md").write_text("mine", encoding="utf-8")
    before = snapshot(tmp_path)
    words = ["report", folder, "--format", "html", "--format", "markdown", "--baselines", baselines]
    found = tfgate(*words)
    assert (found.code, found.error.split()[0]) == (2, str(folder / "report.md"))
    assert snapshot(tmp_path) == before
    assert tfgate(*words, "--replace").code == 0
    assert (folder / "report.md").read_text(encoding="utf-8").startswith("### ")


@pytest.mark.parametrize("replace", [[], ["--replace"]])
def test_a_page_of_several_runs_goes_into_none_of_their_folders(
    tfgate: Tfgate, keep: Keep, baselines: Path, tmp_path: Path, replace: list[str]
) -> None:
    runs = [keep("one"), keep("other")]
    (runs[0] / "report.html").write_text("the first run's own page", encoding="utf-8")
    before = snapshot(tmp_path)
    found = tfgate("report", *runs, *replace, "--baselines", baselines)
    assert (found.code, "--output" in found.error) == (2, True)
    assert snapshot(tmp_path) == before


def test_a_gate_s_page_has_its_words_per_second_in_turn(tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
    write_record(tmp_path / "gate.json", gate_run(in_turn()))
    formats = ("--format", "html", "--format", "json")
    assert tfgate("report", tmp_path, *formats, "--baselines", baselines).code == 0
    (verdict,) = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert (verdict["exit_code"], verdict["scope"]) == (0, Scope.ALL.value)
    assert "in turn with the reference" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_profiles_beside_a_run_are_on_its_page(tfgate: Tfgate, baselines: Path, tmp_path: Path) -> None:
    """As `tfgate profile --output RUN/profile` leaves them; one side alone can't be compared."""
    folder, title = tmp_path / "upgrade", "Where the time of a step goes"
    write_record(folder / "paired.json", paired_run([pair(launch) for launch in range(4)]))
    for side, profile in (("reference", two_operations(400, 100)), ("candidate", two_operations(500, 90))):
        assert tfgate("report", folder, "--replace", "--baselines", baselines).code == 0
        assert title not in (folder / "report.html").read_text(encoding="utf-8")
        write_record(folder / "profile" / side / "profile.json", profile)
    assert tfgate("report", folder, "--replace", "--baselines", baselines).code == 0
    assert title in (folder / "report.html").read_text(encoding="utf-8")


def test_hostile_names_write_nowhere_else(tfgate: Tfgate, keep: Keep, baselines: Path, tmp_path: Path) -> None:
    folder = keep("run", records(tensorflow=HOSTILE), HOSTILE, warnings=[HOSTILE])
    before = set(snapshot(tmp_path))
    found = tfgate("report", folder, "--baselines", baselines)
    assert found.err == f"written to {folder / 'report.html'}\n"
    assert set(snapshot(tmp_path)) - before == {"run/report.html"}
