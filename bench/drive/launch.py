"""One launch: a fresh TensorFlow process trains a configuration's fixed steps."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping

from bench.drive.measured import Measured
from bench.drive.oracle import measure_checked
from bench.drive.patience import Deadlines, alone
from bench.drive.plan import DROPPED_AFTER_SWITCH, EVALUATION_STEPS, Plan
from bench.drive.process import Worker, WorkerError
from bench.machine import now
from bench.record.paired import Side
from bench.record.replies import Block, Description, Finished, Opened
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
    python: str,
    variables: Mapping[str, str],
    on_step: Callable[[int], None] = lambda steps: None,
    deadlines: Deadlines | None = None,
    author: Side | None = None,
) -> Record:
    """Runs one launch.

    `on_step` hears how many steps are done. `author` writes the files that a workload reads: the reference of an
    upgrade, else another process of this one. A failure is a field of the record, not an exception. Raises WorkerError
    where a user's own file was changed.
    """
    started = now()
    measured, deadlines = Measured(), deadlines or alone()

    again = functools.partial(opened, plan, python, variables, launch.jitter, deadlines)
    writing = again
    if author:
        writing = functools.partial(opened, plan, author.interpreter, author.variables, launch.jitter, deadlines)
    try:
        with Worker(python, "tensorflow", plan.device, plan.environment(variables)) as worker:
            measured.description = describe(worker, plan, deadlines)
            measured.opened = open_model(worker, plan, launch.jitter, deadlines)
            if launch.numerics:
                measure_checked(plan, launch.jitter, worker, again, writing, measured, on_step, deadlines)
            else:
                _measure_steps(plan, worker, measured, on_step, deadlines)
            measured.finished = deadlines.request(worker, Finished, "finish")
    except WorkerError as error:
        measured.failure = error.failure
    return measured.record(plan, launch.number, launch.jitter, started)


@contextlib.contextmanager
def opened(
    plan: Plan, python: str, variables: Mapping[str, str], jitter: int = 0, deadlines: Deadlines | None = None
) -> Iterator[Worker]:
    """Starts a TensorFlow worker for the block, the plan's model built and traced. Raises WorkerError."""
    with Worker(python, "tensorflow", plan.device, plan.environment(variables)) as worker:
        describe(worker, plan, deadlines)
        open_model(worker, plan, jitter, deadlines)
        yield worker


def describe(worker: Worker, plan: Plan, deadlines: Deadlines | None = None) -> Description:
    """Returns the worker's environment and machine: the first request to a TensorFlow worker. Raises WorkerError."""
    return (deadlines or alone()).request(worker, Description, "describe", threads=plan.threads)


def open_model(worker: Worker, plan: Plan, jitter: int = 0, deadlines: Deadlines | None = None) -> Opened:
    """Has a TensorFlow worker build and trace the plan's model. Raises WorkerError."""
    return (deadlines or alone()).request(worker, Opened, "open", **plan.opening(jitter))


def _measure_steps(
    plan: Plan, worker: Worker, measured: Measured, on_step: Callable[[int], None], deadlines: Deadlines
) -> None:
    """Takes steps, or other units, block by block; evaluates what was trained."""
    while len(measured.losses) < plan.steps and not measured.failure:
        count = min(plan.block_steps, plan.steps - len(measured.losses))
        silent = count if plan.speed else 1  # an untimed block tells of each step
        block = deadlines.request(worker, Block, "steps", per=silent, count=count, tell=not plan.speed)
        measured.add(block, DROPPED_AFTER_SWITCH)
        on_step(len(measured.losses))
    if not plan.answers:
        measured.evaluation = deadlines.request(worker, Evaluation, "evaluate", max_steps=EVALUATION_STEPS)
