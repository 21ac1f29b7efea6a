"""`tfgate gate`: run and check in one."""

import argparse

from bench.commands.errors import UsageError
from bench.commands.options import plans
from bench.commands.run import measure
from bench.commands.verdicts import judge_and_print, read_standards

QUICK_CONFIGS = ["tiny"]


def main(options: argparse.Namespace) -> int:
    """The verdict's exit code. Baselines and margins that can't be used are said before anything is measured. Raises UsageError."""
    if options.quick and options.config:
        raise UsageError(f"--quick is {QUICK_CONFIGS[0]} alone: leave out --quick or --config")
    standards = read_standards(options)
    run, _ = measure(options, plans(options, QUICK_CONFIGS if options.quick else None), "gate")
    return judge_and_print(options, run, standards)
