"""`tfgate report`: which files it writes, and which it refuses to."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.record.files import write_record
from tests.bench.commands.conftest import Tfgate, gate_run, in_turn, snapshot
from tests.bench.paired_samples import pair, paired_run
from tests.bench.profile.test_compare import two_operations
from tests.bench.samples import records
from tests.builders.verdicts import HOSTILE

Keep = Callable[..., Path]


def test_the_page_goes_beside_the_run(tfgate: Tfgate, keep: Keep, baselines: Path) -> None:
    folder = keep("run")
    found = tfgate("report", folder, "--baselines", baselines)
    assert (found.code, found.out, found.err) == (0, f"written to {folder / 'report.html'}\n", "")
    assert "PASS – tfgate" in (folder / "report.html").read_text(encoding="utf-8")


def test_a_run_named_by_its_file(tfgate: Tfgate, keep: Keep, baselines: Path) -> None:
    folder = keep("run")
    assert (
        tfgate("report", folder / "run.json", "--baselines", baselines).out == f"written to {folder / 'report.html'}\n"
    )


def test_all_forms_of_two_runs(tfgate: Tfgate, keep: Keep, baselines: Path, tmp_path: Path) -> None:
    good, bad = keep("good"), keep("bad", records([5.1] * 4))
    files = {name: tmp_path / "out" / name for name in ("page.html", "summary.md", "junit.xml", "verdicts.json")}
    page, summary, junit, verdicts = files.values()
    options = ("--output", page, "--markdown", summary, "--junit", junit, "--json", verdicts)
    found = tfgate("report", good, bad, *options, "--baselines", baselines)
    assert found.code == 0  # a report tells; `check` answers
    assert found.out.splitlines() == [f"written to {path}" for path in files.values()]
    assert "2 runs" in page.read_text(encoding="utf-8")
    assert "### ✖ REGRESSION" in summary.read_text(encoding="utf-8")
    assert ET.parse(junit).getroot().get("failures") == "1"
    assert [each["outcome"] for each in json.loads(verdicts.read_text(encoding="utf-8"))] == ["PASS", "REGRESSION"]


def test_nothing_is_overwritten_unless_asked_for(tfgate: Tfgate, keep: Keep, baselines: Path, tmp_path: Path) -> None:
    folder = keep("run")
    there = tmp_path / "there.md"
    there.write_text("mine", encoding="utf-8")
    before = snapshot(tmp_path)
    found = tfgate("report", folder, "--markdown", there, "--baselines", baselines)
    assert found.code == 2
    assert found.error == f"{there} exists already and is not overwritten: --replace does that, or choose another place"
    assert snapshot(tmp_path) == before
    assert tfgate("report", folder, "--markdown", there, "--baselines", baselines, "--replace").code == 0
    assert there.read_text(encoding="utf-8").startswith("### ✔ PASS")


def test_two_forms_in_one_file_are_refused(tfgate: Tfgate, keep: Keep, baselines: Path, tmp_path: Path) -> None:
    one = tmp_path / "one"
    found = tfgate("report", keep("run"), "--markdown", one, "--junit", one, "--baselines", baselines)
    assert (found.code, one.exists()) == (2, False)
    assert found.error == "two of --output, --markdown, --junit and --json name one file: give each its own"


def test_a_gate_s_page_has_its_words_per_second_in_turn(tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
    write_record(tmp_path / "gate.json", gate_run(in_turn()))
    assert tfgate("report", tmp_path, "--json", tmp_path / "verdicts.json", "--baselines", baselines).code == 0
    (verdict,) = json.loads((tmp_path / "verdicts.json").read_text(encoding="utf-8"))
    assert (verdict["outcome"], verdict["scope"]) == ("PASS", "numbers and speed")
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


def test_a_run_that_is_not_there(tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
    found = tfgate("report", tmp_path / "nowhere", "--baselines", baselines)
    assert (found.code, found.error) == (2, f"{tmp_path / 'nowhere'}: No such file or directory")


@pytest.mark.parametrize("command", ["check", "report"])
def test_the_summary_is_appended(
    tfgate: Tfgate, keep: Keep, baselines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("an earlier step's\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    found = tfgate(command, keep("run", records([5.1] * 4)), "--summary", "--baselines", baselines)
    assert (found.code, found.err) == (1 if command == "check" else 0, "")
    assert summary.read_text(encoding="utf-8").startswith(
        "an earlier step's\n### ✖ REGRESSION (numbers only; speed not measured)\n"
    )


def test_without_a_summary_s_file_it_says_so(
    tfgate: Tfgate, keep: Keep, baselines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    found = tfgate("check", keep("run"), "--summary", "--baselines", baselines)
    assert found.code == 0
    assert found.err == "no summary is written: GITHUB_STEP_SUMMARY, by which a CI service names the file, isn't set\n"


def test_hostile_names_write_nowhere_else(tfgate: Tfgate, keep: Keep, baselines: Path, tmp_path: Path) -> None:
    folder = keep("run", records(tensorflow=HOSTILE), HOSTILE, warnings=[HOSTILE])
    before = set(snapshot(tmp_path))
    found = tfgate("report", folder, "--baselines", baselines)
    assert found.out == f"written to {folder / 'report.html'}\n"
    assert set(snapshot(tmp_path)) - before == {"run/report.html"}
