"""Progress on standard error: a bar on a terminal, plain lines elsewhere, nothing with --quiet."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bench.commands.messages import is_quiet, say, writing
from bench.drive.launch import Launch
from bench.drive.plan import Plan
from bench.judge.planning import SoFar
from bench.judge.throughput import words_per_second
from bench.record.paired import PairedRun
from bench.record.types import Record
from bench.report.lines import one_line
from bench.report.paired import ratio_text
from bench.report.so_far import left_text, so_far_text

REDRAWN_SECONDS = 1.0


def may_draw(console: Console) -> bool:
    """Tells whether a bar can be drawn there; FORCE_COLOR alone makes no terminal of a log."""
    return console.is_terminal and console.file.isatty()


class Bar:
    """A progress bar and the lines above it, as a context manager."""

    def __init__(self, unit: str = "") -> None:
        console = Console(stderr=True)
        counted = TextColumn(f"{{task.completed}}/{{task.total}}{unit}")
        columns = (TextColumn("{task.description}"), BarColumn(), counted, TimeElapsedColumn())
        self.on_terminal = may_draw(console) and not is_quiet()
        # No thread draws: it would run while steps are timed.
        self._bar = Progress(
            *columns, console=console, auto_refresh=False, transient=True, disable=not self.on_terminal
        )
        self._task = self._bar.add_task("starting", total=1)
        self._drawn = 0.0

    def move(self, **changes: Any) -> None:
        """Changes the bar as Progress.update does, and draws it: at each beginning, then once a second at most."""
        now = time.monotonic()
        due = not changes.get("completed") or now - self._drawn >= REDRAWN_SECONDS
        self._drawn = now if due else self._drawn
        with writing(self._bar.console.file):
            self._bar.update(self._task, refresh=due, **changes)

    def say(self, line: str) -> None:
        """Prints a line that stays."""
        if self.on_terminal:
            with writing(self._bar.console.file):
                self._bar.console.print(one_line(line), highlight=False, markup=False)
        else:
            say(line)

    def __enter__(self) -> Self:
        with writing(self._bar.console.file):
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with writing(self._bar.console.file):
            self._bar.stop()


class PhaseProgress(Bar):
    """A listener that shows phases alone: searches print a line of their own for each launch."""

    def phase(self, name: str, total: int) -> None:
        """Starts the bar anew."""
        self.move(description=name, completed=0, total=total)

    def step(self, done: int) -> None:
        """Moves the bar."""
        self.move(completed=done)

    def pair(self, run: PairedRun) -> None:
        """Prints nothing."""


class UpgradeProgress(PhaseProgress):
    """A listener for bench.drive.paired. `so_far` returns what a run holds."""

    def __init__(self, so_far: Callable[[PairedRun], SoFar]) -> None:
        super().__init__()
        self._so_far = so_far
        self._left = ""

    def phase(self, name: str, total: int) -> None:
        """Starts the bar anew, or prints the phase's name."""
        if self.on_terminal:
            super().phase(", ".join(filter(None, (name, self._left))), total)
        else:
            self.say(name)

    def pair(self, run: PairedRun) -> None:
        """Prints the launch's line."""
        pair = run.pairs[-1]
        failures = [f"the {side} failed: {failure.message}" for side, failure in pair.failures.items()]
        said = "; ".join(failures) or f"step time {ratio_text(pair.steps)}"
        so_far = self._so_far(run)
        self._left = left_text(so_far.seconds_left())
        told = so_far_text(so_far.comparisons(), self._left)
        self.say(f"launch {pair.launch + 1}, {pair.cores}: {'; '.join(filter(None, (said, told)))}")


class RunProgress(Bar):
    """A listener for bench.drive.run."""

    def __init__(self, plans: list[Plan], launches: int) -> None:
        super().__init__(" steps")
        self._total = sum(plan.launches(launches) for plan in plans)
        self._done, self._tried = 0, 0
        self._started = time.monotonic()

    def step(self, plan: Plan, launch: Launch, steps: int) -> None:
        """Moves the bar."""
        text = f"{plan.name} launch {launch.number + 1} ({self._done + 1} of {self._total})"
        self.move(description=", ".join(filter(None, (text, self._left()))), completed=steps, total=plan.steps)

    def record(self, record: Record, over: int) -> None:
        """Prints the launch's line."""
        self._done, self._tried = over, self._tried + 1
        speed = words_per_second(record)
        said = record.failure.message if record.failure else f"{speed:,.0f} words/s" if speed else "done"
        told = "; ".join(filter(None, (said, self._left())))
        self.say(f"[{self._done}/{self._total}] {record.subject.name} launch {record.launch + 1}: {told}")

    def _left(self) -> str:
        """Returns the time left at the pace of the launches so far; "" before the first and after the last."""
        pace = (time.monotonic() - self._started) / self._tried if self._tried else 0.0
        return left_text((pace * (self._total - self._done),) * 2)
