"""The table of clean launches, from records made by hand."""

import dataclasses
from pathlib import Path

import pytest

from bench.measure.numerics import FLOAT32_MULTIPLE, FLOOR
from bench.measure.referee import SCREEN
from bench.record.files import write_record
from bench.record.lockstep import SIDES
from bench.record.types import CAP, STRESS, Failure, NumericError
from experiments.margins import launch_plan, main, report
from lm.config import CONFIGS
from tests.builders.records import BEYOND, OTHER_MACHINE, SUBJECT, WITHIN, record, run

DOCS = Path(__file__).resolve().parents[2] / "docs"
CLEAN = record(numerics=[WITHIN, NumericError(10, "gradient", "embedding", 3e-6, 4e-6, source=STRESS, case="NaN")])
OLD = record(tensorflow="2.12.1", numerics=[dataclasses.replace(WITHIN, error=2e-6)])


def test_the_pages_tell_the_limits_of_the_checks() -> None:
    pages = ((DOCS / name).read_text(encoding="utf-8") for name in ("numerics.md", "lockstep.md"))
    numerics, lockstep = (" ".join(page.split()) for page in pages)
    assert f"is {FLOAT32_MULTIPLE:.0f} × the float32 oracle's own error" in numerics
    assert f"plus {FLOOR:.0e}, and {CAP:.0e} at most" in numerics
    assert f"is {SIDES} × the limit of the oracle check" in lockstep
    assert f"is never below {SCREEN:.0e} and never above {SIDES * CAP:.0e} " in lockstep


def test_rows_hold_the_largest_ratio_of_each_version() -> None:
    """Of limits of 4e-6: 1e-6 is a quarter, 2e-6 a half, 3e-6 three quarters. Stress steps have rows of their own."""
    lines = report([CLEAN, OLD]).splitlines()
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in lines
        if line.startswith(("| training", "| stress"))
    ]
    assert rows[0][:6] == ["training", "gradient", "0.25", "0.50", "2.0e-06", "4.0e-06"]
    assert rows[1][:6] == ["stress", "gradient", "0.75", "0.00", "3.0e-06", "4.0e-06"]


def test_the_report_counts_alarms_and_states_the_bound_only_without_any() -> None:
    """0.05^(1/2) = 0.2236."""
    assert "**0 of 2 alarmed**; 0 of 2 shows a rate of at most 77.7% (95%) with these versions alone." in report(
        [CLEAN, OLD]
    )
    text = report([CLEAN, record(numerics=[BEYOND])])
    assert "**1 of 2 alarmed**; see the end." in text
    assert "- over its limit: 2.21.0, cells notebook, oneDNN on, 2 threads: " in text


def test_the_machines_are_those_that_measured() -> None:
    assert "- Machine: A CPU; Another CPU.\n" in report([CLEAN, OLD, record(machine=OTHER_MACHINE, numerics=[WITHIN])])


def test_each_configuration_has_a_row_the_smallest_first() -> None:
    small = record(
        subject=dataclasses.replace(SUBJECT, config="small"), numerics=[dataclasses.replace(WITHIN, error=1.5e-6)]
    )
    lines = report([small, CLEAN, OLD]).splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| cells")]
    assert rows == [["cells", "notebook", "2", "0.50", "0.75"], ["cells", "small", "1", "0.38", "–"]]  # 1.5 / 4 = 0.375
    assert any(
        line.startswith("- `cells`: notebook (10 steps; oneDNN on; threads 2), small (10 steps;") for line in lines
    )


def test_the_more_parameters_the_fewer_steps() -> None:
    assert {name: launch_plan(name) for name in ("tiny", "notebook", "medium", "large")} == {
        "tiny": (60, (1, 2)),
        "notebook": (12, (1, 2)),
        "medium": (4, (2,)),
        "large": (2, (2,)),
    }


def test_a_new_configuration_is_launched_as_others_of_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CONFIGS, "new", dataclasses.replace(CONFIGS["small"], name="new"))
    assert launch_plan("new") == launch_plan("small")


def kept(folder: Path, python: str, numerics: NumericError = WITHIN, corpus: str = "synthetic") -> list[str]:
    """Arguments for the launches of `large`, which lie in the folder already."""
    subject = dataclasses.replace(SUBJECT, config="large", corpus=corpus, steps=launch_plan("large")[0])
    for onednn in (0, 1):
        command = (python, "cells", "large", corpus, f"oneDNN {onednn}", "threads 2", "repeat 0")
        measured = record(subject=subject, numerics=[numerics])
        write_record(folder / f"{corpus}{onednn}.json", dataclasses.replace(run([measured]), command=command))
    return ["--python", python, "--config", "large", "--implementation", "cells", "--records", str(folder)]


@pytest.fixture(autouse=True)
def without_ptb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PTB_ARCHIVE", raising=False)


def test_launches_that_were_kept_are_not_measured_again(tmp_path: Path) -> None:
    """There is no such interpreter: nothing could be."""
    output = tmp_path / "numerics.md"
    assert main([*kept(tmp_path / "kept", "/no/python"), "--output", str(output)]) == 0
    assert "**0 of 2 alarmed**" in output.read_text()


def test_both_corpora_are_launched_where_the_ptb_is_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """tox passes PTB_ARCHIVE on."""
    output = tmp_path / "numerics.md"
    arguments = kept(tmp_path / "kept", "/no/python")
    kept(tmp_path / "kept", "/no/python", corpus="ptb")
    monkeypatch.setenv("PTB_ARCHIVE", "/ptb.tgz")
    assert main([*arguments, "--output", str(output)]) == 0
    assert "**0 of 4 alarmed**" in output.read_text()
    assert "Corpus: synthetic and ptb." in output.read_text()


def test_an_alarm_is_told_by_the_exit_code(tmp_path: Path) -> None:
    assert main([*kept(tmp_path / "kept", "/no/python", BEYOND), "--output", str(tmp_path / "numerics.md")]) == 1


def test_a_launch_that_fails_ends_it_and_is_not_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [*kept(tmp_path / "kept", "/no/python"), "--config", "medium", "--output", str(tmp_path / "numerics.md")]
    assert main(options) == 4
    assert "margins: error: medium in /no/python: " in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["synthetic0.json", "synthetic1.json"]


def test_what_was_kept_can_be_reported_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept(tmp_path / "kept", "/no/python")
    output = tmp_path / "numerics.md"
    assert main(["--kept", str(tmp_path / "kept"), "--output", str(output)]) == 0
    assert "**0 of 2 alarmed**" in output.read_text()
    with pytest.raises(SystemExit, match="2"):
        main(["--output", str(output)])
    assert "name an interpreter by --python" in capsys.readouterr().err


def test_a_folder_of_launches_counts_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, output = tmp_path / "kept", tmp_path / "numerics.md"
    with pytest.raises(SystemExit, match="2"):
        main([*kept(folder, "/no/python"), "--kept", str(folder), "--output", str(output)])
    assert "--kept and --records are one folder" in capsys.readouterr().err


def test_a_launch_that_was_kept_and_diverged_ends_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_record(tmp_path / "a.json", run([record(numerics=[WITHIN], failure=Failure("diverged", "the loss is nan"))]))
    assert main(["--kept", str(tmp_path), "--output", str(tmp_path / "numerics.md")]) == 4
    assert capsys.readouterr().err == f"margins: error: {tmp_path / 'a.json'}: the loss is nan\n"


def test_a_launch_that_was_kept_and_is_damaged_ends_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = kept(tmp_path / "kept", "/no/python")
    (tmp_path / "kept" / "synthetic0.json").write_text("{")
    assert main([*options, "--output", str(tmp_path / "numerics.md")]) == 4
    assert "margins: error: " in capsys.readouterr().err
