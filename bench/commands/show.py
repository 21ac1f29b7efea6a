"""`tfgate show`: what a run or a baseline holds."""

import argparse
import json
from pathlib import Path

from bench.drive.run import RUN_FILE
from bench.record.codec import FormatError, parse, to_plain
from bench.record.files import read_record
from bench.record.types import Baseline, Run
from bench.report.text import baseline_table, run_table


def main(options: argparse.Namespace) -> int:
    """Prints a table, or the file's JSON."""
    path = Path(options.path)
    stored = _read(path / RUN_FILE if path.is_dir() else path)
    if options.json:
        print(json.dumps(to_plain(stored), allow_nan=False))
    else:
        print(run_table(stored) if isinstance(stored, Run) else baseline_table(stored))
    return 0


def _read(path: Path) -> Run | Baseline:
    """The file as what its fields say it is. Raises FormatError."""
    try:
        plain = parse(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, FormatError) as error:
        raise FormatError(f"{path} is damaged or was not written by tfgate: {error}") from error
    is_baseline = isinstance(plain, dict) and "replicas" in plain
    return read_record(Baseline, path) if is_baseline else read_record(Run, path)
