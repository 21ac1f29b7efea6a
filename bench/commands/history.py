"""`tfgate history DIR…`: follows ratios to a reference over time."""

import argparse
import dataclasses
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.commands.messages import print_json
from bench.commands.options import add_shared
from bench.commands.stored import GATE_FILE, judging, read_ratios
from bench.commands.usage import UsageError
from bench.drive.paired import PAIRED_FILE
from bench.drive.run import RUN_FILE
from bench.judge.history import Key, Point, Points, Series, histories, outcome, report_points
from bench.judge.reports import Report, paired_runs
from bench.judge.samples import whole_pairs
from bench.record.codec import FormatError
from bench.record.files import read_record, write_text
from bench.record.gate import GateRun
from bench.record.paired import PairedRun
from bench.record.repeats import failed_for_good, last_settled
from bench.report.history import findings, history_json, history_page
from bench.report.lines import one_line
from bench.stats.outcome import EXIT_CODES, Outcome

EXAMPLES = """\
tfgate history reports
tfgate history reports --fixed-reference reports/2026-01 --output history
tfgate history reports --json"""
PAGE = "history.html"
SEARCHES = {"bisect", "blame"}  # commands whose candidates are mixtures, and releases in no order of time


@dataclasses.dataclass(frozen=True)
class Request:
    """The reports of a history, and its forms."""

    folders: Sequence[str]
    fixed_reference: str | None  # the report that drift is measured from; None: each metric's oldest
    output: Path | None  # None: no page
    replace: bool
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "folder", metavar="DIR", nargs="+", help="folders that hold reports of gate and upgrade, at any depth"
    )
    parser.add_argument(
        "--fixed-reference",
        metavar="REPORT",
        help="the report that drift is measured from (default: each metric's oldest)",
    )
    parser.add_argument("--output", metavar="DIR", help=f"write {PAGE} into it, with a plot for each metric")
    add_shared(parser, "replace", "json")


def request(options: argparse.Namespace) -> Request:
    """Makes the request."""
    return Request(
        folders=options.folder,
        fixed_reference=options.fixed_reference,
        output=Path(options.output) if options.output else None,
        replace=options.replace,
        json=options.json,
    )


def run(asked: Request) -> int:
    """Returns 1 if a metric's newest reports are worse than its fixed reference by more than the margin, 0 if none is.

    Returns 3 if neither is proven.
    Raises UsageError for folders with fewer than two reports, FormatError, OSError.
    """
    files, warnings = _files(asked.folders)
    found = [_points_or_warning(path) for path in files]
    reports, copies = _without_copies([each for each in found if not isinstance(each, str)])
    warnings = [*(each for each in found if isinstance(each, str)), *copies, *warnings]
    if len(reports) < 2:
        told = "".join(f"; {warning}" for warning in warnings)
        usable = f"{len(reports)} of the {len(files)} reports in {', '.join(asked.folders)} can be used"
        raise UsageError(f"{usable}, and a history takes at least 2{told}")
    fixed = _fixed_reference(asked.fixed_reference) if asked.fixed_reference else None
    series = histories(reports, fixed)
    if asked.output:
        path = asked.output / PAGE
        write_text(path, history_page(series, len(reports), warnings), replace=asked.replace)
        print(f"written to {path}", file=sys.stderr)
    if asked.json:
        print_json([history_json(series, len(reports), warnings)])
    else:
        _print(series, len(reports), warnings)
    return EXIT_CODES[outcome(series)]


def _fixed_reference(name: str) -> Points:
    """Returns the fixed reference's values. Raises UsageError for a report that is incomplete, FormatError, OSError."""
    report = read_ratios(name)
    if why := _incomplete(report):
        raise UsageError(f"{name} is incomplete ({why}): name another report by --fixed-reference")
    return _points(name, report)


def _incomplete(report: Report) -> str:
    """Returns why a run of a report ended before its end; "" where none did."""
    runs = paired_runs(report)
    ended = [last_settled(run.pairs).failures for run in runs if failed_for_good(run.pairs) and whole_pairs(run)]
    failed = (f"the {side}'s last launch failed: {one.message}" for of in ended for side, one in of.items())
    return next((run.incomplete for run in runs if run.incomplete), "") or next(failed, "")


def _points_or_warning(path: Path) -> Points | str:
    """Returns a report's values by its folder's name, or why it is left out."""
    try:
        report: Report = read_record(GateRun, path) if path.name == GATE_FILE else read_record(PairedRun, path)
        if why := _incomplete(report):
            return f"left out: {path}: it is incomplete ({why})"
        if SEARCHES.intersection(report.command[1:2]):
            return f"left out: {path}: it is part of a {report.command[1]}"
        return _points(str(path.parent), report) or f"left out: {path}: no launch in it was timed"
    except FormatError as error:
        return f"left out: {error}"


def _without_copies(reports: Sequence[Points]) -> tuple[list[Points], list[str]]:
    """Returns the reports that differ in more than their folders, and a warning of each other: one counts once."""
    kept: dict[frozenset[tuple[Key, Point]], Points] = {}
    warnings = []
    for points in reports:
        contents = frozenset((key, dataclasses.replace(point, report="")) for key, point in points.items())
        if (first := kept.setdefault(contents, points)) is not points:
            copy, original = (next(iter(one.values())).report for one in (points, first))
            warnings.append(f"left out: {copy}: a copy of {original}")
    return list(kept.values()), warnings


def _points(name: str, report: Report) -> Points:
    """Returns a report's values by its name. Raises FormatError for a damaged record."""
    with judging(name):
        return report_points(name, report)


def _files(folders: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Returns (every report below the folders; a warning that counts the runs of one environment).

    What lies below a gate's report is part of it. Raises UsageError for a folder that isn't there.
    """
    missing = next((folder for folder in folders if not Path(folder).is_dir()), None)
    if missing is not None:
        raise UsageError(f"{missing}: there is no such folder; name one that holds reports")
    everywhere = (Path(folder).rglob(name) for folder in folders for name in (GATE_FILE, PAIRED_FILE, RUN_FILE))
    ordered = sorted(itertools.chain.from_iterable(everywhere), reverse=True)
    # Each once, by the first of its paths.
    files = sorted({(path.resolve(), path.name): path for path in ordered}.values())
    gates = {path.resolve().parent for path in files if path.name == GATE_FILE}
    own = [path for path in files if path.name == GATE_FILE or not gates & set(path.resolve().parents)]
    runs = sum(path.name == RUN_FILE for path in own)
    warnings = [f"left out: {runs} {RUN_FILE}, each of one environment without a reference"] if runs else []
    return [path for path in own if path.name != RUN_FILE], warnings


def _print(series: Sequence[Series], reports: int, warnings: Sequence[str]) -> None:
    worse = sum(each.outcome is Outcome.REGRESSION for each in series)
    print(f"{reports} reports, {len(series)} series, {worse} worse than their fixed references")
    if not series:
        print("  a series takes two reports of one configuration in turn with one reference environment")
    for line in [
        *(line for each in series for line in findings(each)),
        *(f"warning: {warning}" for warning in warnings),
    ]:
        print(f"  {one_line(line)}")
