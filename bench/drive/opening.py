"""TensorFlow workers, started for a plan and made ready for its first step."""

import contextlib
from collections.abc import Iterator

from bench.drive.patience import ALONE, Deadlines
from bench.drive.plan import Plan
from bench.drive.process import Worker
from bench.record.paired import Side
from bench.record.replies import Description, Opened


def started(
    plan: Plan,
    side: Side,
    deadlines: Deadlines = ALONE,
    *,
    whose: str = "",
    failing_as: str = "",
    takes_turns: bool = False,
) -> Worker:
    """Starts a side's TensorFlow worker for a plan: see Worker. Raises WorkerError, OSError."""
    return Worker(
        side.interpreter,
        "tensorflow",
        plan.device,
        plan.environment(side.variables),
        deadlines,
        whose=whose,
        failing_as=failing_as,
        takes_turns=takes_turns,
    )


@contextlib.contextmanager
def opened(
    plan: Plan, side: Side, jitter: int = 0, deadlines: Deadlines = ALONE, *, whose: str = "", failing_as: str = ""
) -> Iterator[Worker]:
    """Starts a side's worker for the block, the plan's model built and traced. Raises WorkerError, OSError."""
    with started(plan, side, deadlines, whose=whose, failing_as=failing_as) as worker:
        describe(worker, plan)
        open_model(worker, plan, jitter)
        yield worker


def describe(worker: Worker, plan: Plan) -> Description:
    """Returns the worker's environment and machine: the first request to a TensorFlow worker. Raises WorkerError."""
    return worker.request(Description, "describe", threads=plan.threads)


def open_model(worker: Worker, plan: Plan, jitter: int = 0) -> Opened:
    """Has a TensorFlow worker build and trace the plan's model. Raises WorkerError."""
    return worker.request(Opened, "open", **plan.opening(jitter))
