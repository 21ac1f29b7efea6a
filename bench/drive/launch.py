"""One launch: a fresh TensorFlow process trains a configuration's fixed steps."""

import dataclasses
import datetime
from collections.abc import Callable, Mapping

from bench.drive.measured import Measured
from bench.drive.patience import CHECKED, STRESS, Deadlines, alone
from bench.drive.plan import DROPPED_AFTER_SWITCH, Plan
from bench.drive.process import Worker, WorkerError
from bench.record.replies import Block, Description, Finished, Opened
from bench.record.types import Evaluation, NumericError, Record

EVALUATION_STEPS = 20


@dataclasses.dataclass(frozen=True)
class Launch:
    """A launch's number in its run, and what sets it apart."""

    number: int  # from 0
    jitter: int = 0
    numerics: bool = False  # checked against the oracle; such a launch doesn't judge memory


def measure_launch(
    plan: Plan,
    launch: Launch,
    python: str,
    variables: Mapping[str, str],
    on_step: Callable[[int], None] = lambda steps: None,
    deadlines: Deadlines | None = None,
) -> Record:
    """Runs one launch.

    `on_step` hears how many steps are done. A failure is a field of the record, not an exception.
    """
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    measured = Measured()
    try:
        with Worker(python, "tensorflow", plan.device, variables) as worker:
            _measure(plan, launch, worker, measured, on_step, deadlines or alone())
    except WorkerError as error:
        measured.failure = error.failure
    return measured.record(plan, launch.number, launch.jitter, started)


def describe(worker: Worker, plan: Plan, deadlines: Deadlines | None = None) -> Description:
    """Returns the worker's environment and machine: the first request to a TensorFlow worker. Raises WorkerError."""
    return (deadlines or alone()).request(worker, Description, "describe", threads=plan.threads)


def open_model(worker: Worker, plan: Plan, jitter: int = 0, deadlines: Deadlines | None = None) -> Opened:
    """Has a TensorFlow worker build and trace the plan's model. Raises WorkerError."""
    return (deadlines or alone()).request(worker, Opened, "open", **plan.opening(jitter))


def _measure(
    plan: Plan, launch: Launch, worker: Worker, measured: Measured, on_step: Callable[[int], None], deadlines: Deadlines
) -> None:
    measured.description = describe(worker, plan, deadlines)
    measured.opened = open_model(worker, plan, launch.jitter, deadlines)
    checks, name = (plan.checked_steps(), CHECKED) if launch.numerics else ((), "steps")
    while len(measured.losses) < plan.steps and not measured.failure:
        count = min(plan.block_steps, plan.steps - len(measured.losses))
        silent = count if plan.speed else 1  # an untimed block tells of each step
        asked = {"count": count, "check": checks, "tell": not plan.speed}
        measured.add(deadlines.request(worker, Block, "steps", noted=name, per=silent, **asked), DROPPED_AFTER_SWITCH)
        on_step(len(measured.losses))
    measured.evaluation = deadlines.request(worker, Evaluation, "evaluate", max_steps=EVALUATION_STEPS)
    if launch.numerics:
        measured.numerics.extend(deadlines.request(worker, tuple[NumericError, ...], STRESS))
    measured.finished = deadlines.request(worker, Finished, "finish")
