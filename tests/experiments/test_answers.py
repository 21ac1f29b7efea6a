"""The table of clean answers, from launches that were kept."""

import dataclasses
from pathlib import Path

import pytest

from bench.record.files import write_record
from bench.record.types import CASE, Failure, NumericError, Record
from experiments import answers
from experiments.answers import DRAWS, PLACE, main, plans
from lm.workloads.registry import names, workload
from tests.builders.records import SUBJECT, record, run

HALF = NumericError(0, "loss", "", 2e-6, 4e-6, source=CASE, case="ragged")
BEYOND = dataclasses.replace(HALF, error=5e-6)
PYTHON = "/no/python"  # nothing could be measured with it


def kept(folder: Path, config: str, onednn: int, draw: int, launch: Record) -> None:
    """Keeps a launch of `save` as one that is done."""
    command = (PYTHON, "save", config, f"oneDNN {onednn}", "threads 0", f"repeat {draw}")
    path = folder / f"{config}{onednn}{draw}.json"
    write_record(path, dataclasses.replace(run([launch]), command=command), replace=True)


def of_save(config: str, *errors: NumericError, tensorflow: str = "2.21.0") -> Record:
    (plan,) = (one for one in plans() if (one.workload, one.config) == ("save", config))
    subject = dataclasses.replace(SUBJECT, workload="save", config=config, steps=plan.steps)
    return record(subject=subject, numerics=list(errors), tensorflow=tensorflow)


@pytest.fixture
def arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All launches of `save`, done: of notebook without oneDNN an error is half its limit, else a quarter."""
    for config, draws in DRAWS.items():
        for onednn in (1, 0):
            for draw in range(draws):
                nearer = config == "notebook" and not onednn
                kept(
                    tmp_path,
                    config,
                    onednn,
                    draw,
                    of_save(config, HALF if nearer else dataclasses.replace(HALF, error=1e-6)),
                )
    monkeypatch.setattr(answers, "names", lambda: ("save",))
    (tmp_path / "page.md").write_text(f"before\n<!-- {PLACE} -->\n<!-- end -->\nafter\n")
    return ["--python", PYTHON, "--records", str(tmp_path), "--output", str(tmp_path / "page.md")]


def test_every_workload_that_answers_cases_is_measured_in_both_configurations() -> None:
    answering = {name for name in names() if workload(name).cases and name != "optimizers-twice"}
    assert {"save", "mixed", "predict-call"} <= answering
    assert "train" not in answering
    assert {(plan.workload, plan.config) for plan in plans()} == {
        (name, config) for name in answering for config in DRAWS if config in workload(name).plans
    }


def test_a_row_has_the_largest_share_and_where_it_was(arguments: list[str], tmp_path: Path) -> None:
    assert main(arguments) == 0
    page = (tmp_path / "page.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith("| `save`"))
    assert [cell.strip() for cell in row.split("|")[1:-1]] == ["`save`", "8", "0.50", "notebook: answer ragged: loss"]
    # 1 - 0.05^(1/8) = 0.3124
    assert "**0 of 8 alarmed**; 0 of 8 shows a rate of at most 31.3% (95%) with these versions alone." in page
    assert page.startswith("before\n")
    assert page.endswith("after\n")


def test_an_alarm_is_told_by_the_exit_code_and_named(arguments: list[str], tmp_path: Path) -> None:
    kept(tmp_path, "tiny", 0, 2, of_save("tiny", BEYOND))
    assert main(arguments) == 1
    page = (tmp_path / "page.md").read_text()
    assert "**1 of 8 alarmed**; see the end." in page
    assert "- over its limit: 2.21.0, " in page


def test_a_launch_that_failed_ends_it(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failed = dataclasses.replace(of_save("tiny", HALF), failure=Failure("diverged", "the loss is nan"))
    kept(tmp_path, "tiny", 0, 2, failed)
    assert main(arguments) == 4
    assert capsys.readouterr().err.endswith("answers: error: save-tiny in /no/python: the loss is nan\n")
    assert "save" not in (tmp_path / "page.md").read_text()
