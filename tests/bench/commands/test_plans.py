"""The plans of launches: those in turn that metrics need, and those timed alone."""

import dataclasses
import os
from pathlib import Path

import pytest

from bench.commands.plans import gating, launch_plan, numbers_plans, pair_plans, timed_alone
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
    monkeypatch.setattr("bench.commands.plans.core_to_pin", lambda: PinnedCore(1, (0,), shared=False))


@pytest.mark.parametrize(
    ("metrics", "kinds"),
    [(BOTH, {ALL_CORES, ONE_CORE}), ([STEP_TIME], {ALL_CORES}), ([ONE_CORE_STEP_TIME], {ONE_CORE})],
)
def test_only_launches_that_tell_a_gating_metric_are_planned(metrics: tuple[str, ...], kinds: set[str]) -> None:
    plans, warnings = pair_plans(Plan("tiny", 1), metrics)
    assert (set(plans), warnings) == (kinds, ())


def test_launches_on_one_core_are_divided_in_their_own_way() -> None:
    """The quads of blocks, and those of evaluations, which no metric there asks for."""
    plans, _ = pair_plans(Plan("tiny", 1), BOTH)
    found = {kind: (plan.blocks.quads, plan.blocks.evaluation_quads) for kind, plan in plans.items()}
    assert found == {ALL_CORES: (40, 12), ONE_CORE: (60, 0)}


def test_a_gpu_has_no_core_to_pin_and_that_is_said() -> None:
    plans, (warning,) = pair_plans(Plan("tiny", 1, device="gpu:0"), BOTH)
    assert (set(plans), warning) == ({ALL_CORES}, f"{ONE_CORE_STEP_TIME} is not measured on a GPU")
    assert pair_plans(Plan("tiny", 1, device="gpu:0"), [STEP_TIME])[1] == ()


def test_where_no_core_can_be_pinned_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0})
    plans, (warning,) = pair_plans(Plan("tiny", 1), BOTH)
    assert set(plans) == {ALL_CORES}
    assert warning.startswith(f"{ONE_CORE_STEP_TIME} is not measured")


def test_an_orchestrator_on_the_same_core_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.commands.plans.core_to_pin", lambda: PinnedCore(1, (0,), shared=True))
    plans, (warning,) = pair_plans(Plan("tiny", 1), BOTH)
    assert set(plans) == {ALL_CORES, ONE_CORE}
    assert "the other hardware thread of its core" in warning


@pytest.mark.parametrize("config", ["tiny", "notebook"])
@pytest.mark.parametrize("name", ["train", "predict"])
def test_only_the_smallest_weights_stay_between_blocks_on_one_core(name: str, config: str) -> None:
    plans, _ = pair_plans(Plan(config, 1, workload=name), BOTH)
    assert {kind: plan.moves for kind, plan in plans.items()} == {ALL_CORES: True, ONE_CORE: config != "tiny"}


@pytest.mark.parametrize("name", names())
def test_metrics_that_apply_to_a_workload_are_known_and_few_gate(name: str) -> None:
    assert set(workload(name).metrics) <= {*NAMES, RETRACES.name, OPERATIONS.name}
    for config in workload(name).plans:
        plan = Plan(config, 1, workload=name)
        assert 0 < len(gating(plan, SHIPPED)) <= MOST_GATING
        assert launch_plan(plan) == workload(name).plans[config]


def test_a_user_s_own_model_has_the_margins_of_its_file_s_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def workload(): pass")
    margins = dataclasses.replace(SHIPPED, without_pilot={}, workloads={"mine.py": {"step_time": 0.1}})
    assert gating(Plan("own", 1, "", None, "", workload=str(path), answers=True), margins) == [STEP_TIME]


def test_where_a_workload_may_trace_again_its_numbers_do_not_tell_its_retraces() -> None:
    """A gate then compares them with the reference's, in turn."""
    assert RETRACES.name not in workload("predict-shapes").metrics


def test_a_launch_by_itself_has_as_many_units_as_one_in_turn() -> None:
    """Of masked tiny 3 to warm up and 30 quads of two blocks of 10; training keeps its steps."""
    masked = Plan("tiny", 1, "", None, "", workload="masked", answers=True, one_launch=True)
    assert (timed_alone(masked).steps, timed_alone(masked).one_launch) == (3 + 30 * 2 * 10, False)
    assert timed_alone(Plan("tiny", 500)).steps == 500


@pytest.mark.parametrize(("asked", "threads"), [(0, 1), (2, 2)])
def test_steps_in_lockstep_have_one_thread_unless_more_are_asked_for(asked: int, threads: int) -> None:
    """So that numbers are compared as both step times are measured: on all cores, and on one."""
    oracle, lockstep = numbers_plans(Plan("tiny", 2000, threads=asked), Side("2.21.0", "/python", {}))
    assert lockstep is not None
    assert (oracle.threads, lockstep.threads, lockstep.steps) == (asked, threads, STEPS)
