"""One launch: a fresh TensorFlow process trains a configuration's fixed steps, in turn with the NumPy yardstick in another."""

import contextlib
import dataclasses
import datetime
import sys
from collections.abc import Callable, Mapping

from bench.drive.measured import Measured
from bench.drive.plan import DROPPED_AFTER_SWITCH, Plan
from bench.drive.process import Worker, WorkerError
from bench.record.replies import Block, Description, Finished, Opened, Timed
from bench.record.types import Evaluation, NumericError, Record

REQUEST_SECONDS = 1200.0  # deadline of one request; generous, since a hang is what it is for
YARDSTICK_STEPS = 3  # of a turn; the first is dropped
EVALUATION_STEPS = 20


@dataclasses.dataclass(frozen=True)
class Launch:
    """Which launch of a run it is, and what sets it apart."""

    number: int  # from 0
    jitter: int = 0
    numerics: bool = False  # held against the oracle; such a launch doesn't judge memory


def measure_launch(
    plan: Plan, launch: Launch, python: str, variables: Mapping[str, str], on_step: Callable[[int], None] = lambda steps: None
) -> Record:
    """Runs one launch; `on_step` hears how many steps are done. A failure is a field of the record, not an exception.

    The yardstick runs in this orchestrator's interpreter, whose NumPy is pinned, while TensorFlow's process is stopped.
    """
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    measured = Measured()
    try:
        with contextlib.ExitStack() as workers:
            worker = workers.enter_context(Worker(python, "tensorflow", plan.device, variables, takes_turns=True))
            yardstick = workers.enter_context(Worker(sys.executable, "yardstick")) if plan.speed else None
            _measure(plan, launch, worker, yardstick, measured, on_step)
    except WorkerError as error:
        measured.failure = error.failure
    return measured.record(plan, launch.number, launch.jitter, started)


def describe(worker: Worker, plan: Plan) -> Description:
    """What the worker runs in: the first request to a TensorFlow worker. Raises WorkerError."""
    return worker.request(Description, "describe", REQUEST_SECONDS, threads=plan.threads)


def open_model(worker: Worker, plan: Plan, jitter: int = 0) -> Opened:
    """Has a TensorFlow worker build and trace the plan's model. Raises WorkerError."""
    return worker.request(Opened, "open", REQUEST_SECONDS, **plan.opening(jitter))


def _measure(
    plan: Plan, launch: Launch, worker: Worker, yardstick: Worker | None, measured: Measured, on_step: Callable[[int], None]
) -> None:
    measured.description = describe(worker, plan)
    measured.opened = open_model(worker, plan, launch.jitter)
    if yardstick:
        yardstick.request(None, "open", REQUEST_SECONDS, **plan.data())
    checks = plan.checked_steps() if launch.numerics else ()
    while len(measured.losses) < plan.steps and not measured.failure:
        count = min(plan.block_steps, plan.steps - len(measured.losses))
        measured.add(worker.request(Block, "steps", REQUEST_SECONDS, count=count, check=checks), DROPPED_AFTER_SWITCH)
        if yardstick:
            timed = yardstick.request(Timed, "steps", REQUEST_SECONDS, count=YARDSTICK_STEPS)
            measured.yardstick_seconds.extend(timed.seconds[1:])
        on_step(len(measured.losses))
    measured.evaluation = worker.request(Evaluation, "evaluate", REQUEST_SECONDS, max_steps=EVALUATION_STEPS)
    if launch.numerics:
        measured.numerics.extend(worker.request(tuple[NumericError, ...], "stress", REQUEST_SECONDS))
    measured.finished = worker.request(Finished, "finish", REQUEST_SECONDS)
