"""Measures which check catches each fault, where and how soon (docs/faults.md).

python -m experiments.faults. With --rows, rows are kept as they come, and kept rows are not made again. In
experiments/data/faults lie those that were made with today's checks.
"""

import argparse
import dataclasses
import itertools
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.commands.stored import baselines_folder, read_folder
from bench.drive.inspection import inspect
from bench.drive.lockfile import TENSORFLOW
from bench.drive.requests import RequestError
from bench.judge.gate import Standards
from bench.record.files import read_record, write_record
from bench.record.types import SCHEMA
from experiments.markdown import bare_table, fill, paragraph
from tests.faults.hook.injected.fault import Fault
from tests.faults.hook.injected.registry import FAULTS, NO_FAULT, fault_by_name
from tests.faults.native.library import NoCompilerError
from tests.faults.trial import LOCKSTEP_PLAN, PLAN, BrokenFaultError, Catch, catches, lockstep_catch, run_fault

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "faults.md"
INTERPRETERS = ("TFGATE_PYTHON_TF212", "TFGATE_PYTHON_TF221")

PLACE = "python -m experiments.faults"
HEADERS = ["fault", "what is wrong", "reaches", "caught first by", "also by"]


@dataclasses.dataclass(frozen=True)
class Row:
    """A fault in one environment, also as a file."""

    schema: int
    fault: str  # its name
    tensorflow: str
    found: tuple[Catch, ...]
    machine: str
    day: str  # ISO 8601


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if every fault was caught and no launch without one was; 1 if not, or if a fault could not be injected;
    2 for a fault or an interpreter that isn't there.

    The table is written where every fault could be injected; one of some faults alone only to an --output.
    """
    options = _parser().parse_args(arguments)
    options.output = options.output or (None if options.fault else OUTPUT)
    try:
        faults = [fault_by_name(name) for name in options.fault or FAULTS]
        pythons = {python: _tensorflow(python) for python in _interpreters(options.python)}
    except ValueError as error:
        print(f"faults: error: {error}", file=sys.stderr)
        return 2
    standards = read_folder(baselines_folder(None))
    rows, broken = [], False
    for fault, (python, version) in itertools.product((NO_FAULT, *faults), pythons.items()):
        try:
            row = kept_row(options.rows, fault, version) or _row(fault, python, standards, options.lockstep)
        except (BrokenFaultError, NoCompilerError) as error:
            print(error, file=sys.stderr, flush=True)
            broken = True
            continue
        keep_row(options.rows, row)
        rows.append(row)
    if options.output and not broken:
        fill(Path(options.output), {PLACE: report(rows)})
    wrong = failures(rows)
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong or broken else 0


def kept_row(folder: Path | None, fault: Fault, version: str) -> Row | None:
    """Returns the row of a TensorFlow that was kept, if one was."""
    path = folder / f"{fault.name}-{version}.json" if folder else None
    return read_record(Row, path) if path and path.exists() else None


def keep_row(folder: Path | None, row: Row) -> None:
    """Keeps a row, if there is a folder for rows."""
    if folder:
        write_record(folder / f"{row.fault}-{row.tensorflow}.json", row, replace=True)


def failures(rows: Iterable[Row]) -> list[str]:
    """Returns a line for each fault that was missed, and for each alarm without a fault."""
    lines = []
    for row in rows:
        if row.fault == NO_FAULT.name and row.found:
            lines.append(f"false alarm in TensorFlow {row.tensorflow}: {row.found[0].check}, {row.found[0].where}")
        elif row.fault != NO_FAULT.name and not row.found:
            description = fault_by_name(row.fault).description
            lines.append(f"missed in TensorFlow {row.tensorflow}: {row.fault}, {description}")
    return lines


def report(rows: Sequence[Row]) -> str:
    """Returns what was found: a line for each fault, and how many the oracle alone catches."""
    steps = f"Launches took {PLAN.steps} steps, lockstep comparisons {LOCKSTEP_PLAN.steps}."
    versions = " and ".join(dict.fromkeys(row.tensorflow for row in rows))
    machines = "; ".join(dict.fromkeys(row.machine for row in rows))
    days = " to ".join(sorted({min(row.day for row in rows), max(row.day for row in rows)}))
    head = f"Machine: {machines}, {days}. TensorFlow {versions}. {steps}"
    by_fault = {name: list(of) for name, of in itertools.groupby(rows, key=lambda row: row.fault)}
    cells = [_cells(fault_by_name(name), of) for name, of in by_fault.items()]
    missed = failures(rows)
    checks = [{catch.check for row in of for catch in row.found} for of in by_fault.values()]
    count = f"{len(by_fault.keys() - {NO_FAULT.name})} faults; {len(missed)} missed or false alarms."
    oracle = checks.count({"oracle"})
    others = sum(len(found) == 1 for found in checks) - oracle
    alone = f"{oracle} are caught by the oracle alone, {others or 'none'} by another check alone."
    summary = [f"{count} {alone}", "", *(f"- {line}" for line in missed)]
    return "\n".join([paragraph(head), "", bare_table(cells, HEADERS), *summary])


def _cells(fault: Fault, rows: Sequence[Row]) -> list[str]:
    """Returns a fault's line. Where versions of TensorFlow differ in what caught it first, each is named."""
    first = {row.tensorflow: f"{row.found[0].check}, {row.found[0].where}" if row.found else "nothing" for row in rows}
    by_place: dict[str, list[str]] = {}
    for version, place in first.items():
        by_place.setdefault(place, []).append(version)
    told = "; ".join(f"{place} ({', '.join(of)})" if len(by_place) > 1 else place for place, of in by_place.items())
    also = dict.fromkeys(catch.check for row in rows for catch in row.found[1:])
    reaches = ", ".join(fault.reaches) if fault is not NO_FAULT else "–"
    return [fault.name, fault.description, reaches, told, ", ".join(also)]


def _row(fault: Fault, python: str, standards: Standards, lockstep: bool) -> Row:
    trial = run_fault(fault.name, python)
    found = catches(trial, standards)
    apart = lockstep_catch(fault.name, python) if lockstep else None
    machine, version = trial.record.machine, trial.record.tensorflow or "–"
    caught = (*found, *([apart] if apart else []))
    hardware, day = f"{machine.cpu_model}, {machine.cores} cores", trial.record.started.partition("T")[0]
    row = Row(SCHEMA, fault.name, version, caught, hardware, day)
    print(version, *_cells(fault, [row]), sep=" | ", file=sys.stderr, flush=True)
    return row


def _interpreters(given: Sequence[str] | None) -> list[str]:
    """Returns the interpreters to inject faults into. Raises ValueError if there are none."""
    found = list(given or (os.environ[name] for name in INTERPRETERS if name in os.environ))
    missing = next((python for python in found if not Path(python).is_file()), None)
    if missing or not found:
        raise ValueError(f"no interpreter {missing or 'is named'}: give --python, or set {' and '.join(INTERPRETERS)}")
    return found


def _tensorflow(python: str) -> str:
    """Returns the version in an environment. Raises RequestError where there is no Python, or no TensorFlow in it."""
    found = (package.version for package in inspect(python).packages if package.name in TENSORFLOW)
    version = next(found, None)
    if version is None:
        raise RequestError(f"{python} has no TensorFlow")
    return version


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m experiments.faults", description=__doc__)
    parser.add_argument("--fault", action="append", metavar="NAME", help="may be repeated (default: all)")
    parser.add_argument(
        "--python", action="append", metavar="INTERPRETER", help=f"may be repeated (default: {', '.join(INTERPRETERS)})"
    )
    parser.add_argument(
        "--no-lockstep", dest="lockstep", action="store_false", help="leave out the lockstep comparisons"
    )
    parser.add_argument(
        "--rows", type=Path, metavar="FOLDER", help="where rows are kept, and taken from (empty it after a change)"
    )
    parser.add_argument("--output", metavar="FILE", help="default: docs/faults.md; none with --fault")
    return parser


if __name__ == "__main__":
    sys.exit(main())
