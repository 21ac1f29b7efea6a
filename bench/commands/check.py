"""`tfgate check REPORT`: judges a stored report again, to the same verdict, without TensorFlow."""

import argparse

from bench.commands.options import read_report
from bench.commands.verdicts import judge_and_print, read_standards


def main(options: argparse.Namespace) -> int:
    """The verdict's exit code."""
    return judge_and_print(options, read_report(options.report), read_standards(options))
