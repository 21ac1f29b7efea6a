"""The table of clean runs, from measurements made by hand."""

import dataclasses
import itertools
import unittest.mock
from pathlib import Path

import pytest

from bench.judge.metrics import RETRACES
from bench.judge.reasons import Retraces
from bench.judge.types import Comparison
from bench.record.files import write_record
from bench.record.lockstep import Lockstep
from bench.record.types import SCHEMA, STRESS, Evaluation, Failure, NumericError
from bench.stats.outcome import Outcome
from experiments.clean import (
    REPEATS,
    Judged,
    Kept,
    judged_launch,
    judged_lockstep,
    main,
    report,
    settings,
)
from tests.builders.records import BEYOND, STEPS, TINY, WITHIN, baseline, environment, record, run, standards
from tests.builders.verdicts import lockstep
from tests.faults.trial import PLAN

STANDARDS = standards([baseline(subject=TINY)])
TOGETHER, APART = (dataclasses.replace(lockstep(departs), candidate=environment("2.12.1")) for departs in (False, True))


def outcomes(of: Judged) -> dict[str, Outcome]:
    return {comparison.metric.name: comparison.outcome for comparison in of.comparisons}


def clean() -> Judged:
    return judged_launch(record(subject=TINY), STANDARDS)


def test_a_clean_launch_is_judged_by_every_check_but_those_of_speed_and_memory() -> None:
    found = clean()
    assert outcomes(found) == dict.fromkeys(("numerics", "retraces", "perplexity"), Outcome.PASS)
    assert found.setting == ("2.21.0", "synthetic", "on", "2")
    assert not found.alarmed


@pytest.mark.parametrize(
    ("wrong", "check"),
    [
        (record(subject=TINY, numerics=[BEYOND]), "numerics"),
        (dataclasses.replace(record(subject=TINY), evaluation=Evaluation(150.0, 1000, 0.5, True)), "numerics"),
        (dataclasses.replace(record(subject=TINY), retraces=1), "retraces"),
        (record(5.1, subject=TINY), "perplexity"),  # +10.5%, of a margin of 1%
        (record(subject=TINY, failure=Failure("diverged", "the loss is nan at step 7")), "training"),
    ],
    ids=["oracle", "evaluation", "retraces", "perplexity", "training"],
)
def test_each_check_can_alarm(wrong: object, check: str) -> None:
    found = judged_launch(wrong, STANDARDS)  # type: ignore[arg-type]  # a Record: pytest's parameters have no types
    assert found.alarmed
    assert outcomes(found)[check] is Outcome.REGRESSION


def test_lockstep_can_alarm() -> None:
    assert outcomes(judged_lockstep(TOGETHER)) == {"lockstep": Outcome.PASS}
    assert judged_lockstep(APART).alarmed


def test_what_cannot_be_judged_is_no_alarm_and_is_counted() -> None:
    """Without a baseline the perplexity can't be judged."""
    found = judged_launch(record(subject=TINY), standards())
    assert not found.alarmed
    lines = report([found, clean()], [judged_lockstep(TOGETHER)])["by check"].splitlines()
    assert cells(lines, "perplexity") == ["2", "1", "0", "1"]
    assert any(
        line.startswith("- 2.21.0, synthetic, on, 2: perplexity: INCONCLUSIVE: there is no baseline") for line in lines
    )


def cells(lines: list[str], check: str) -> list[str]:
    """Judged, PASS, alarms, INCONCLUSIVE."""
    row = next(line for line in lines if line.startswith(f"| {check} "))
    return [cell.strip() for cell in row.split("|")[2:-1]]


def test_the_bound_is_stated_only_without_an_alarm() -> None:
    """0.05^(1/2) = 0.2236, 0.05^(1/1) = 0.05."""
    text = report([clean(), clean()], [judged_lockstep(TOGETHER)])["alarms"]
    assert "**0 of 2 launches alarmed**; 0 of 2 shows a rate of at most 77.7% (95%) with these versions alone." in text
    assert (
        "**0 of 1 lockstep comparisons alarmed**; 0 of 1 shows a rate of at most 95.0% (95%) with these versions alone."
        in text
    )
    loud = judged_launch(record(subject=TINY, numerics=[BEYOND]), STANDARDS)
    found = report([clean(), loud], [judged_lockstep(APART)])
    assert "**1 of 2 launches alarmed**." in found["alarms"]
    assert "**1 of 1 lockstep comparisons alarmed**." in found["alarms"]
    assert cells(found["by check"].splitlines(), "numerics") == ["2", "1", "1", "0"]
    assert "- 2.12.1: lockstep: REGRESSION: gradient of embedding exceeds its limit first" in found["by check"]


def test_the_machine_is_the_one_that_measured() -> None:
    assert "clean` measured (A CPU):" in report([clean()], [judged_lockstep(TOGETHER)])["measured"]


def test_a_launch_that_failed_shows_nothing() -> None:
    with pytest.raises(ValueError, match="tiny-synthetic-cells-cpu0, launch 1: the candidate failed: it was killed"):
        judged_launch(record(subject=TINY, failure=Failure("crashed", "it was killed")), STANDARDS)


def test_there_are_48_settings_over_six_interpreters_and_both_corpora() -> None:
    """6 × 2 corpora × oneDNN on and off × 1 and 2 threads."""
    made = list(settings([f"/{number}/python" for number in range(6)], "/ptb.tgz"))
    assert len(set(made)) == len(made) == 48
    assert {(plan.config, plan.steps, plan.speed) for _, plan, _ in made} == {("tiny", PLAN.steps, False)}
    assert len(list(settings(["/python"], None))) == 4


def kept(folder: Path, result: Lockstep = TOGETHER) -> list[str]:
    """Arguments for what lies in the folder already."""
    python = "/no/python"
    for (_, plan, onednn), repeat in itertools.product(settings([python], None), range(REPEATS)):
        setting = ("cells", "tiny", "synthetic", f"oneDNN {onednn}", f"threads {plan.threads}")
        command = (python, *setting, f"repeat {repeat}")
        subject = dataclasses.replace(TINY, steps=PLAN.steps)
        measured = dataclasses.replace(record(subject=subject), losses=record().losses * (PLAN.steps // STEPS))
        path = folder / "launches" / f"{onednn}{plan.threads}{repeat}.json"
        write_record(path, dataclasses.replace(run([measured]), command=command))
    write_record(folder / "lockstep" / "2.21.0-2.12.1.json", Kept(SCHEMA, (python, python), result))
    return ["--python", python, "--records", str(folder)]


@pytest.fixture(autouse=True)
def without_ptb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PTB_ARCHIVE", raising=False)


def test_what_was_kept_is_not_measured_again(tmp_path: Path) -> None:
    """No such interpreter could be. The hand-made launches have a fingerprint that no baseline has."""
    output = tmp_path / "clean.md"
    assert main([*kept(tmp_path / "kept"), "--output", str(output)]) == 0
    lines = output.read_text().splitlines()
    assert (
        "- **0 of 12 launches alarmed**; 0 of 12 shows a rate of at most 22.1% (95%) with these versions alone."
        in lines
    )
    assert sum(line.startswith("| 2.21.0 ") for line in lines) == 1  # of twelve equal launches by hand


def test_an_alarm_is_told_by_the_exit_code(tmp_path: Path) -> None:
    assert main([*kept(tmp_path / "kept", APART), "--output", str(tmp_path / "clean.md")]) == 1


def test_a_launch_of_other_steps_is_not_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those of experiments.margins are short."""
    arguments = kept(tmp_path / "kept")
    short = dataclasses.replace(
        run([record(subject=TINY)]),
        command=("/no/python", "cells", "tiny", "synthetic", "oneDNN 1", "threads 1", "repeat 0"),
    )
    write_record(tmp_path / "kept" / "launches" / "110.json", short, replace=True)
    assert main([*arguments, "--output", str(tmp_path / "clean.md")]) == 4
    assert "clean: error: tiny-synthetic-cells-cpu0, launch 1: " in capsys.readouterr().err
    assert not (tmp_path / "clean.md").exists()


def test_a_comparison_that_fails_ends_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = kept(tmp_path / "kept")
    (tmp_path / "kept" / "lockstep" / "2.21.0-2.12.1.json").unlink()
    assert main([*arguments, "--output", str(tmp_path / "clean.md")]) == 4
    assert "clean: error: " in capsys.readouterr().err


def test_a_launch_without_errors_or_perplexity_has_no_cells() -> None:
    passed = Comparison(TINY.name, RETRACES, Outcome.PASS, Retraces(), 0, 0)
    found = Judged(("2.21.0", "synthetic", "on", "2"), (passed,))
    assert (
        "| 2.21.0       | synthetic | on       | 2         | –"
        in report([found], [judged_lockstep(TOGETHER)])["by check"]
    )


def test_an_update_is_left_out_of_the_largest_error() -> None:
    """Its error is 55% of its limit, that of the gradient 25%."""
    update = NumericError(5, "update", "output/bias", 5.5e-5, 1e-4, source=STRESS, case="NaN")
    assert judged_launch(record(subject=TINY, numerics=[WITHIN, update]), STANDARDS).largest == 0.25


def test_a_launch_that_was_kept_of_another_interpreter_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = FileExistsError(17, "File exists", "2.21.0.json")
    monkeypatch.setattr("experiments.clean.kept_launch", unittest.mock.Mock(side_effect=there))
    assert main(["--python", "/no/python", "--output", str(tmp_path / "clean.md")]) == 4
    assert "clean: error: [Errno 17] File exists: '2.21.0.json'" in capsys.readouterr().err
