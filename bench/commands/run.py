"""`tfgate run`: trains configurations to their pinned step counts, or does a workload's units; keeps the records."""

import argparse
import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path

from bench.commands.messages import print_json
from bench.commands.model import GATE_CONFIGS, ModelRequest, add_model, add_workload, model_request
from bench.commands.options import (
    add_environment,
    add_launches,
    add_output,
    add_shared,
    at_least,
    environment_request,
    output_folder,
)
from bench.commands.plans import timed_alone
from bench.commands.progress import RunProgress
from bench.commands.timing import timing
from bench.commands.usage import UsageError
from bench.commands.verdicts import terminal
from bench.drive.run import JITTER_BASE, RUN_FILE, RunRequest, measure_run
from bench.record.codec import to_plain
from bench.record.files import keeper
from bench.record.paired import Side
from bench.record.repeats import settled_records
from bench.report.stored import run_table
from bench.stats.outcome import FAILED_CODE

EXAMPLES = """\
tfgate run --python .venv/bin/python
tfgate run --python .venv/bin/python --config tiny --workload masked --no-speed --json"""
LAUNCHES = 4
REPORTS = (RUN_FILE,)
JITTERS = range(2**31)  # what a NumPy stream takes, with room for a run's launches


@dataclasses.dataclass(frozen=True)
class Request:
    """The trainings of a run, their environment and the number of launches."""

    model: ModelRequest
    environment: Side
    launches: int
    jitter: int  # stream of the first launch's 1-ulp perturbation
    speed: bool
    output: Path
    json: bool
    command_line: Sequence[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_environment(parser)
    add_workload(parser)
    add_model(parser, GATE_CONFIGS)
    add_launches(parser, LAUNCHES, "fresh processes for each configuration")
    parser.add_argument(
        "--jitter",
        type=at_least(0),
        default=JITTER_BASE,
        metavar="N",
        help="stream of the first launch's 1-ulp perturbation (default: %(default)s)",
    )
    parser.add_argument(
        "--no-speed", action="store_true", help="time nothing; takes no lock, so it disturbs timed jobs beside it"
    )
    add_output(parser)
    add_shared(parser, "json", "quiet")


def request(options: argparse.Namespace) -> Request:
    """Makes the request. Raises UsageError."""
    if options.jitter not in JITTERS:
        raise UsageError(f"--jitter is {options.jitter}; it must be below {JITTERS.stop}")
    return Request(
        model=model_request(options, GATE_CONFIGS),
        environment=environment_request(options),
        launches=options.launches,
        jitter=options.jitter,
        speed=not options.no_speed,
        output=output_folder(options, "run"),
        json=options.json,
        command_line=options.command_line,
    )


def run(asked: Request) -> int:
    """Returns 0, or 4 if a launch failed, and failed again. Raises CorpusError, OSError."""
    planned = [timed_alone(plan) for plan in asked.model.plans(speed=asked.speed)]
    path = asked.output / RUN_FILE
    keep = keeper(path)
    with timing(timed=asked.speed) as disturbed, RunProgress(planned, asked.launches) as progress:
        wanted = RunRequest(planned, asked.launches, asked.environment, asked.command_line, asked.jitter, disturbed)
        measured = measure_run(wanted, keep, progress)
    if asked.json:
        print_json([to_plain(measured)])
    else:
        print(run_table(measured, terminal()[0]))
        check = shlex.join(("tfgate", "check", str(asked.output)))
        print(f"kept in {path}; judge it with: {check} (--baselines DIR: by your own)")
    return FAILED_CODE if any(record.failure for record in settled_records(measured.records)[0]) else 0
