"""The plans of the launches that a command measures, made of what was asked for."""

import dataclasses
from collections.abc import Collection

from bench.drive.cores import core_to_pin
from bench.drive.pair import PairPlan
from bench.drive.plan import Plan
from bench.judge.margins import Margins
from bench.judge.metrics import ONE_CORE_STEP_TIME, kinds_of
from bench.record.lockstep import STEPS as LOCKSTEP_STEPS
from bench.record.paired import ALL_CORES, ONE_CORE, Side
from lm.config import LaunchPlan
from lm.workloads.registry import workload


def gating(plan: Plan, margins: Margins) -> list[str]:
    """Returns the names of the metrics in turn that gate a plan: those that apply to its workload and have a margin."""
    applying = workload(plan.workload).metrics
    return [name for name in margins.metrics(plan.config, plan.workload_name) if not applying or name in applying]


def pair_plans(plan: Plan, metrics: Collection[str]) -> tuple[dict[str, PairPlan], tuple[str, ...]]:
    """Returns the plans of the launches in turn that these metrics need, by kind, and warnings.

    Launches on one core run on a CPU, and need a second core for the orchestrator.
    """
    kinds = kinds_of(metrics)
    launches, plans = launch_plan(plan), {}
    if ALL_CORES in kinds:
        plans[ALL_CORES] = PairPlan.of(plan, launches.blocks)
    if ONE_CORE not in kinds:
        return plans, ()
    if not plan.device.startswith("cpu"):
        return plans, (f"{ONE_CORE_STEP_TIME} is not measured on a GPU",)
    pinned = core_to_pin()
    if pinned is None:
        missing = "one CPU alone, /proc of another PID namespace, or a system that refuses it"
        return plans, (f"{ONE_CORE_STEP_TIME} is not measured: no core can be pinned here ({missing})",)
    # A step's speed depends on where its weights lie, but for tiny's on one core (docs/protocol.md).
    plans[ONE_CORE] = PairPlan.of(plan, launches.one_core, pinned, moves=plan.config != "tiny")
    shared = f"CPU {pinned.core} is measured, and the orchestrator sleeps on the other hardware thread of its core"
    return plans, (shared,) if pinned.shared else ()


def launch_plan(plan: Plan) -> LaunchPlan:
    """Returns the division of a plan's launches."""
    return workload(plan.workload).plans[plan.config]


def timed_alone(plan: Plan) -> Plan:
    """Returns the plan of a launch that is timed by itself: of as many units as one in turn has, on all cores."""
    steps = PairPlan.of(plan, launch_plan(plan).blocks).plan.steps if plan.answers else plan.steps
    return dataclasses.replace(plan, steps=steps, one_launch=False)


def numbers_plans(plan: Plan, reference: Side) -> tuple[Plan, Plan | None]:
    """Returns how two sides' numbers are compared: each with the oracle, and both in lockstep where that tells."""

    def untimed(steps: int) -> Plan:
        definer = reference if plan.own else None
        return dataclasses.replace(plan, steps=min(steps, plan.steps), speed=False, definer=definer)

    # The oracle's steps have TensorFlow's threads, those in lockstep one: launches are timed on all cores and one.
    lockstep = dataclasses.replace(untimed(LOCKSTEP_STEPS), threads=plan.threads or 1)
    return untimed(launch_plan(plan).upgrade_steps), None if plan.answers else lockstep
