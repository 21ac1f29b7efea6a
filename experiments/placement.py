"""Measures what the places of libraries and of weights in memory do to one-core step times.

python -m experiments.placement --python REFERENCE --python CANDIDATE measures batches of launches of two copies of one
environment, of a kind each, and adds them to experiments/data/placement.json. The kernel runs a library from the
pages in which it holds the file, and they stay from launch to launch. FOUND leaves them as they are; SCATTERED reads
the candidate's page by page, out of order; READ has the kernel read both sides' anew, EACH before each launch, as runs
do. STAYING and MOVED are launches of `notebook` whose weights are left in place, or moved before each block, the
libraries read anew before each; all others are of `tiny`, whose weights stay. `--kind` may be repeated; `--table`
prints the table.

An earlier form of this measured the first twelve batches. In two of READ the libraries lay where the batch before had
them, and in the second of FOUND the candidate was a copy that had just been made.

Means of batches are off by no more than their launches tell, unless the pages matter.
"""

import argparse
import dataclasses
import itertools
import math
import os
import random
import statistics
from collections.abc import Sequence
from pathlib import Path

from tabulate import tabulate

from bench.commands.plans import pair_plans
from bench.commands.stored import baselines_folder
from bench.drive.lock import host_lock
from bench.drive.pair import PairPlan, measure_pair
from bench.drive.plan import Plan
from bench.judge.margins import read_margins
from bench.judge.metrics import NAMES, ONE_CORE_STEP_TIME
from bench.judge.samples import samples_of
from bench.machine import this_machine
from bench.measure.memory import forget_libraries
from bench.record.files import read_record, write_record
from bench.record.paired import CANDIDATE, ONE_CORE, REFERENCE, Pair, Side
from bench.record.types import SCHEMA, Machine

STORE = Path(__file__).parent / "data" / "placement.json"
LIBRARIES = ("as found", "scattered", "read anew", "read anew for each launch")
WEIGHTS = ("weights in place", "weights moved")
(FOUND, SCATTERED, READ, EACH), (STAYING, MOVED), KINDS = LIBRARIES, WEIGHTS, (*LIBRARIES, *WEIGHTS)
PAGE = os.sysconf("SC_PAGE_SIZE")
CONFIG, LARGER = "tiny", "notebook"  # of LIBRARIES, of WEIGHTS
LAUNCHES = 8  # of a batch
JITTER = 60_000  # of the first launch: no other launch has these initial weights


@dataclasses.dataclass(frozen=True)
class Batch:
    """The launches of one batch: log ratios of their step times on one core."""

    kind: str
    machine: Machine
    values: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Store:
    """Every batch so far."""

    schema: int
    batches: tuple[Batch, ...]


def read_store() -> Store:
    """Returns what is measured so far."""
    return read_record(Store, STORE) if STORE.exists() else Store(SCHEMA, ())


def scatter(folder: Path) -> None:
    """Has the kernel read the shared libraries below a folder page by page, out of order."""
    for library in folder.rglob("*.so*"):
        descriptor = os.open(library, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
        pages = list(range(0, os.fstat(descriptor).st_size, PAGE))
        random.Random(str(library)).shuffle(pages)
        for page in pages:
            os.pread(descriptor, 1, page)
        os.close(descriptor)


def measure(pythons: Sequence[str], kinds: Sequence[str]) -> None:
    """Measures a batch of each of the kinds."""
    margins = read_margins(baselines_folder(None) / "margins.toml")
    folders = [Path(python).parents[1] for python in pythons]
    for kind in kinds:
        usual = pair_plans(Plan(LARGER if kind in WEIGHTS else CONFIG, 1), NAMES)[0][ONE_CORE]
        plan = dataclasses.replace(usual, moves=kind == MOVED, reads_anew=kind in (EACH, *WEIGHTS))
        store = read_store()
        first = len(store.batches) * LAUNCHES
        with host_lock():
            if kind in (SCATTERED, READ):
                for folder in folders:
                    forget_libraries(folder)
            if kind == SCATTERED:
                scatter(folders[1])
            numbers = range(first, first + LAUNCHES)
            pairs = [launched(plan, pythons, number, JITTER + number) for number in numbers]
        [sample] = [one for one in samples_of(pairs, margins) if one.metric.name == ONE_CORE_STEP_TIME]
        values = tuple(round(value, 7) for value in sample.difference if value is not None)
        batch = Batch(kind, this_machine(), values)
        write_record(STORE, dataclasses.replace(store, batches=(*store.batches, batch)), replace=True)
        print(f"{kind}: {statistics.fmean(values):+.3%}", flush=True)


def launched(plan: PairPlan, pythons: Sequence[str], number: int, jitter: int, what: str = "") -> Pair:
    """Launches two copies of one environment. Raises ValueError, which begins with `what`, where a side failed."""
    sides = {name: Side(python, python, {}) for name, python in zip((REFERENCE, CANDIDATE), pythons, strict=True)}
    pair = measure_pair(plan, number, number, jitter, sides)
    if failure := pair.reference.failure or pair.candidate.failure:
        raise ValueError(f"{what}launch {number}: {failure.message}")
    return pair


def table(store: Store) -> str:
    """Returns the table: means deviate by more than their launches tell where the ratio is above 1."""
    rows = []
    hosts = sorted({batch.machine.cpu_model for batch in store.batches})
    for host, kind in itertools.product(hosts, KINDS):
        batches = [one.values for one in store.batches if (one.machine.cpu_model, one.kind) == (host, kind)]
        if not batches:
            continue
        means = [statistics.fmean(values) for values in batches]
        own = math.sqrt(statistics.fmean(statistics.variance(values) for values in batches))
        expected = own / math.sqrt(LAUNCHES)
        between = math.sqrt(statistics.fmean(mean**2 for mean in means))
        rows.append((host, kind, len(batches), own, expected, between, between / expected, max(map(abs, means))))
    headers = (
        "host",
        "memory",
        "batches",
        "launches deviate by",
        "so means by",
        "means are off by",
        "ratio",
        "at most",
    )
    formats = ("", "", "d", ".2%", ".2%", ".2%", ".1f", ".2%")
    text: str = tabulate(rows, headers, tablefmt="github", floatfmt=formats)
    return text


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, or prints the table."""
    parser = argparse.ArgumentParser(prog="python -m experiments.placement", description=__doc__)
    parser.add_argument("--python", action="append", default=[], metavar="INTERPRETER", help="of the sides' copies")
    parser.add_argument("--kind", action="append", choices=KINDS, help="default: as found, then read anew")
    parser.add_argument("--table", action="store_true", help="print the table")
    options = parser.parse_args(arguments)
    if options.table:
        print(table(read_store()))
    elif len(options.python) != 2:
        parser.error("name the interpreters of two copies of one environment")
    else:
        measure(options.python, options.kind or (FOUND, READ))


if __name__ == "__main__":
    main()
