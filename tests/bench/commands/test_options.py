"""Options that several commands share: the launches in turn that metrics need, and the time budget."""

import argparse
import os

import pytest

from bench.commands import options
from bench.commands.options import minutes, paired
from bench.drive.cores import PinnedCore
from bench.drive.plan import Plan
from bench.judge.metrics import ONE_CORE_STEP_TIME, STEP_TIME
from bench.record.paired import ALL_CORES, ONE_CORE

BOTH = (STEP_TIME, ONE_CORE_STEP_TIME)


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "core_to_pin", lambda: PinnedCore(1, (0,), shared=False))


@pytest.mark.parametrize(
    ("metrics", "kinds"),
    [(BOTH, {ALL_CORES, ONE_CORE}), ([STEP_TIME], {ALL_CORES}), ([ONE_CORE_STEP_TIME], {ONE_CORE})],
)
def test_only_launches_that_tell_a_gating_metric_are_planned(metrics: tuple[str, ...], kinds: set[str]) -> None:
    plans, warnings = paired(Plan("tiny", 1), metrics)
    assert (set(plans), warnings) == (kinds, ())


def test_a_gpu_has_no_core_to_pin() -> None:
    plans, warnings = paired(Plan("tiny", 1, device="gpu:0"), BOTH)
    assert (set(plans), warnings) == ({ALL_CORES}, ())


def test_where_no_core_can_be_pinned_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0})
    plans, (warning,) = paired(Plan("tiny", 1), BOTH)
    assert set(plans) == {ALL_CORES}
    assert warning.startswith(f"{ONE_CORE_STEP_TIME} is not measured")


def test_an_orchestrator_on_the_same_core_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "core_to_pin", lambda: PinnedCore(1, (0,), shared=True))
    plans, (warning,) = paired(Plan("tiny", 1), BOTH)
    assert set(plans) == {ALL_CORES, ONE_CORE}
    assert "the other hardware thread of its core" in warning


def test_a_budget_is_a_number_of_minutes() -> None:
    assert minutes("7.5") == 7.5
    for text in ("0", "-1", "inf", "nan", "soon"):
        with pytest.raises(argparse.ArgumentTypeError, match="no number of minutes above 0"):
            minutes(text)
