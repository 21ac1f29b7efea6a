"""`tfgate lockstep`: two environments take the same steps from the same weights, and every tensor is compared."""

import argparse
import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.commands.errors import UsageError
from bench.commands.options import plans, variables
from bench.commands.verdicts import print_verdict
from bench.drive.lockstep import run_lockstep
from bench.judge.lockstep import lockstep_verdict
from bench.record.codec import to_plain
from bench.record.paired import CANDIDATE, REFERENCE, Side
from bench.report.text import verdict_json
from bench.stats.outcome import Outcome

SENTENCES = {
    Outcome.PASS: "the candidate computes what the reference computes, step by step",
    Outcome.REGRESSION: "the candidate doesn't do what the reference does",
    Outcome.CANNOT_JUDGE: "the comparison proves neither a pass nor a regression",
}


def main(options: argparse.Namespace) -> int:
    """The verdict's exit code. Nothing is timed for a verdict, so other jobs may run beside it."""
    if options.steps < 1:
        raise UsageError(f"--steps is {options.steps}; it must be at least 1")
    plan = dataclasses.replace(plans(options, [options.config])[0], steps=options.steps)
    sides = {
        REFERENCE: Side(options.from_python, options.from_python, variables(options, "from_env")),
        CANDIDATE: Side(options.to_python, options.to_python, variables(options, "to_env")),
    }
    with _progress(options.steps) as on_step:
        result = run_lockstep(plan, sides, on_step)
    verdict = lockstep_verdict(result)
    if options.json:
        print(json.dumps({**verdict_json(verdict), "lockstep": to_plain(result)}, allow_nan=False))
    else:
        print_verdict(verdict, SENTENCES)
    return verdict.exit_code


@contextlib.contextmanager
def _progress(steps: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal's standard error; nothing elsewhere."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("lockstep", total=steps)
        yield lambda done: bar.update(task, completed=done)
