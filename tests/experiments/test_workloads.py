"""The bookkeeping of workloads' runs: what is missing, what is kept of a run, and what the document says."""

import dataclasses
import json
from pathlib import Path

import pytest

from bench.drive.upgrade import PAIRED_FILE
from bench.judge.metrics import ONE_CORE_STEP_TIME, STEP_TIME
from bench.judge.paired import judge_paired
from bench.record.files import write_record
from bench.record.types import DEFAULT_WORKLOAD, SCHEMA, Failure
from bench.report.formats.json import verdict_json
from experiments.workloads import (
    LAUNCHES,
    OUTPUT,
    PAIRS,
    SAME,
    Judged,
    Ran,
    Store,
    document,
    measured_workloads,
    missing,
    read_store,
    told,
)
from tests.builders.launches import PAIRED
from tests.builders.paired import pair, paired_run
from tests.builders.records import MACHINE, records

NOTHING = Store(SCHEMA, ())
STEP = Judged(STEP_TIME, "PASS", 0.01)


def ran(launches: int = 10, outcome: str = "PASS", number: int = 0, judged: tuple[Judged, ...] = (STEP,)) -> Ran:
    return Ran("save", SAME, number, "2026-01-02T03:04:05+00:00", ("2", "2"), MACHINE, outcome, launches, 90.0, judged)


def row(text: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if line.startswith("| `save`"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_every_workload_but_train_is_missing_at_first() -> None:
    everything = list(missing(NOTHING))
    assert len(everything) == len(measured_workloads()) * (1 + len(PAIRS))
    assert DEFAULT_WORKLOAD not in measured_workloads()
    assert {pair for _, pair, _ in everything} == {SAME, *PAIRS}


def test_a_workload_is_measured_until_it_has_its_launches() -> None:
    once = Store(SCHEMA, (ran(LAUNCHES - 1),))
    assert ("save", SAME, 1) in missing(once)
    twice = Store(SCHEMA, (*once.runs, ran(1, number=1)))
    assert not [name for name, pair, _ in missing(twice) if (name, pair) == ("save", SAME)]


@pytest.mark.parametrize("step", [0.0, 0.5])
def test_a_run_keeps_what_the_command_judged(step: float, tmp_path: Path) -> None:
    run = paired_run([pair(launch, step=step) for launch in range(10)])
    run = dataclasses.replace(run, oracle=records()[:2])
    write_record(tmp_path / PAIRED_FILE, run, seal=True)
    verdict = judge_paired(run, PAIRED)
    found = told("save", SAME, 0, tmp_path, json.dumps(verdict_json(verdict)), 60.0)
    assert (found.outcome, found.launches) == (verdict.outcome.value, 10)
    judged = found.of(STEP_TIME)
    assert judged is not None
    assert judged.outcome == ("REGRESSION" if step else "PASS")
    assert found.of(ONE_CORE_STEP_TIME) is None


def test_a_run_of_which_a_launch_failed_is_not_kept(tmp_path: Path) -> None:
    run = paired_run([pair(0, failure=Failure("crashed", "it crashed"))])
    run = dataclasses.replace(run, oracle=records()[:2], incomplete="the run was interrupted")
    write_record(tmp_path / PAIRED_FILE, run, seal=True)
    with pytest.raises(ValueError, match="a launch failed"):
        told("save", SAME, 0, tmp_path, json.dumps(verdict_json(judge_paired(run, PAIRED))), 60.0)


def test_a_row_adds_runs_up_and_names_what_is_no_pass() -> None:
    slow = Judged(STEP_TIME, "INCONCLUSIVE", -0.02)
    text = document(Store(SCHEMA, (ran(), ran(12, "INCONCLUSIVE", 1, (slow,)))))
    assert row(text)[1:] == ["1 PASS, 1 INCONCLUSIVE", "22", "3.0", "–; –", "+1.0%; -2.0% INCONCLUSIVE", "–; –"]


def test_an_alarm_is_counted_and_so_is_what_is_short_of_launches() -> None:
    """No alarm in one run bounds their rate by 97.5% (1 − 0.025), one in one by nothing."""
    assert "0 alarms in 1 runs of 10 launches (at most 98% of runs" in document(Store(SCHEMA, (ran(),)))
    text = document(Store(SCHEMA, (ran(outcome="REGRESSION"),)))
    assert "1 alarms in 1 runs" in text
    assert "so far: " in text and "save" in text.split("so far: ")[1]  # noqa: PT018  # the second needs the first


def test_the_committed_runs_have_no_alarm() -> None:
    """A REGRESSION with nothing changed would be a finding: the method is wrong, or the margin."""
    for run in read_store().runs:
        assert run.pair != SAME or run.outcome != "REGRESSION", run


def test_the_document_is_made_of_the_committed_runs() -> None:
    written = OUTPUT.read_text(encoding="utf-8")
    assert document(read_store()) == written, "python -m experiments.workloads table writes it"
