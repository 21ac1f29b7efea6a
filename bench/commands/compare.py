"""`tfgate compare`: judges two reports with one reference, or the pytest-benchmark files of two sides, against each other."""

import argparse
import dataclasses
import json
from pathlib import Path

from bench.commands.errors import UsageError
from bench.commands.stored import baselines_folder, read_report
from bench.commands.verdicts import print_verdict
from bench.judge.benchmarks import compare_benchmarks
from bench.judge.compare import compare_reports
from bench.judge.margins import read_margins
from bench.judge.reports import Report
from bench.judge.types import Verdict
from bench.record.benchmarks import read_benchmarks
from bench.record.types import Run
from bench.report.text import verdict_json
from bench.stats.outcome import Outcome

BENCHMARK_MARGIN = 0.05  # as for the step time of a paired comparison

SENTENCES = {
    Outcome.PASS: "nothing that was compared is slower or larger than its margin allows",
    Outcome.REGRESSION: "the candidate is slower or larger than its margin allows",
    Outcome.CANNOT_JUDGE: "the measurements prove neither a pass nor a regression",
}


def main(options: argparse.Namespace) -> int:
    """The verdict's exit code. Raises UsageError for anything but two reports or files of both sides."""
    if options.margin is not None and not 0 < options.margin < 1:
        raise UsageError(f"--margin is {options.margin}; it must be a fraction above 0 and below 1")
    verdict = _verdict(options)
    if options.json:
        print(json.dumps(verdict_json(verdict), allow_nan=False))
    else:
        print_verdict(verdict, SENTENCES)
    return verdict.exit_code


def read_ratios(name: str) -> Report:
    """A gate's report or a paired run, from its folder or file. Raises UsageError for what holds no ratio, FormatError, OSError."""
    report = read_report(name)
    if isinstance(report, Run):
        raise UsageError(
            f"{name} names one environment without a reference: ratios are in what `tfgate gate` and `tfgate upgrade` write"
        )
    return report


def _verdict(options: argparse.Namespace) -> Verdict:
    files = options.reference or options.candidate
    if options.reports and files:
        raise UsageError("give two reports, or files by --reference and --candidate, not both")
    if files:
        if not options.reference or not options.candidate:
            raise UsageError(
                f"--{'candidate' if options.reference else 'reference'} is missing: a comparison has two sides"
            )
        sides = [[read_benchmarks(Path(name)) for name in names] for names in (options.reference, options.candidate)]
        return compare_benchmarks(sides[0], sides[1], options.margin or BENCHMARK_MARGIN, options.gate)
    if len(options.reports) != 2:
        raise UsageError(f"{len(options.reports)} reports are given; two are compared, the reference first")
    if options.gate:
        raise UsageError("--gate is for pytest-benchmark files; what gates of a report is in the margins file")
    reference, candidate = map(read_ratios, options.reports)
    margins = read_margins(baselines_folder(options) / "margins.toml")
    if options.margin:
        margins = dataclasses.replace(margins, paired={**margins.paired, "step_time": options.margin})
    return compare_reports(reference, candidate, margins)
