"""Keeps the time of every step of launches with nothing changed, to choose the estimator and the blocks.

python -m experiments.designs --python COPY --python COPY… [--launches N] adds the launches that
experiments/data/designs.jsonl.gz lacks, or the FILE of `--store`. One environment is copied as often as there are
interpreters; each launch compares two copies. It can be stopped, and goes on where it was. Then, or without `--python`,
it prints the table of docs/protocol.md.
"""

import argparse
import dataclasses
import gzip
import itertools
import json
import math
import random
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.drive.cores import PinnedCore
from bench.drive.lock import host_lock
from bench.drive.pair import PairPlan
from bench.drive.plan import Plan
from bench.machine import affinity, this_machine
from bench.record.paired import CANDIDATE, REFERENCE
from bench.record.types import Record
from bench.stats.trimmed import trimmed_mean
from experiments import markdown
from experiments.placement import launched
from lm.config import Blocks

STORE = Path(__file__).parent / "data" / "designs.jsonl.gz"


@dataclasses.dataclass(frozen=True)
class Cell:
    """A configuration on one pinned core or on all cores, and the launch's blocks."""

    config: str
    cores: str  # one, all
    quads: int
    steps: int  # of a block
    moves: bool = True  # the model, before each block

    @property
    def name(self) -> str:
        """Returns the cell's name."""
        return f"{self.config}/{self.cores}" + ("" if self.moves else "/still")


CELLS = (
    Cell("notebook", "one", 14, 3),
    Cell("tiny", "one", 60, 12),
    Cell("notebook", "all", 16, 3),
    Cell("tiny", "all", 60, 12),
    Cell("small", "one", 14, 3),
    Cell("small", "all", 16, 3),
    Cell("notebook", "one", 14, 3, moves=False),
    Cell("tiny", "one", 60, 12, moves=False),
)


def launch(cell: Cell, number: int, pythons: Sequence[str]) -> dict[str, Any]:
    """Measures a launch of two copies; returns it as JSON takes it, times in microseconds.

    Raises ValueError where a side failed.
    """
    draw = random.Random(f"{cell.name} {number}")
    copies = draw.sample(range(len(pythons)), 2)
    cores = affinity()
    core = cores[(number // 2) % len(cores)]
    others = tuple(set(cores) - {core}) or tuple(cores)
    pinned = PinnedCore(core, others, shared=False) if cell.cores == "one" else None
    plan = PairPlan.of(Plan(cell.config, 0), Blocks(cell.quads, cell.steps, dropped=0), pinned, moves=cell.moves)
    plan = dataclasses.replace(plan, reads_anew=False)
    pair = launched(plan, [pythons[copy] for copy in copies], number, 5000 + number, f"{cell.name}, ")
    blocks = {"A": _blocks(pair.reference, cell.steps), "B": _blocks(pair.candidate, cell.steps)}
    steps = [[quad.order, [next(blocks[side]) for side in quad.order]] for quad in pair.steps]
    first = "A" if pair.first == REFERENCE else "B"
    sides = dict(zip((REFERENCE, CANDIDATE), copies, strict=True))
    return {"cell": cell.name, "launch": number, **sides, "first": first, "steps": steps}


def _blocks(record: Record, steps: int) -> Iterator[list[int]]:
    """Yields the microseconds of each step, block by block."""
    for start in range(0, len(record.step_seconds), steps):
        yield [round(1e6 * second) for second in record.step_seconds[start : start + steps]]


def read(path: Path) -> list[dict[str, Any]]:
    """Returns the launches of a file; none where there is none."""
    if not path.exists():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def measure(pythons: Sequence[str], path: Path, launches: int) -> None:
    """Adds the launches that a file lacks, one of each cell in turn."""
    done = {(one["cell"], one["launch"]) for one in read(path)}
    for number, cell in itertools.product(range(launches), CELLS):
        if (cell.name, number) in done:
            continue
        with host_lock():
            found = launch(cell, number, pythons)
        found["machine"] = dataclasses.asdict(this_machine())
        with gzip.open(path, "at", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")
        print(cell.name, number + 1, file=sys.stderr, flush=True)


def table(launches: Sequence[Mapping[str, Any]]) -> str:
    """Returns a row for each cell: what its launches deviate by, by estimator, and what a block's place does."""
    rows = []
    for cell in CELLS:
        own = [one for one in launches if one["cell"] == cell.name]
        if len(own) < 2:
            continue
        dropped = DROPPED[cell.config]
        by_estimator = {name: [estimate(one, dropped) for one in own] for name, estimate in ESTIMATORS.items()}
        rows.append(
            {
                "configuration": cell.config,
                "cores": cell.cores,
                "moved": "yes" if cell.moves else "no",
                "launches": str(len(own)),
                **{f"deviation, by {name}": f"{statistics.stdev(found):.2%}" for name, found in by_estimator.items()},
                "mean": _with_error(by_estimator["mean"]),
                "ABBA − BAAB": _with_error([_by_place(one, dropped) for one in own]),
            }
        )
    return markdown.table(rows)


def _ratios(one: Mapping[str, Any], dropped: int, of_block: Callable[[Sequence[float]], float]) -> list[float]:
    """Returns the log ratio of each quad, by a statistic of each block's steps that aren't dropped."""
    found = []
    for order, blocks, *_ in one["steps"]:  # older launches have CPU times, too
        logs = [math.log(of_block(block[dropped:])) for block in blocks]
        found.append(sum(log if side == "B" else -log for side, log in zip(order, logs, strict=True)) / 2)
    return found


def _pooled(one: Mapping[str, Any], dropped: int) -> float:
    """Returns the log ratio of the lower quartiles of all steps of each side."""
    steps: dict[str, list[float]] = {"A": [], "B": []}
    for order, blocks, *_ in one["steps"]:
        for side, block in zip(order, blocks, strict=True):
            steps[side] += block[dropped:]
    return math.log(np.quantile(steps["B"], 0.25) / np.quantile(steps["A"], 0.25))


def _by_place(one: Mapping[str, Any], dropped: int) -> float:
    """Returns by how much the candidate is slower in quads ABBA than in quads BAAB.

    A block that follows one of its own side, the third of a quad, has warm caches: B's in ABBA, A's in BAAB.
    """
    ratios = _ratios(one, dropped, statistics.fmean)
    orders = [quad[0] for quad in one["steps"]]
    abba, baab = ([r for r, of in zip(ratios, orders, strict=True) if of == order] for order in ("ABBA", "BAAB"))
    return statistics.fmean(abba) - statistics.fmean(baab)


def _with_error(values: Sequence[float]) -> str:
    return f"{statistics.fmean(values):+.2%} ± {statistics.stdev(values) / math.sqrt(len(values)):.2%}"


DROPPED = {"tiny": 2, "notebook": 1, "small": 1}  # first steps of a block
ESTIMATORS: dict[str, Callable[[Mapping[str, Any], int], float]] = {
    "mean": lambda one, dropped: trimmed_mean(_ratios(one, dropped, statistics.fmean)),
    "least step": lambda one, dropped: trimmed_mean(_ratios(one, dropped, min)),
    "lower quartile": _pooled,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures what is missing in the file if interpreters are named, and prints its table."""
    parser = argparse.ArgumentParser(prog="python -m experiments.designs", description=__doc__)
    parser.add_argument("--python", action="append", default=[], metavar="INTERPRETER")
    parser.add_argument("--store", type=Path, default=STORE, metavar="FILE")
    parser.add_argument("--launches", type=int, default=30, metavar="N")
    options = parser.parse_args(arguments)
    if options.python:
        measure(options.python, options.store, options.launches)
    print(table(read(options.store)))


if __name__ == "__main__":
    main()
