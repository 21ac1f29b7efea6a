"""`tfgate gate`: run and check in one."""

import argparse

from bench.commands.check import judge_and_print, read_standards
from bench.commands.options import launch_count, plans
from bench.commands.run import measure

QUICK_CONFIGS = ["tiny"]


def main(options: argparse.Namespace) -> int:
    """The verdict's exit code. Baselines and margins that can't be used are said before anything is measured."""
    standards = read_standards(options)
    planned = plans(options, QUICK_CONFIGS if options.quick and not options.config else None)
    run, _ = measure(options, planned, "gate", launches=launch_count(options))
    return judge_and_print(options, run, standards)
