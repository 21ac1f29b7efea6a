"""Deadlines in proportion: a candidate may be silent for three times as long as the reference was, and a minute more.

A fixed deadline is too long for `tiny`, whose step takes milliseconds, and too short for `large` on a slow host.
"""

import dataclasses
import time
from typing import Any, TypeVar

from bench.drive.process import Worker, WorkerError
from bench.record.paired import CANDIDATE, REFERENCE
from bench.record.types import HUNG

T = TypeVar("T")

FACTOR = 3.0  # times the reference's longest
GRACE_SECONDS = 60.0  # added to it, for what depends on no TensorFlow: a disk, a busy host
ALONE_SECONDS = 300.0  # of silence, where there is no reference's time
STARTUP_SECONDS = 600.0  # the same of a process that imports, or builds and traces
STARTUP = ("describe", "open")
STRESS = "stress"
LIKE = {STRESS: "steps"}  # where a reference took the latter alone; the rest is within the grace


class Patience:
    """Notes the longest silence of the reference in each operation, over all launches of a run, and sets deadlines by
    it.
    """

    def __init__(self) -> None:
        self._longest: dict[str, float] = {}

    def note(self, operation: str, seconds: float) -> None:
        """Notes that the reference was silent for so long: until it answered, or until a step was over if the operation
        counts steps.
        """
        self._longest[operation] = max(seconds, self.longest(operation) or 0.0)

    def longest(self, operation: str) -> float | None:
        """Returns the longest silence noted, of a like operation where there is none; None without any."""
        return self._longest.get(operation, self._longest.get(LIKE.get(operation, "")))


@dataclasses.dataclass(frozen=True)
class Deadlines:
    """Sends requests to the workers of one side, and waits for replies until their deadlines."""

    patience: Patience
    role: str
    scale: float = 1.0  # of a candidate that works under other terms than the reference

    def request(
        self, worker: Worker, kind: type[T] | None, operation: str, *, noted: str = "", per: int = 1, **arguments: Any
    ) -> T:
        """Returns the reply to an operation: see Worker.request and `receive`. Raises WorkerError."""
        worker.send(operation, **arguments)
        return self.receive(worker, kind, operation, noted=noted, per=per)

    def receive(self, worker: Worker, kind: type[T] | None, operation: str, *, noted: str = "", per: int = 1) -> T:
        """Waits for the reply to what was sent; a reference's times are noted, a candidate that hangs is compared with
        them.

        `noted` is the name that the operation is noted under, where that isn't its own; `per` the steps that it takes
        until its next sign of life. Raises WorkerError.
        """
        name, began = noted or operation, time.monotonic()

        def hear(_: object = None) -> None:
            nonlocal began
            now = time.monotonic()
            if self.role == REFERENCE:
                self.patience.note(name, (now - began) / per)
            began = now

        longest = self.patience.longest(name) if self.role == CANDIDATE else None
        try:
            reply = worker.receive(kind, operation, self._seconds(operation, longest, per), hear)
        except WorkerError as error:
            if longest is None or error.failure.kind != HUNG:
                raise
            said = f"{error.failure.message}; the reference took {per * longest:.1f} s"
            raise WorkerError(dataclasses.replace(error.failure, message=said)) from error
        hear()
        return reply

    def _seconds(self, operation: str, longest: float | None, per: int) -> float:
        if longest is None:
            return STARTUP_SECONDS if operation in STARTUP else ALONE_SECONDS
        return FACTOR * self.scale * per * longest + GRACE_SECONDS


def alone() -> Deadlines:
    """Returns the deadlines of a process that has no reference."""
    return Deadlines(Patience(), CANDIDATE)
