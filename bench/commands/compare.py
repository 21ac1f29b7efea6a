"""`tfgate compare`: judges two reports with one reference, or the pytest-benchmark files of two sides."""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from bench.commands.options import add_shared, fraction
from bench.commands.stored import baselines_folder, judging, read_report
from bench.commands.usage import UsageError
from bench.commands.verdicts import tell
from bench.judge.benchmarks import compare_benchmarks
from bench.judge.compare import compare_reports
from bench.judge.margins import read_margins
from bench.judge.reports import Report
from bench.judge.types import Verdict
from bench.record.benchmarks import read_benchmarks
from bench.record.types import Run

EXAMPLES = """\
tfgate compare reports/may reports/june
tfgate compare --from old-1.json old-2.json old-3.json old-4.json --to new-1.json new-2.json new-3.json new-4.json"""
BENCHMARK_MARGIN = 0.05  # as for the step time of a paired comparison


@dataclasses.dataclass(frozen=True)
class Reports:
    """Two reports of gate or upgrade."""

    reference: str
    candidate: str
    margin: float | None  # of step times; None: those of the margins file
    baselines: Path


@dataclasses.dataclass(frozen=True)
class Files:
    """The pytest-benchmark files of two sides, one a launch."""

    reference: Sequence[Path]
    candidate: Sequence[Path]
    margin: float
    gating: Sequence[str]  # full names of the benchmarks that gate; none: all


@dataclasses.dataclass(frozen=True)
class Request:
    """The reports or files of both sides, and the form of the answer."""

    compared: Reports | Files
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "reports",
        metavar="REPORT",
        nargs="*",
        help="two reports of gate or upgrade: the reference, then the candidate",
    )
    for side, role in (("from", "reference"), ("to", "candidate")):
        parser.add_argument(
            f"--{side}",
            dest=f"{side}_",
            nargs="+",
            type=Path,
            default=[],
            metavar="FILE",
            help=f"pytest-benchmark's JSON of the {role}, one file per launch; at least four of each side, taken in a "
            "balanced order such as ABBABAAB",
        )
    parser.add_argument(
        "--gate", action="append", default=[], metavar="NAME", help="full name of a benchmark that gates (default: all)"
    )
    parser.add_argument(
        "--margin",
        type=fraction,
        metavar="FRACTION",
        help="slowdown of a step that matters (default: the margins file's; of pytest-benchmark files "
        f"{BENCHMARK_MARGIN})",
    )
    add_shared(parser, "baselines", "json")


def request(options: argparse.Namespace) -> Request:
    """Makes the request. Raises UsageError for anything but two reports or files of both sides."""
    if options.from_ or options.to_:
        if options.reports:
            raise UsageError("give two reports, or files by --from and --to, not both")
        if not options.from_ or not options.to_:
            raise UsageError(f"--{'to' if options.from_ else 'from'} is missing: a comparison has two sides")
        margin = options.margin or BENCHMARK_MARGIN
        return Request(Files(options.from_, options.to_, margin, options.gate), options.json)
    if len(options.reports) != 2:
        raise UsageError(f"REPORT: compare takes two, the reference first; {len(options.reports)} were given")
    if options.gate:
        raise UsageError("--gate is for pytest-benchmark files: leave it out; the margins file says what gates")
    reference, candidate = options.reports
    baselines = baselines_folder(options.baselines)
    return Request(Reports(reference, candidate, options.margin, baselines), options.json)


def run(asked: Request) -> int:
    """Returns the verdict's exit code. Raises UsageError for reports without ratios, FormatError, OSError."""
    compared = asked.compared
    verdict = _of_files(compared) if isinstance(compared, Files) else _of_reports(compared)
    return tell(verdict, as_json=asked.json)


def read_ratios(name: str) -> Report:
    """Reads a gate's report or a paired run from its folder or file.

    Raises UsageError for what holds no ratio, FormatError, OSError.
    """
    report = read_report(name)
    if isinstance(report, Run):
        raise UsageError(f"{name} has no ratios to a reference: name a report of `tfgate gate` or `tfgate upgrade`")
    return report


def _of_files(files: Files) -> Verdict:
    reference, candidate = (list(map(read_benchmarks, paths)) for paths in (files.reference, files.candidate))
    return compare_benchmarks(reference, candidate, files.margin, files.gating)


def _of_reports(reports: Reports) -> Verdict:
    reference, candidate = read_ratios(reports.reference), read_ratios(reports.candidate)
    margins = read_margins(reports.baselines / "margins.toml").with_step_times(reports.margin)
    with judging(reports.reference, reports.candidate):
        return compare_reports(reference, candidate, margins)
