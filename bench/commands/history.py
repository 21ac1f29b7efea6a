"""`tfgate history DIR…`: candidates' ratios to a fixed reference over time."""

import argparse
import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

from bench.commands.compare import read_ratios
from bench.commands.errors import UsageError
from bench.commands.stored import GATE_FILE
from bench.drive.run import RUN_FILE
from bench.drive.upgrade import PAIRED_FILE
from bench.judge.history import Points, Series, histories, outcome, report_points
from bench.judge.reports import Report
from bench.judge.types import EXIT_CODES
from bench.record.files import read_record, write_text
from bench.record.gate import GateRun
from bench.record.paired import PairedRun
from bench.report.history import findings, history_page
from bench.report.lines import one_line

MANY, CHUNK = 64, 8  # files from which on processes are worth their start; files that one takes at a time
T = TypeVar("T")
R = TypeVar("R")


def main(options: argparse.Namespace) -> int:
    """1 if a metric's newest reports are certainly worse than its anchor by more than its margin, 0 if proven not to be, else 3."""
    files, warnings = _files(options.folder)
    found = _on_every_core(_points_or_warning, files)
    reports = [each for each in found if not isinstance(each, str)]
    warnings = [*(each for each in found if isinstance(each, str)), *warnings]
    if len(reports) < 2:
        told = "".join(f"; {warning}" for warning in warnings)
        raise UsageError(
            f"{len(reports)} of the {len(files)} reports in {', '.join(options.folder)} can be used: 2 make a history{told}"
        )
    anchor = report_points(options.anchor, read_ratios(options.anchor)) if options.anchor else None
    series = histories(reports, anchor)
    if options.output:
        write_text(Path(options.output), history_page(series, len(reports), warnings), replace=options.replace)
    _print(series, len(reports), warnings)
    if options.output:
        print(f"written to {options.output}")
    return EXIT_CODES[outcome(series)]


def _points_or_warning(path: Path) -> Points | str:
    """A report's values by its folder's name; or why it is left out."""
    try:
        report: Report = read_record(GateRun, path) if path.name == GATE_FILE else read_record(PairedRun, path)
        return report_points(str(path.parent), report) or f"left out: {path}: no launch in it was timed"
    except ValueError as error:  # FormatError, and a damaged record
        return f"left out: {error}"


def _on_every_core(function: Callable[[T], R], values: Sequence[T]) -> list[R]:
    """What the function makes of each value, in their order; by as many processes as there are cores, where that is worth it."""
    if len(values) < MANY:
        return [function(value) for value in values]
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("fork")) as pool:
        try:
            return list(pool.map(function, values, chunksize=CHUNK))
        except BaseException:  # Ctrl-C, and whatever else: what nobody waits for is not begun
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _files(folders: Sequence[str]) -> tuple[list[Path], list[str]]:
    """(every report below the folders; a warning that counts the runs of one environment). Raises UsageError for a folder that isn't there.

    What lies below a gate's report is part of it.
    """
    missing = next((folder for folder in folders if not Path(folder).is_dir()), None)
    if missing is not None:
        raise UsageError(f"{missing}: there is no such folder; name one that holds reports")
    gates = {path.resolve().parent for path in _below(folders, [GATE_FILE])}
    own = [
        path
        for path in _below(folders, [GATE_FILE, PAIRED_FILE])
        if path.name == GATE_FILE or not gates & set(path.resolve().parents)
    ]
    runs = [path for path in _below(folders, [RUN_FILE]) if not gates & set(path.resolve().parents)]
    warnings = [f"left out: {len(runs)} {RUN_FILE}, each of one environment without a reference"] if runs else []
    return own, warnings


def _below(folders: Sequence[str], names: Iterable[str]) -> list[Path]:
    """The files of these names, each once."""
    found = sorted(path for folder in folders for name in names for path in Path(folder).rglob(name))
    return list({path.resolve(): path for path in reversed(found)}.values())[::-1]


def _print(series: Sequence[Series], reports: int, warnings: Sequence[str]) -> None:
    worse = sum(each.worse for each in series)
    print(f"{reports} reports, {len(series)} series, {worse} worse than their anchors")
    for line in [
        *(line for each in series for line in findings(each)),
        *(f"warning: {warning}" for warning in warnings),
    ]:
        print(f"  {one_line(line)}")
