"""Launches with nothing changed whose every step's time is kept: what the estimator and the blocks are chosen by.

python -m experiments.designs --python COPY --python COPY… --output FILE [--launches N]: one environment, copied as
often as there are interpreters; each launch compares two copies. It can be stopped, and goes on where it was.
`--table FILE` prints the table of docs/upgrade.md.
"""

import argparse
import contextlib
import dataclasses
import fcntl
import itertools
import json
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.drive.pair import WARM_UP_STEPS
from bench.drive.patience import alone
from bench.drive.plan import Plan
from bench.drive.process import Worker
from bench.machine import affinity, pin, this_machine
from bench.record.replies import Block, Description, Opened
from bench.record.types import Evaluation


@dataclasses.dataclass(frozen=True)
class Cell:
    """A configuration on one pinned core or on all cores, and the launch's blocks."""

    config: str
    cores: str  # one, all
    quads: int
    steps: int  # of a block
    evaluation_quads: int
    evaluation_steps: int
    moves: bool = True  # the model, before each block

    @property
    def name(self) -> str:
        """Returns the cell's name."""
        return f"{self.config}/{self.cores}" + ("" if self.moves else "/still")


CELLS = (
    Cell("notebook", "one", 14, 3, 6, 3),
    Cell("tiny", "one", 60, 12, 12, 24),
    Cell("notebook", "all", 16, 3, 6, 3),
    Cell("tiny", "all", 60, 12, 12, 24),
    Cell("small", "one", 14, 3, 6, 3),
    Cell("small", "all", 16, 3, 6, 3),
    Cell("notebook", "one", 14, 3, 6, 3, moves=False),
    Cell("tiny", "one", 60, 12, 12, 24, moves=False),
)


def launch(cell: Cell, number: int, pythons: Sequence[str]) -> dict[str, Any]:
    """Measures a launch of two copies; returns it as JSON takes it, times in microseconds."""
    draw = random.Random(f"{cell.name} {number}")
    reference, candidate = draw.sample(range(len(pythons)), 2)
    cores = affinity()
    core = cores[(number // 2) % len(cores)]
    first = "A" if number % 4 in (0, 3) else "B"
    padding = {side: draw.randrange(4096) for side in "AB"}
    plan = Plan(cell.config, 0, threads=1 if cell.cores == "one" else 0)
    deadlines = alone()
    with contextlib.ExitStack() as stack:
        workers = {
            side: stack.enter_context(
                Worker(
                    pythons[reference if side == "A" else candidate],
                    "tensorflow",
                    variables={"TFGATE_PADDING": "x" * padding[side], "PYTHONHASHSEED": str(draw.randrange(2**32))},
                    takes_turns=True,
                )
            )
            for side in ("AB" if first == "A" else "BA")
        }

        def both(kind: Any, operation: str, **arguments: Any) -> dict[str, Any]:
            for worker in workers.values():
                worker.send(operation, **arguments)
            return {side: deadlines.receive(worker, kind, operation) for side, worker in workers.items()}

        described = both(Description, "describe", threads=plan.threads)
        opened = both(Opened, "open", **plan.opening(5000 + number))

        def block(side: str, operation: str, count: int) -> Block:
            if cell.moves:
                deadlines.request(workers[side], None, "relocate")
            return deadlines.request(workers[side], Block, operation, count=count)

        def quads(operation: str, count: int, steps: int) -> list[Any]:
            found = []
            for number in range(count):
                order = "ABBA" if (number % 2 == 0) == (first == "A") else "BAAB"
                blocks = [block(side, operation, steps) for side in order]
                found.append(
                    [
                        order,
                        [[round(1e6 * second) for second in one.seconds] for one in blocks],
                        [round(1e6 * sum(one.cpu_seconds) / steps) for one in blocks],
                    ]
                )
            return found

        if cell.cores == "one":
            for worker in workers.values():
                deadlines.request(worker, None, "pin", core=core)
            others = set(cores) - {core}
            pin(others or {core})
        try:
            firsts = {
                side: deadlines.request(workers[side], Block, "steps", count=WARM_UP_STEPS).seconds[0]
                for side in workers
            }
            training = quads("steps", cell.quads, cell.steps)
            for worker in workers.values():
                deadlines.request(worker, Evaluation, "evaluate", max_steps=2)
            evaluation = quads("evaluation_steps", cell.evaluation_quads, cell.evaluation_steps)
        finally:
            pin(cores)
    return {
        "cell": cell.name,
        "launch": number,
        "time": round(time.time()),
        "reference": reference,
        "candidate": candidate,
        "first": first,
        "core": core if cell.cores == "one" else None,
        "padding": [padding["A"], padding["B"]],
        "startup": {
            "import": [described[side].import_seconds for side in "AB"],
            "build": [opened[side].build_seconds for side in "AB"],
            "trace": [opened[side].trace_seconds for side in "AB"],
            "first step": [firsts[side] for side in "AB"],
        },
        "steps": training,
        "evaluations": evaluation,
    }


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Waits until nothing else works on this machine that takes the same lock (TFGATE_QUIET)."""
    path = os.environ.get("TFGATE_QUIET")
    if not path:
        yield
        return
    with open(path, "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures what is missing in the file."""
    parser = argparse.ArgumentParser(prog="python -m experiments.designs", description=__doc__)
    parser.add_argument("--python", action="append", required=True, metavar="INTERPRETER")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE")
    parser.add_argument("--launches", type=int, default=30, metavar="N")
    parser.add_argument("--cell", action="append", metavar="NAME")
    options = parser.parse_args(arguments)
    done = set()
    if options.output.exists():
        done = {(one["cell"], one["launch"]) for one in map(json.loads, options.output.read_text().splitlines())}
    for number, cell in itertools.product(range(options.launches), CELLS):
        if (cell.name, number) in done or (options.cell and cell.name not in options.cell):
            continue
        with quiet():
            began = time.monotonic()
            found = launch(cell, number, options.python)
        found["machine"] = dataclasses.asdict(this_machine())
        found["seconds"] = round(time.monotonic() - began, 1)
        with options.output.open("a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")
        print(cell.name, number, found["seconds"], file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
