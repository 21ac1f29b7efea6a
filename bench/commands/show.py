"""`tfgate show`: what a run, a paired run or a baseline holds."""

import argparse
import json
from pathlib import Path

from bench.commands.options import run_file
from bench.record.codec import FormatError, parse, to_plain
from bench.record.files import read_record
from bench.record.paired import PairedRun
from bench.record.types import Baseline, Run
from bench.report.paired import pairs_text
from bench.report.text import baseline_table, run_table


def main(options: argparse.Namespace) -> int:
    """Prints a table, or the file's JSON."""
    stored = _read(run_file(options.path))
    print(json.dumps(to_plain(stored), allow_nan=False) if options.json else _table(stored))
    return 0


def _table(stored: Run | PairedRun | Baseline) -> str:
    if isinstance(stored, PairedRun):
        return pairs_text(stored)
    return run_table(stored) if isinstance(stored, Run) else baseline_table(stored)


def _read(path: Path) -> Run | PairedRun | Baseline:
    """The file as what its fields say it is. Raises FormatError."""
    try:
        plain = parse(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, FormatError) as error:
        raise FormatError(f"{path} is damaged or was not written by tfgate: {error}") from error
    fields = set(plain) if isinstance(plain, dict) else set()
    if "pairs" in fields:
        return read_record(PairedRun, path)
    return read_record(Baseline, path) if "replicas" in fields else read_record(Run, path)
