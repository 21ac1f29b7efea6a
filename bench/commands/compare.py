"""`tfgate compare`: judges two reports with one reference."""

import argparse
import dataclasses
from pathlib import Path

from bench.commands.options import add_shared
from bench.commands.stored import baselines_folder, judging, read_ratios
from bench.commands.usage import UsageError
from bench.commands.verdicts import tell
from bench.judge.compare import compare_reports
from bench.judge.margins import read_margins
from bench.record.paired import CANDIDATE
from bench.report.headlines import UNNAMED, Names
from bench.report.judged import called, tensorflow

EXAMPLES = "tfgate compare reports/may reports/june"
OF_EQUAL = Names("the second report's candidate", "the first's")  # of two candidates that nothing tells apart


@dataclasses.dataclass(frozen=True)
class Request:
    """Two reports of gate or upgrade, and the form of the answer."""

    reference: str
    candidate: str
    margin: float | None  # of step times; None: those of the margins file
    baselines: Path
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "reports",
        metavar="REPORT",
        nargs="*",
        help="two reports of gate or upgrade: the reference, then the candidate",
    )
    add_shared(parser, "margin", "baselines", "json")


def request(options: argparse.Namespace) -> Request:
    """Makes the request. Raises UsageError for anything but two reports."""
    if len(options.reports) != 2:
        raise UsageError(f"REPORT: compare takes two, the reference first; {len(options.reports)} were given")
    reference, candidate = options.reports
    return Request(reference, candidate, options.margin, baselines_folder(options.baselines), options.json)


def run(asked: Request) -> int:
    """Returns the verdict's exit code. Raises UsageError for reports without ratios, FormatError, OSError."""
    reference, candidate = read_ratios(asked.reference), read_ratios(asked.candidate)
    margins = dataclasses.replace(read_margins(asked.baselines / "margins.toml"), step_times=asked.margin)
    with judging(asked.reference, asked.candidate):
        verdict = compare_reports(reference, candidate, margins)
    reports = (reference, candidate)
    names = called([tensorflow(one, CANDIDATE) for one in reports], [one.candidate.variables for one in reports])
    return tell(verdict, OF_EQUAL if names == UNNAMED else names, as_json=asked.json)
