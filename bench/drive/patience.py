"""Deadlines in proportion: a candidate may be silent for three times as long as the reference was, and a minute more.

A fixed deadline is too long for `tiny`, whose step takes milliseconds, and too short for `large` on a slow host.
"""

import dataclasses
import time
from collections.abc import Callable

from bench.record.paired import CANDIDATE, REFERENCE

FACTOR = 3.0  # times the reference's longest
GRACE_SECONDS = 60.0  # added to it, for what depends on no TensorFlow: a disk, a busy host
ALONE_SECONDS = 300.0  # of silence, where there is no reference's time
STARTUP_SECONDS = 600.0  # the same of a process that imports, or builds and traces
STARTUP = ("describe", "open")
STRESS = "stress"
NOTED_AS = {"take": "steps"}  # a step of training is as long whether it is published or not
LIKE = {STRESS: "steps"}  # a stress step takes about as long as a training step, if the reference took no stress step


class Patience:
    """Notes the longest silence of the reference in each operation, over all launches of a run, and sets deadlines by
    it.
    """

    def __init__(self) -> None:
        self._longest: dict[str, dict[int, float]] = {}  # by operation and the steps until a sign of life

    def note(self, operation: str, seconds: float, per: int = 1) -> None:
        """Notes that the reference was silent for so long: until it answered, or until `per` steps were over if the
        operation counts steps.
        """
        noted = self._longest.setdefault(operation, {})
        noted[per] = max(seconds, noted.get(per, 0.0))

    def longest(self, operation: str, per: int = 1) -> float | None:
        """Returns the longest silence noted of so many steps; None without any.

        Where there is none it is in proportion to that of another number, which may hold a first step, slow by tracing;
        or that of a like operation.
        """
        noted = self._longest.get(operation) or self._longest.get(LIKE.get(operation, ""))
        if not noted:
            return None
        return noted[per] if per in noted else per * max(seconds / steps for steps, seconds in noted.items())


class Wait:
    """The wait for one reply: a worker may be silent for `seconds` until each sign of life."""

    def __init__(self, seconds: float, told: str = "", note: Callable[[float], None] = lambda silence: None) -> None:
        """Begins to wait. `told` ends the message if the worker hangs; `note` hears how long each silence was."""
        self.seconds, self.told = seconds, told
        self._note, self._since = note, time.monotonic()

    def heard(self) -> None:
        """Notes a sign of life."""
        before, self._since = self._since, time.monotonic()
        self._note(self._since - before)


@dataclasses.dataclass(frozen=True)
class Deadlines:
    """How long the workers of one side may be silent: a reference's times are noted, a candidate's follow from them."""

    patience: Patience
    role: str
    scale: float = 1.0  # of a candidate that works under other terms than the reference

    def wait(self, operation: str, *, per: int = 1) -> Wait:
        """Returns the wait for an operation's reply, which begins now.

        `per`: the steps that it takes until its next sign of life.
        """
        name = NOTED_AS.get(operation, operation)
        fixed = STARTUP_SECONDS if operation in STARTUP else ALONE_SECONDS
        if self.role == REFERENCE:
            return Wait(fixed, note=lambda silence: self.patience.note(name, silence, per))
        taken = self.patience.longest(name, per)
        if taken is None:
            return Wait(fixed)
        return Wait(FACTOR * self.scale * taken + GRACE_SECONDS, f"; the reference took {taken:.1f} s")


ALONE = Deadlines(Patience(), CANDIDATE)  # of a process that has no reference; a candidate notes nothing
