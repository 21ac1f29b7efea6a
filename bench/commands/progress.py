"""Progress on standard error: a bar on a terminal, plain lines elsewhere."""

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bench.drive.launch import Launch, Plan
from bench.judge.summary import launch_speed
from bench.record.types import Record
from bench.report.lines import one_line


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
