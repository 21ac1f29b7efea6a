"""One launch: a fresh TensorFlow process trains a configuration's fixed steps, in turn with the NumPy yardstick in another."""

import contextlib
import dataclasses
import datetime
import math
import statistics
import sys
from collections.abc import Callable, Mapping
from typing import Any

from bench.drive.process import Worker, WorkerError
from bench.record.machine import this_machine
from bench.record.replies import Block, Description, Finished, Opened, Timed
from bench.record.types import Evaluation, Failure, Memory, NumericError, Record, Startup, Subject

REQUEST_SECONDS = 1200.0  # deadline of one request; generous, since a hang is what it is for
BLOCKS = 10  # of a launch, between which the yardstick takes its turn
DROPPED_AFTER_SWITCH = 2  # first steps of a block: caches are cold, and the other process' threads may still spin
YARDSTICK_STEPS = 3  # of a turn; the first is dropped
EVALUATION_STEPS = 20


@dataclasses.dataclass(frozen=True)
class Plan:
    """What every launch of a configuration does."""

    config: str
    steps: int
    corpus: str = "synthetic"
    corpus_path: str | None = None
    implementation: str = "cells"
    device: str = "cpu:0"
    threads: int = 0  # of TensorFlow; 0: as many as cores
    speed: bool = True  # time the steps, in turn with the yardstick's; without, the machine may be shared

    @property
    def block_steps(self) -> int:
        """Steps of a block: a tenth of a launch, and enough to leave some after those dropped."""
        return min(max(self.steps // BLOCKS, 2 * DROPPED_AFTER_SWITCH + 1), self.steps)

    def data(self) -> dict[str, Any]:
        """What is trained on what, as a worker is told it."""
        return {"config": self.config, "corpus": self.corpus, "corpus_path": self.corpus_path}

    def checked_steps(self) -> tuple[int, ...]:
        """Steps held against the oracle: the first, an early one, one in the middle and the last."""
        return tuple(sorted({0, min(5, self.steps - 1), self.steps // 2, self.steps - 1}))


@dataclasses.dataclass(frozen=True)
class Launch:
    """Which launch of a run it is, and what sets it apart."""

    number: int  # from 0
    jitter: int = 0
    numerics: bool = False  # held against the oracle; such a launch doesn't judge memory


@dataclasses.dataclass
class _Measured:
    """What a launch has brought so far: it outlives a failure midway."""

    description: Description | None = None
    opened: Opened | None = None
    losses: list[float] = dataclasses.field(default_factory=list)
    first_step_seconds: float = math.nan
    step_seconds: list[float] = dataclasses.field(default_factory=list)
    yardstick_seconds: list[float] = dataclasses.field(default_factory=list)
    numerics: list[NumericError] = dataclasses.field(default_factory=list)
    rss: list[tuple[int, int]] = dataclasses.field(default_factory=list)  # (steps taken, bytes) after each block
    evaluation: Evaluation | None = None
    finished: Finished | None = None
    failure: Failure | None = None


def measure_launch(
    plan: Plan, launch: Launch, python: str, variables: Mapping[str, str], on_step: Callable[[int], None] = lambda steps: None
) -> Record:
    """Runs one launch; `on_step` hears how many steps are done. A failure is a field of the record, not an exception.

    The yardstick runs in this orchestrator's interpreter, whose NumPy is pinned.
    """
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    measured = _Measured()
    try:
        with contextlib.ExitStack() as workers:
            worker = workers.enter_context(Worker(python, "tensorflow", plan.device, variables))
            yardstick = workers.enter_context(Worker(sys.executable, "yardstick")) if plan.speed else None
            _measure(plan, launch, worker, yardstick, measured, on_step)
    except WorkerError as error:
        measured.failure = error.failure
    return _record(plan, launch, started, measured)


def describe(worker: Worker, plan: Plan) -> Description:
    """What the worker runs in: the first request to a TensorFlow worker. Raises WorkerError."""
    return worker.request(Description, "describe", REQUEST_SECONDS, threads=plan.threads)


def open_model(worker: Worker, plan: Plan, jitter: int = 0) -> Opened:
    """Has a TensorFlow worker build and trace the plan's model. Raises WorkerError."""
    options = {**plan.data(), "steps": plan.steps, "implementation": plan.implementation, "device": plan.device, "jitter": jitter}
    return worker.request(Opened, "open", REQUEST_SECONDS, **options)


def _measure(
    plan: Plan, launch: Launch, worker: Worker, yardstick: Worker | None, measured: _Measured, on_step: Callable[[int], None]
) -> None:
    measured.description = describe(worker, plan)
    measured.opened = open_model(worker, plan, launch.jitter)
    if yardstick:
        yardstick.request(None, "open", REQUEST_SECONDS, **plan.data())
    checks = plan.checked_steps() if launch.numerics else ()
    while len(measured.losses) < plan.steps and not measured.failure:
        count = min(plan.block_steps, plan.steps - len(measured.losses))
        _add_block(measured, worker.request(Block, "steps", REQUEST_SECONDS, count=count, check=checks))
        if yardstick:
            timed = yardstick.request(Timed, "steps", REQUEST_SECONDS, count=YARDSTICK_STEPS)
            measured.yardstick_seconds.extend(timed.seconds[1:])
        on_step(len(measured.losses))
    measured.evaluation = worker.request(Evaluation, "evaluate", REQUEST_SECONDS, max_steps=EVALUATION_STEPS)
    if launch.numerics:
        measured.numerics.extend(worker.request(tuple[NumericError, ...], "stress", REQUEST_SECONDS))
    measured.finished = worker.request(Finished, "finish", REQUEST_SECONDS)


def _add_block(measured: _Measured, block: Block) -> None:
    first = not measured.losses
    if first:
        measured.first_step_seconds = block.seconds[0]
    measured.losses.extend(block.losses)
    measured.numerics.extend(block.numerics)
    measured.rss.append((len(measured.losses), block.rss_bytes))
    steady = (seconds for position, seconds in enumerate(block.seconds) if position not in block.unsettled)
    measured.step_seconds.extend(list(steady)[DROPPED_AFTER_SWITCH:])
    if not math.isfinite(block.losses[-1]):
        step = len(measured.losses) - 1
        measured.failure = Failure("diverged", f"training diverged: the loss is {block.losses[-1]} at step {step}")


def _record(plan: Plan, launch: Launch, started: str, measured: _Measured) -> Record:
    description, opened, finished = measured.description, measured.opened, measured.finished
    unknown = Subject(plan.config, plan.corpus, plan.implementation, plan.device, "", plan.steps, 0, 0)
    startup = memory = None
    if description and opened and measured.losses:
        startup = Startup(description.import_seconds, opened.build_seconds, opened.trace_seconds, measured.first_step_seconds)
    if finished and not launch.numerics:
        memory = Memory(finished.peak_rss_bytes, memory_slope(measured.rss))
    return Record(
        subject=opened.subject if opened else unknown,
        environment=description.environment if description else None,
        machine=description.machine if description else this_machine(),
        launch=launch.number,
        jitter=launch.jitter,
        started=started,
        losses=tuple(measured.losses),
        step_seconds=tuple(measured.step_seconds) if plan.speed else (),
        yardstick_seconds=tuple(measured.yardstick_seconds),
        startup=startup,
        evaluation=measured.evaluation,
        memory=memory,
        retraces=finished.retraces if finished else 0,
        graph_operations=finished.graph_operations if finished else {},
        numerics=tuple(measured.numerics),
        failure=measured.failure,
    )


def memory_slope(rss: list[tuple[int, int]]) -> float:
    """Bytes a step by which resident memory grew over the second half of the blocks: least squares; 0 for fewer than two points."""
    points = rss[len(rss) // 2 :]
    if len(points) < 2:
        return 0.0
    return statistics.linear_regression([steps for steps, _ in points], [size for _, size in points]).slope
