"""`tfgate check RUN`: judges a run against the baselines."""

import argparse

from bench.commands.options import baselines_folder, read_any_run
from bench.commands.verdicts import judge_and_print, judge_and_print_paired, read_standards
from bench.judge.margins import read_margins
from bench.record.paired import PairedRun


def main(options: argparse.Namespace) -> int:
    """The verdict's exit code. A paired run (of `tfgate upgrade`) is judged by the margins alone."""
    run = read_any_run(options.run)
    if isinstance(run, PairedRun):
        return judge_and_print_paired(options, run, read_margins(baselines_folder(options) / "margins.toml"))
    return judge_and_print(options, run, read_standards(options))
