"""`tfgate run`: trains the configurations to their pinned step counts and keeps what was measured."""

import argparse
import contextlib
import json

from bench.commands.options import first_jitter, launch_count, output_folder, plans, variables
from bench.commands.progress import RunProgress
from bench.drive.doctor import disturbances, examine
from bench.drive.lock import host_lock
from bench.drive.run import RUN_FILE, RunRequest, measure_run
from bench.judge.types import FAILED_CODE
from bench.record.codec import to_plain
from bench.record.files import keeper
from bench.record.repeats import settled_records
from bench.report.text import run_table


def main(options: argparse.Namespace) -> int:
    """0, or 4 if a launch failed, and failed again."""
    planned, folder, count = plans(options), output_folder(options, "run"), launch_count(options)
    timed = planned[0].speed
    warnings = disturbances(examine()) if timed else ()
    keep = keeper(folder / RUN_FILE)
    with host_lock() if timed else contextlib.nullcontext(), RunProgress(planned, count) as progress:
        request = RunRequest(
            planned,
            count,
            options.python,
            variables(options),
            options.command_line,
            first_jitter(options),
            warnings,
        )
        run = measure_run(request, keep, progress)
    if options.json:
        print(json.dumps(to_plain(run), allow_nan=False))
    else:
        print(run_table(run))
        print(f"kept in {folder / RUN_FILE}; judge it with: tfgate check {folder}")
    return FAILED_CODE if any(record.failure for record in settled_records(run.records)[0]) else 0
