"""`tfgate run`: trains the configurations to their pinned step counts and keeps what was measured."""

import argparse
import contextlib
import json
import sys
from pathlib import Path

from bench.commands.options import first_jitter, launch_count, output_folder, plans, variables
from bench.commands.progress import RunProgress
from bench.drive.doctor import disturbances, examine
from bench.drive.lock import host_lock
from bench.drive.plan import Plan
from bench.drive.run import JITTER_BASE, RUN_FILE, measure_run
from bench.judge.types import FAILED_CODE
from bench.record.codec import to_plain
from bench.record.types import Run
from bench.report.text import run_table


def main(options: argparse.Namespace) -> int:
    """0, or 4 if a launch failed."""
    run, folder = measure(options, plans(options), "run", jitter=first_jitter(options))
    if options.json:
        print(json.dumps(to_plain(run), allow_nan=False))
    else:
        print(run_table(run))
        print(f"kept in {folder / RUN_FILE}; judge it with: tfgate check {folder}")
    return FAILED_CODE if any(record.failure for record in run.records) else 0


def measure(options: argparse.Namespace, planned: list[Plan], name: str, *, jitter: int = JITTER_BASE) -> tuple[Run, Path]:
    """Measures under the host's lock, with progress on standard error; the run and the folder that holds it."""
    folder = output_folder(options, name)
    count, given = launch_count(options), variables(options)
    warnings = disturbances(examine()) if planned[0].speed else ()
    lock = host_lock() if planned[0].speed else contextlib.nullcontext()
    with lock, RunProgress(planned, count) as progress:
        run = measure_run(planned, count, options.python, given, folder, options.command_line, progress, jitter, warnings)
    print(f"run kept in {folder}", file=sys.stderr)
    return run, folder
