"""Launches that are compared with the oracle and kept in files: what experiments.margins, answers and clean share."""

import argparse
import os
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.drive.launch import Launch, measure_launch
from bench.drive.plan import Plan
from bench.record.files import read_record, write_record
from bench.record.paired import Side
from bench.record.types import DIVERGED, SCHEMA, NumericError, Record, Run
from experiments.rate import Rate


def corpora_at_hand(path: str | None) -> tuple[str, ...]:
    """Returns both corpora where the PTB's archive or directory is named, else the synthetic one."""
    return ("synthetic", "ptb") if path else ("synthetic",)


def kept_launch(python: str, plan: Plan, onednn: int, folder: Path | None, repeat: int = 0) -> Record:
    """Returns the launch, from the folder if it was kept there.

    The jitter is each launch's own: of equal numbers few would be apart. A launch that diverged is kept as well: it
    was measured. One that failed otherwise was not.
    """
    variables = {"TF_ENABLE_ONEDNN_OPTS": str(onednn)}
    what = (plan.implementation, plan.config, plan.corpus) if not plan.answers else (plan.workload, plan.config)
    words = (*what, f"oneDNN {onednn}", f"threads {plan.threads}")
    command = (python, *words, f"repeat {repeat}")
    for path in sorted(folder.glob("*.json")) if folder else ():
        run = read_record(Run, path)
        if run.command == command and run.records[0].subject.steps == plan.steps:
            return run.records[0]
    jitter = 1 + zlib.crc32(" ".join(command).encode()) % 2**20
    record = measure_launch(plan, Launch(0, jitter, numerics=True), Side(python, python, variables))
    if folder and (not record.failure or record.failure.kind == DIVERGED):
        name = f"{version(record)}-{record.subject.name}-onednn{onednn}-threads{plan.threads}"
        path = folder / f"{name}-steps{plan.steps}-{jitter}.json"  # which tells interpreters and repeats apart
        write_record(path, Run(SCHEMA, record.started, command, (record,), ()))
    return record


def alarms(records: Iterable[Record]) -> list[str]:
    """Returns a line for each error that was over its limit."""
    over = [(record, error) for record in records for error in record.numerics if not error.within]
    return [f"{version(record)}, {subject(record)}, {setting(record)}: {_told(error)}" for record, error in over]


def _told(error: NumericError) -> str:
    return f"{error.label} {error.tensor} at step {error.step}: {error.error:.1e}, limit {error.limit:.1e}"


def versions_of(records: Iterable[Record]) -> list[str]:
    """Returns the TensorFlows that were launched, in the order of their first."""
    return list(dict.fromkeys(map(version, records)))


def machines(records: Iterable[Record]) -> str:
    """Returns the processors that measured."""
    return "; ".join(dict.fromkeys(record.machine.cpu_model for record in records))


def bounded(alarmed: int, launches: int) -> str:
    """Returns what no alarm at all shows. Launches of another version would share a fault: it says nothing of one."""
    bound = Rate(0, launches).told(upper=True, digits=1)
    said = f"0 of {launches} shows a rate of at most {bound} (95%) with these versions alone."
    return "see the end." if alarmed else said


def largest(
    mine: Sequence[tuple[Record, NumericError]], versions: Sequence[str]
) -> tuple[list[str], Record, NumericError]:
    """Returns the largest error / limit of each version, as cells; then launch and error of the very largest."""
    shares = (max((error.used for record, error in mine if version(record) == one), default=0.0) for one in versions)
    return [f"{share:.2f}" for share in shares], *max(mine, key=lambda pair: pair[1].used)


def version(record: Record) -> str:
    """Returns the TensorFlow of a launch."""
    return record.tensorflow or "–"


def subject(record: Record) -> str:
    """Returns "cells tiny", or the workload in the implementation's place."""
    return f"{record.subject.implementation or record.subject.workload} {record.subject.config}"


def setting(record: Record) -> str:
    """Returns "oneDNN off, 1 thread"."""
    environment = record.environment
    if environment is None:
        return "–"
    return (
        f"oneDNN {'on' if environment.onednn else 'off'}, {environment.threads} thread{'s' * (environment.threads > 1)}"
    )


def add_corpus_path(parser: argparse.ArgumentParser) -> None:
    """Adds the option that names the PTB."""
    parser.add_argument(
        "--corpus-path",
        metavar="PATH",
        default=os.environ.get("PTB_ARCHIVE"),
        help="directory or archive of the PTB (default: PTB_ARCHIVE)",
    )


def add_records(parser: argparse.ArgumentParser) -> None:
    """Adds the option that names the folder of kept launches."""
    parser.add_argument(
        "--records",
        type=Path,
        metavar="FOLDER",
        help="where launches are kept, and taken from (empty it after a change)",
    )
