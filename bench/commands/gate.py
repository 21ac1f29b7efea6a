"""`tfgate gate`: run and check in one."""

import argparse

from bench.commands.check import judge_and_print
from bench.commands.options import baselines_folder, launch_count, plans
from bench.commands.run import measure

QUICK_CONFIGS = ["tiny"]


def main(options: argparse.Namespace) -> int:
    """The verdict's exit code. A baselines folder that isn't there is said before anything is measured."""
    baselines_folder(options)
    planned = plans(options, QUICK_CONFIGS if options.quick and not options.config else None)
    run, _ = measure(options, planned, "gate", launches=launch_count(options))
    return judge_and_print(options, run)
