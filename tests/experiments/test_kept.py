"""Launches that are kept: what alarms, and which files they lie in."""

import dataclasses
from pathlib import Path

import pytest

from bench.drive.plan import Plan
from bench.record.types import Record
from experiments.kept import alarms, kept_launch
from tests.builders.records import BEYOND, SUBJECT, WITHIN, record


def test_an_error_over_its_limit_is_an_alarm() -> None:
    assert alarms([record(numerics=[WITHIN])]) == []
    (line,) = alarms([record(numerics=[WITHIN]), record(numerics=[WITHIN, BEYOND])])
    assert "oneDNN on, 2 threads" in line
    assert "output/bias" in line


def test_an_error_that_is_no_number_is_an_alarm() -> None:
    assert alarms([record(numerics=[dataclasses.replace(WITHIN, error=float("nan"))])])


def test_launches_of_other_interpreters_and_steps_are_kept_next_to_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(plan: Plan, *_: object) -> Record:
        return record(subject=dataclasses.replace(SUBJECT, config=plan.config, steps=plan.steps), numerics=[WITHIN])

    monkeypatch.setattr("experiments.kept.measure_launch", measure)
    for python, steps in (("/a/python", 2), ("/b/python", 2), ("/a/python", 4)):
        plan = Plan("large", steps, threads=2, speed=False)
        assert kept_launch(python, plan, 1, tmp_path).subject.steps == steps
    assert len(list(tmp_path.iterdir())) == 3
