"""`tfgate check REPORT`: judges a stored report again, to the same verdict, without TensorFlow."""

import argparse
from pathlib import Path

from bench.commands.micro import judge_and_print_micro
from bench.commands.stored import is_micro, read_report
from bench.commands.verdicts import judge_and_print, read_standards
from bench.record.micro import read_micro


def main(options: argparse.Namespace) -> int:
    """The verdict's exit code."""
    if is_micro(options.report):
        return judge_and_print_micro(options, *read_micro(Path(options.report)))
    return judge_and_print(options, read_report(options.report), read_standards(options))
