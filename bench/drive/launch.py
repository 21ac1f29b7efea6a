"""One launch: a fresh TensorFlow process trains a configuration's fixed steps."""

import dataclasses
from collections.abc import Callable

from bench.drive.measured import Measured
from bench.drive.opening import describe, open_model, started
from bench.drive.oracle import measure_checked
from bench.drive.patience import ALONE, Deadlines
from bench.drive.plan import DROPPED_AFTER_SWITCH, EVALUATION_STEPS, Plan
from bench.drive.process import Worker
from bench.machine import now
from bench.record.paired import Side
from bench.record.replies import Block, Finished
from bench.record.types import Evaluation, Record


@dataclasses.dataclass(frozen=True)
class Launch:
    """A launch's number in its run, and what sets it apart."""

    number: int  # from 0
    jitter: int = 0
    numerics: bool = False  # compared with the oracle; such a launch tells neither memory nor steps' times


def measure_launch(
    plan: Plan,
    launch: Launch,
    side: Side,
    on_step: Callable[[int], None] = lambda steps: None,
    deadlines: Deadlines = ALONE,
    author: Side | None = None,
) -> Record:
    """Runs one launch of a side.

    `on_step` hears how many steps are done. `author` writes the files that a workload reads: the reference of an
    upgrade, else another process of this side. A failure is a field of the record, not an exception. Raises WorkerError
    where a user's own file was changed.
    """
    began, measured = now(), Measured()
    with measured.failing(), started(plan, side, deadlines) as worker:
        measured.description = describe(worker, plan)
        measured.opened = open_model(worker, plan, launch.jitter)
        if launch.numerics:
            measure_checked(plan, launch.jitter, worker, side, author, measured, on_step, deadlines)
        else:
            _measure_steps(plan, worker, measured, on_step)
        measured.finished = worker.request(Finished, "finish")
    return measured.record(plan, launch.number, launch.jitter, began)


def _measure_steps(plan: Plan, worker: Worker, measured: Measured, on_step: Callable[[int], None]) -> None:
    """Takes steps, or other units, block by block; evaluates what was trained."""
    while len(measured.losses) < plan.steps and not measured.failure:
        count = min(plan.block_steps, plan.steps - len(measured.losses))
        silent = count if plan.speed else 1  # an untimed block tells of each step
        block = worker.request(Block, "steps", per=silent, count=count, tell=not plan.speed)
        measured.add(block, DROPPED_AFTER_SWITCH)
        on_step(len(measured.losses))
    if not plan.answers:
        measured.evaluation = worker.request(Evaluation, "evaluate", max_steps=EVALUATION_STEPS)
