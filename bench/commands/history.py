"""`tfgate history DIR…`: what runs measured over time."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.commands.errors import UsageError
from bench.commands.options import read_stored, require_unpaired
from bench.drive.run import RUN_FILE
from bench.drive.upgrade import PAIRED_FILE
from bench.judge.history import Series, Values, baseline_values, histories, outcome, run_values
from bench.judge.types import EXIT_CODES
from bench.record.files import read_record, write_text
from bench.record.types import Baseline, Run
from bench.report.history import findings, history_page
from bench.report.lines import one_line


def main(options: argparse.Namespace) -> int:
    """1 if a metric's newest runs are certainly worse than its anchor by more than its margin, 0 if that is proven not to be so, else 3."""
    runs, warnings = _gathered(options.folder)
    if len(runs) < 2:
        raise UsageError(
            f"{len(runs)} of the {len(runs) + len(warnings)} runs in {', '.join(options.folder)} can be used: 2 make a history"
        )
    anchor = _anchor(options.anchor) if options.anchor else None
    series = histories(runs, anchor)
    if options.output:
        write_text(Path(options.output), history_page(series, len(runs), warnings), replace=options.replace)
    _print(series, len(runs), warnings)
    if options.output:
        print(f"written to {options.output}")
    return EXIT_CODES[outcome(series)]


def _anchor(name: str) -> Values:
    """What drift is measured from: a run, or a baseline's file. Raises UsageError for a paired run, FormatError, OSError."""
    stored = read_stored(name)
    return baseline_values(name, stored) if isinstance(stored, Baseline) else run_values(name, require_unpaired(name, stored))


def _gathered(folders: Sequence[str]) -> tuple[list[Values], list[str]]:
    """Every run below the folders, by its folder's name, reduced to its metrics as it is read; and what was left out, and why.

    Raises UsageError for a folder that isn't there.
    """
    runs: list[Values] = []
    warnings = []
    for path in _files(folders):
        if path.name == PAIRED_FILE:
            warnings.append(f"left out: {path}: a paired run compares two environments; a history is of runs of one (run, gate)")
            continue
        try:
            runs.append(run_values(str(path.parent), read_record(Run, path)))
        except ValueError as error:  # FormatError, and a damaged record:
            warnings.append(f"left out: {error}")
    return runs, warnings


def _files(folders: Sequence[str]) -> Iterator[Path]:
    seen: set[Path] = set()
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise UsageError(f"{folder}: there is no such folder; name one that holds runs")
        for path in sorted([*folder.rglob(RUN_FILE), *folder.rglob(PAIRED_FILE)]):
            if path.resolve() not in seen:
                seen.add(path.resolve())
                yield path


def _print(series: Sequence[Series], runs: int, warnings: Sequence[str]) -> None:
    worse = sum(each.worse for each in series)
    print(f"{runs} runs, {len(series)} series, {worse} worse than their anchors")
    for line in [*(line for each in series for line in findings(each)), *(f"warning: {warning}" for warning in warnings)]:
        print(f"  {one_line(line)}")
