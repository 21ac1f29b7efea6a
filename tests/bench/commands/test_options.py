"""Options that several commands share: the launches in turn that metrics need, and the time budget."""

import argparse
import os
from pathlib import Path

import pytest

from bench.commands import options
from bench.commands.options import (
    add_model,
    add_workload,
    alone,
    gating,
    launch_plan,
    minutes,
    model_request,
    numbers_plans,
    paired,
)
from bench.commands.usage import UsageError
from bench.drive.cores import PinnedCore
from bench.drive.plan import Plan
from bench.judge.margins import read_margins
from bench.judge.metrics import NAMES, ONE_CORE_STEP_TIME, OPERATIONS, RETRACES, STEP_TIME
from bench.record.lockstep import STEPS
from bench.record.paired import ALL_CORES, ONE_CORE, Side
from bench.stats.sequential import MOST_GATING
from lm.workloads.registry import names, workload

SHIPPED = read_margins(Path(__file__).resolve().parents[3] / "baselines" / "margins.toml")
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


@pytest.mark.parametrize(("asked", "threads"), [(0, 1), (2, 2)])
def test_steps_in_lockstep_have_one_thread_unless_more_are_asked_for(asked: int, threads: int) -> None:
    """So that numbers are compared as both step times are measured: on all cores, and on one."""
    oracle, lockstep = numbers_plans(Plan("tiny", 2000, threads=asked), Side("2.21.0", "/python", {}))
    assert lockstep is not None
    assert (oracle.threads, lockstep.threads, lockstep.steps) == (asked, threads, STEPS)


def test_a_budget_is_a_number_of_minutes() -> None:
    assert minutes("7.5") == 7.5
    for text in ("0", "-1", "inf", "nan", "soon"):
        with pytest.raises(argparse.ArgumentTypeError, match="is not a number of minutes above 0"):
            minutes(text)


@pytest.mark.parametrize(("free", "refused"), [(7.9, True), (8.0, False)])
def test_a_workload_that_lacks_the_memory_is_refused(
    monkeypatch: pytest.MonkeyPatch, free: float, refused: bool
) -> None:
    monkeypatch.setattr(options, "available_gib", lambda: free)
    parser = argparse.ArgumentParser()
    add_model(parser, ("tiny",))
    add_workload(parser)
    asked = parser.parse_args(["--workload", "large-batch"])
    if refused:
        with pytest.raises(UsageError, match=r"workload large-batch needs 8 GiB of memory, and 7.9 GiB are free"):
            model_request(asked, ("tiny",))
    else:
        assert model_request(asked, ("tiny",)).workloads == ("large-batch",)


@pytest.mark.parametrize("name", names())
def test_metrics_that_apply_to_a_workload_are_known_and_few_gate(name: str) -> None:
    assert set(workload(name).metrics) <= {*NAMES, RETRACES.name, OPERATIONS.name}
    for config in workload(name).plans:
        plan = Plan(config, 1, workload=name)
        assert 0 < len(gating(plan, SHIPPED)) <= MOST_GATING
        assert launch_plan(plan) == workload(name).plans[config]


@pytest.mark.parametrize(
    ("asked", "config", "expected"),
    [
        (["all"], "tiny", names()),
        (["all"], "medium", ("train",)),  # no other runs in it
        (["masked", "all"], "tiny", ("masked", *(name for name in names() if name != "masked"))),
        (None, "tiny", ("train",)),
    ],
)
def test_all_workloads_are_those_that_run_in_the_configuration(
    asked: list[str] | None, config: str, expected: tuple[str, ...]
) -> None:
    parser = argparse.ArgumentParser()
    add_workload(parser)
    add_model(parser, ("notebook",))
    words = [word for name in asked or () for word in ("--workload", name)]
    assert model_request(parser.parse_args([*words, "--config", config]), ("notebook",)).workloads == expected


@pytest.mark.parametrize(
    ("name", "one_launch", "variables"),
    [("train", False, ()), ("train-without-onednn", True, (("TF_ENABLE_ONEDNN_OPTS", "0"),)), ("masked", True, ())],
)
def test_a_plan_has_its_workload_s_variables_and_one_launch_where_perplexity_is_not_told(
    name: str, one_launch: bool, variables: tuple[tuple[str, str], ...]
) -> None:
    parser = argparse.ArgumentParser()
    add_workload(parser)
    add_model(parser, ("tiny",))
    (plan,) = model_request(parser.parse_args(["--workload", name]), ("tiny",)).plans()
    assert (plan.one_launch, plan.variables) == (one_launch, variables)


def test_a_launch_by_itself_has_as_many_units_as_one_in_turn() -> None:
    """Of masked tiny 3 to warm up and 30 quads of two blocks of 10; training keeps its steps."""
    masked = Plan("tiny", 1, "", None, "", workload="masked", answers=True, one_launch=True)
    assert (alone(masked).steps, alone(masked).one_launch) == (3 + 30 * 2 * 10, False)
    assert alone(Plan("tiny", 500)).steps == 500


def test_a_workload_that_is_named_must_run_where_all_are_asked_for() -> None:
    parser = argparse.ArgumentParser()
    add_workload(parser)
    add_model(parser, ("notebook",))
    options = parser.parse_args(["--workload", "all", "--workload", "masked", "--config", "medium"])
    with pytest.raises(UsageError, match="workload masked has no configuration medium"):
        model_request(options, ("notebook",))
