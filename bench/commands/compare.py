"""`tfgate compare`: judges two stored runs, or the pytest-benchmark files of two sides, against each other."""

import argparse
import dataclasses
import json
from pathlib import Path

from bench.commands.errors import UsageError
from bench.commands.options import baselines_folder, read_baselines, read_run
from bench.commands.verdicts import PAIRED_SENTENCES, print_verdict
from bench.judge.benchmarks import compare_benchmarks
from bench.judge.compare import compare_runs
from bench.judge.margins import read_margins
from bench.judge.types import Verdict
from bench.record.benchmarks import read_benchmarks
from bench.report.text import verdict_json

BENCHMARK_MARGIN = 0.05  # as for the step time of a paired comparison


def main(options: argparse.Namespace) -> int:
    """The verdict's exit code. Raises UsageError for anything but two runs or files of both sides."""
    if options.margin is not None and not 0 < options.margin < 1:
        raise UsageError(f"--margin is {options.margin}; it must be a fraction above 0 and below 1")
    verdict = _verdict(options)
    if options.json:
        print(json.dumps(verdict_json(verdict), allow_nan=False))
    else:
        print_verdict(verdict, PAIRED_SENTENCES)
    return verdict.exit_code


def _verdict(options: argparse.Namespace) -> Verdict:
    files = options.reference or options.candidate
    if options.runs and files:
        raise UsageError("give two runs, or files by --reference and --candidate, not both")
    if files:
        if not options.reference or not options.candidate:
            raise UsageError(f"--{'candidate' if options.reference else 'reference'} is missing: a comparison has two sides")
        sides = [[read_benchmarks(Path(name)) for name in names] for names in (options.reference, options.candidate)]
        return compare_benchmarks(sides[0], sides[1], options.margin or BENCHMARK_MARGIN, options.gate)
    if len(options.runs) != 2:
        raise UsageError(f"{len(options.runs)} runs are given; two are compared, the reference first")
    if options.gate:
        raise UsageError("--gate is for pytest-benchmark files; what gates of a run is in the margins file")
    reference, candidate = map(read_run, options.runs)
    folder = baselines_folder(options)
    margins = read_margins(folder / "margins.toml")
    if options.margin:
        margins = dataclasses.replace(margins, speed=options.margin)
    return compare_runs(reference, candidate, read_baselines(folder), margins)
