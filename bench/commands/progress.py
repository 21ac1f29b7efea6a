"""Progress on standard error: a bar on a terminal, plain lines elsewhere."""

import math
import sys
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.drive.launch import Launch
from bench.drive.plan import Plan
from bench.judge.quads import launch_summary, quad_log_ratio
from bench.judge.summary import launch_speed
from bench.record.paired import PairedRun
from bench.record.types import Record
from bench.report.lines import one_line


class UpgradeProgress:
    """A listener for bench.drive.upgrade; a context manager around the run."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=console, transient=True) if console.is_terminal else None
        self._task = self._bar.add_task("starting", total=1) if self._bar else None

    def phase(self, name: str, total: int) -> None:
        """Starts the bar anew, or prints the phase's name."""
        if self._bar and self._task is not None:
            self._bar.update(self._task, description=name, completed=0, total=total)
        else:
            print(name, file=sys.stderr, flush=True)

    def step(self, done: int) -> None:
        """Moves the bar."""
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=done)

    def pair(self, run: PairedRun) -> None:
        """Prints the launch's line."""
        pair = run.pairs[-1]
        failures = [record.failure.message for record in (pair.reference, pair.candidate) if record.failure]
        ratio = math.expm1(launch_summary([quad_log_ratio(quad) for quad in pair.steps])) if pair.steps else math.nan
        line = one_line(f"launch {pair.launch + 1}: {'; '.join(failures) or f'step time {100 * ratio:+.1f}%'}")
        if self._bar:
            self._bar.console.print(line, highlight=False, markup=False)
        else:
            print(line, file=sys.stderr, flush=True)

    def __enter__(self) -> "UpgradeProgress":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()


class RunProgress:
    """A listener for bench.drive.run; a context manager around the run."""

    def __init__(self, plans: list[Plan], launches: int) -> None:
        self._total = len(plans) * launches
        self._done = 0
        console = Console(stderr=True)
        self._bar: Progress | None = None
        if console.is_terminal:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed}/{task.total} steps"),
                TimeElapsedColumn(),
            )
            self._bar = Progress(*columns, console=console, transient=True)
            self._task = self._bar.add_task("starting", total=1)

    def step(self, plan: Plan, launch: Launch, steps: int) -> None:
        """Moves the bar."""
        if self._bar:
            text = f"{plan.config} launch {launch.number + 1} ({self._done + 1} of {self._total})"
            self._bar.update(self._task, description=text, completed=steps, total=plan.steps)

    def record(self, record: Record) -> None:
        """Prints the launch's line."""
        self._done += 1
        speed = launch_speed(record)
        said = record.failure.message if record.failure else f"{_words(record, speed.step_seconds)} words/s" if speed else "done"
        line = one_line(f"[{self._done}/{self._total}] {record.subject.name} launch {record.launch + 1}: {said}")
        if self._bar:
            self._bar.console.print(line, highlight=False, markup=False)
        else:
            print(line, file=sys.stderr, flush=True)

    def __enter__(self) -> "RunProgress":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()


def _words(record: Record, step_seconds: float) -> str:
    return f"{record.subject.tokens_per_step / step_seconds:,.0f}"
