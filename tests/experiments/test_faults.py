"""The table of faults, from rows made by hand; and what it refuses to run."""

import itertools
import re
import sys
from pathlib import Path

import pytest

from bench.judge.gate import Standards
from bench.record.files import read_record
from bench.record.types import SCHEMA
from experiments.faults import INTERPRETERS, OUTPUT, PLACE, Row, failures, keep_row, kept_row, main, report
from experiments.markdown import filled
from tests.faults.hook.injected.fault import Fault
from tests.faults.hook.injected.registry import FAULTS, NO_FAULT, fault_by_name
from tests.faults.native.library import NoCompilerError
from tests.faults.trial import BrokenFaultError, Catch

COMMITTED = OUTPUT.parent.parent / "experiments" / "data" / "faults"
VERSIONS = ("2.12.1", "2.21.0")
CLIPPED, FROZEN = FAULTS["clip-missing"], FAULTS["learning-rate-frozen"]
EARLY, LATE, APART = (
    Catch("oracle", "step 0: clipped of embedding", 9.6),
    Catch("perplexity", "+3%", 20.0),
    Catch("lockstep", "step 0", 15.0),
)


def row_of(
    fault: Fault, tensorflow: str, found: tuple[Catch, ...], machine: str = "A CPU, 2 cores", day: str = "2026-12-01"
) -> Row:
    return Row(SCHEMA, fault.name, tensorflow, found, machine, day)


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An interpreter that is there, and is no Python: nothing could be launched in it. Its TensorFlow is told."""
    path = tmp_path / "python"
    path.write_text("")
    monkeypatch.setattr("experiments.faults._tensorflow", lambda python: "2.21.0")
    return str(path)


def test_every_fault_caught_and_no_alarm_without_one_is_no_failure() -> None:
    assert failures([row_of(NO_FAULT, "2.21.0", ()), row_of(CLIPPED, "2.21.0", (EARLY,))]) == []


def test_a_missed_fault_is_a_failure() -> None:
    assert failures([row_of(CLIPPED, "2.12.1", ())]) == [
        "missed in TensorFlow 2.12.1: clip-missing, gradients are not clipped"
    ]


def test_an_alarm_without_a_fault_is_a_failure() -> None:
    found = failures([row_of(NO_FAULT, "2.12.1", (EARLY,))])
    assert found == ["false alarm in TensorFlow 2.12.1: oracle, step 0: clipped of embedding"]


def test_the_table_says_what_caught_a_fault_first_and_what_else_did() -> None:
    lines = report([row_of(CLIPPED, "2.21.0", (EARLY, LATE, APART))]).splitlines()
    assert lines[0].startswith("Machine: A CPU, 2 cores, 2026-12-01. TensorFlow 2.21.0. Launches took ")
    line = next(line for line in lines if line.startswith("| clip-missing"))
    assert line.endswith("| cells, layers, fused | oracle, step 0: clipped of embedding | perplexity, lockstep |")


def test_what_caught_a_fault_first_names_the_versions_where_they_differ() -> None:
    found = {"2.12.1": (EARLY,), "2.16.2": (), "2.21.0": (EARLY,)}
    rows = [row_of(CLIPPED, version, caught) for version, caught in found.items()]
    assert "| oracle, step 0: clipped of embedding (2.12.1, 2.21.0); nothing (2.16.2) |" in report(rows)


def test_the_machines_and_the_days_of_rows_are_named() -> None:
    rows = [
        row_of(CLIPPED, "2.21.0", (EARLY,), "B CPU", "2026-12-09"),
        row_of(FROZEN, "2.21.0", (EARLY,), "A CPU", "2026-12-02"),
        row_of(NO_FAULT, "2.21.0", (), "B CPU", "2026-12-03"),
    ]
    assert report(rows).startswith("Machine: B CPU; A CPU, 2026-12-02 to 2026-12-09. ")


def test_what_one_check_alone_catches_is_counted_over_environments() -> None:
    """clip-missing is caught by the oracle alone in one version and by lockstep too in the other: by both, then."""
    rows = [
        row_of(CLIPPED, "2.12.1", (EARLY,)),
        row_of(CLIPPED, "2.21.0", (EARLY, APART)),
        row_of(FROZEN, "2.21.0", (EARLY,)),
    ]
    said = "2 faults; 0 missed or false alarms. 1 are caught by the oracle alone, none by another check alone."
    assert said in report(rows)
    assert ", 1 by another check alone." in report([row_of(CLIPPED, "2.21.0", (APART,))])


def test_the_page_names_the_faults_that_patch_nothing_of_tensorflow() -> None:
    paragraphs = OUTPUT.read_text(encoding="utf-8").split("\n\n")
    named = next(text for text in paragraphs if "nothing of TensorFlow" in text)
    assert {*re.findall(r"`([a-z0-9-]+)`", named)} == {
        name for name, fault in FAULTS.items() if fault.module.startswith("lm.")
    }


def test_the_page_holds_the_committed_rows_of_the_whole_catalogue() -> None:
    """With --rows no row is made anew, so `tox run -e faults` writes the same."""
    rows = {(row.fault, row.tensorflow): row for row in (read_record(Row, path) for path in COMMITTED.glob("*.json"))}
    names = [NO_FAULT.name, *FAULTS]
    assert rows.keys() == set(itertools.product(names, VERSIONS))
    assert failures(rows.values()) == []
    page = OUTPUT.read_text(encoding="utf-8")
    assert page == filled(page, {PLACE: report([rows[key] for key in itertools.product(names, VERSIONS)])})


def test_an_unknown_fault_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--fault", "nought"]) == 2
    assert "no fault is called 'nought'" in capsys.readouterr().err


def test_an_interpreter_that_is_not_there_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "python"
    assert main(["--python", str(missing), "--output", str(tmp_path / "faults.md")]) == 2
    assert f"no interpreter {missing}: give --python" in capsys.readouterr().err


def test_an_interpreter_without_a_tensorflow_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--python", sys.executable, "--fault", "clip-missing"]) == 2
    assert capsys.readouterr().err == f"faults: error: {sys.executable} has no TensorFlow\n"


def test_no_interpreter_at_all_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in INTERPRETERS:
        monkeypatch.delenv(name, raising=False)
    assert main([]) == 2
    assert "no interpreter is named: give --python, or set TFGATE_PYTHON_TF212" in capsys.readouterr().err


def test_rows_that_were_kept_come_back_for_the_same_tensorflow_alone(tmp_path: Path) -> None:
    rows = [
        row_of(NO_FAULT, "2.21.0", ()),
        row_of(CLIPPED, "2.21.0", (EARLY, LATE)),
        row_of(CLIPPED, "2.12.1", (), "B CPU"),
    ]
    for row in rows:
        keep_row(tmp_path, row)
    assert [kept_row(tmp_path, fault_by_name(row.fault), row.tensorflow) for row in rows] == rows
    assert kept_row(tmp_path, CLIPPED, "2.15.1") is None
    assert kept_row(tmp_path, FROZEN, "2.21.0") is None


def test_nothing_is_kept_without_a_folder() -> None:
    keep_row(None, row_of(NO_FAULT, "2.21.0", ()))
    assert kept_row(None, NO_FAULT, "2.21.0") is None


def test_kept_rows_are_reported_without_a_launch(tmp_path: Path, python: str) -> None:
    for row in (row_of(NO_FAULT, "2.21.0", ()), row_of(CLIPPED, "2.21.0", (EARLY,))):
        keep_row(tmp_path / "rows", row)
    options = ["--python", python, "--rows", str(tmp_path / "rows"), "--output", str(tmp_path / "faults.md")]
    assert main([*options, "--fault", "clip-missing"]) == 0
    assert "1 faults; 0 missed" in (tmp_path / "faults.md").read_text()


def test_some_faults_alone_leave_the_table_as_it_is(
    tmp_path: Path, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments.faults.OUTPUT", tmp_path / "faults.md")
    for row in (row_of(NO_FAULT, "2.21.0", ()), row_of(CLIPPED, "2.21.0", (EARLY,))):
        keep_row(tmp_path / "rows", row)
    assert main(["--python", python, "--rows", str(tmp_path / "rows"), "--fault", "clip-missing"]) == 0
    assert not (tmp_path / "faults.md").exists()


@pytest.mark.parametrize("error", [BrokenFaultError, NoCompilerError])
def test_a_fault_that_cannot_be_injected_leaves_the_others_to_be(
    tmp_path: Path,
    python: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: type[Exception],
) -> None:
    injected = []

    def row(fault: Fault, python: str, standards: Standards, lockstep: bool) -> Row:
        injected.append(fault.name)
        if fault is CLIPPED:
            raise error("clip-missing: it broke down")
        return row_of(fault, "2.21.0", () if fault is NO_FAULT else (EARLY,))

    monkeypatch.setattr("experiments.faults._row", row)
    output = tmp_path / "faults.md"
    faults = ["--fault", "clip-missing", "--fault", "learning-rate-frozen"]
    assert main(["--python", python, *faults, "--output", str(output)]) == 1
    assert injected == ["none", "clip-missing", "learning-rate-frozen"]
    assert "clip-missing: it broke down" in capsys.readouterr().err
    assert not output.exists()
