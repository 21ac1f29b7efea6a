"""`tfgate history DIR…`: what runs measured over time."""

import argparse
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

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

MANY, CHUNK = 64, 8  # files from which on processes are worth their start; files that one takes at a time
T = TypeVar("T")
R = TypeVar("R")


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
    found = _on_every_core(_values_or_warning, list(_files(folders)))
    return [each for each in found if isinstance(each, Values)], [each for each in found if isinstance(each, str)]


def _values_or_warning(path: Path) -> Values | str:
    """A run's values; or why it is left out."""
    if path.name == PAIRED_FILE:
        return f"left out: {path}: a paired run compares two environments; a history is of runs of one (run, gate)"
    try:
        return run_values(str(path.parent), read_record(Run, path))
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
