"""Keeps a summary of each run in experiments/data/rates.json."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.record.files import read_record, write_record
from bench.record.types import SCHEMA, Machine
from experiments.rates.cells import CELLS, Cell

STORE = Path(__file__).parents[1] / "data" / "rates.json"


@dataclasses.dataclass(frozen=True)
class Judged:
    """One metric that gated in a run."""

    metric: str
    outcome: str
    margin: float | None  # a fraction, or in the metric's unit
    values: tuple[float, ...]  # differences of the launches, on the metric's scale; none of what is compared exactly


@dataclasses.dataclass(frozen=True)
class Ran:
    """The summary that is kept of one run."""

    cell: str
    number: int
    created: str  # ISO 8601, UTC
    tensorflow: str  # of the candidate
    machine: Machine
    outcome: str
    seconds: tuple[float, ...]  # of each launch
    judged: tuple[Judged, ...]

    @property
    def host(self) -> str:
        """Returns the kind of host: "AMD EPYC avx2"."""
        return f"{self.machine.cpu_model} {self.machine.isa.rpartition(' ')[2]}"

    def of(self, metric: str) -> Judged | None:
        """Returns a metric's judgement; None where it didn't gate."""
        return next((one for one in self.judged if one.metric == metric), None)


@dataclasses.dataclass(frozen=True)
class Store:
    """Every run so far."""

    schema: int
    runs: tuple[Ran, ...]

    def of(self, cell: Cell) -> list[Ran]:
        """Returns the runs of a cell."""
        return [run for run in self.runs if run.cell == cell.key]


def read_store() -> Store:
    """Returns the runs so far; none where there is no file."""
    return read_record(Store, STORE) if STORE.exists() else Store(SCHEMA, ())


def take(path: Path) -> None:
    """Adds the runs of another store that this one lacks. Raises FormatError, OSError."""
    add(read_record(Store, path).runs)


def add(runs: Sequence[Ran]) -> None:
    """Adds the runs that the store lacks: another command may have added one. Raises FormatError, OSError."""
    store = read_store()
    known = {(run.cell, run.number) for run in store.runs}
    lacking = (run for run in runs if (run.cell, run.number) not in known)
    write_record(STORE, dataclasses.replace(store, runs=(*store.runs, *lacking)), replace=True)


def missing(store: Store, cells: Sequence[Cell] = CELLS, first: int = 0) -> Iterator[tuple[Cell, int]]:
    """Yields (cell, number) of the runs that the store lacks, from number `first` on; those of a number together."""
    for number in range(first, max((cell.runs for cell in cells), default=0)):
        for cell in cells:
            if number < cell.runs and number not in {run.number for run in store.of(cell)}:
                yield cell, number
