"""Measures every workload but `train` on tiny: with nothing changed, and for two pairs of releases.

python -m experiments.workloads measure --python COPY --python COPY… measures what experiments/data/workload_runs.json
lacks, and adds each run when it is over: it can be stopped and started again. A run is the command `tfgate upgrade`,
with its default margins. Nothing changed: two copies of one environment, drawn for each run, until a workload has
LAUNCHES launches. The pairs of releases are built by the command. `… table` writes docs/workloads-measured.md.
"""

import argparse
import dataclasses
import itertools
import json
import math
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tabulate import tabulate

from bench.drive.upgrade import PAIRED_FILE
from bench.judge.metrics import ONE_CORE_STEP_TIME, PEAK_MEMORY, STEP_TIME
from bench.judge.samples import whole_pairs
from bench.record.files import read_record, write_record, write_text
from bench.record.paired import PairedRun
from bench.record.types import DEFAULT_WORKLOAD, SCHEMA, Machine
from bench.stats.outcome import Outcome
from experiments.upgrades import bounds
from lm.workloads.registry import names, workload

ROOT = Path(__file__).resolve().parent.parent
RUNS = ROOT / "reports" / "workloads"
STORE = Path(__file__).parent / "data" / "workload_runs.json"
OUTPUT = ROOT / "docs" / "workloads-measured.md"
CONFIG = "tiny"
LAUNCHES = 20  # of a workload, at least, with nothing changed
BUDGET_MINUTES = 4
SAME = "nothing changed"
PAIRS = {"2.15.1 → 2.16.2": ("2.15.1", "2.16.2"), "2.20.0 → 2.21.0": ("2.20.0", "2.21.0")}
SHOWN = (ONE_CORE_STEP_TIME, STEP_TIME, PEAK_MEMORY)

HEAD = f"""# Workloads, measured

Made by `python -m experiments.workloads`, which runs `tfgate upgrade --workload NAME --config {CONFIG}` as anybody
would, with at most {BUDGET_MINUTES} minutes of launches a run. A cell holds the estimated change and, where it isn't
PASS, the outcome. A metric that doesn't gate has "–".
"""
SAME_HEAD = """
## Nothing changed

Two copies of one environment, in two folders. A REGRESSION would be a false alarm. INCONCLUSIVE means that this machine
is too noisy for the margin within the budget.
"""


@dataclasses.dataclass(frozen=True)
class Judged:
    """One metric of a run."""

    metric: str
    outcome: str
    estimate: float | None  # candidate against reference, on the metric's scale; None of what is compared exactly


@dataclasses.dataclass(frozen=True)
class Ran:
    """The summary that is kept of one run."""

    workload: str
    pair: str  # SAME, or one of PAIRS
    number: int
    created: str  # ISO 8601, UTC
    tensorflow: tuple[str, str]  # of reference and candidate
    machine: Machine
    outcome: str
    launches: int
    seconds: float  # wall time of the whole command
    judged: tuple[Judged, ...]  # those that gate

    def of(self, metric: str) -> Judged | None:
        """Returns a metric's judgement; None where it doesn't gate."""
        return next((one for one in self.judged if one.metric == metric), None)


@dataclasses.dataclass(frozen=True)
class Store:
    """Every run so far."""

    schema: int
    runs: tuple[Ran, ...]

    def of(self, name: str, pair: str) -> list[Ran]:
        """Returns the runs of a workload and pair."""
        return [run for run in self.runs if (run.workload, run.pair) == (name, pair)]


def measured_workloads() -> list[str]:
    """Returns the workloads that run in CONFIG; `train` has experiments of its own."""
    return [name for name in names() if name != DEFAULT_WORKLOAD and CONFIG in workload(name).plans]


def read_store(path: Path = STORE) -> Store:
    """Returns the runs so far; none where there is no file."""
    return read_record(Store, path) if path.exists() else Store(SCHEMA, ())


def missing(store: Store) -> Iterator[tuple[str, str, int]]:
    """Yields (workload, pair, number) of the runs that are known to be missing: nothing changed first."""
    for name in measured_workloads():
        same = store.of(name, SAME)
        if sum(run.launches for run in same) < LAUNCHES:
            yield name, SAME, len(same)
    for pair, name in itertools.product(PAIRS, measured_workloads()):
        if not store.of(name, pair):
            yield name, pair, 0


def measure(runs: Path, pythons: Sequence[str], limit: int) -> None:
    """Measures up to `limit` of the missing runs. Raises ValueError for a command that gave no verdict."""
    for _ in range(limit):
        if (wanted := next(missing(read_store()), None)) is None:
            return
        name, pair, number = wanted
        folder = runs / f"{name}-{re.sub(r'[^0-9a-z]+', '-', pair)}-{number:02}-{time.strftime('%Y%m%dT%H%M%S')}"
        print(folder.name, flush=True)
        sides = PAIRS.get(pair) or random.Random(f"{name} {number}").sample(pythons, 2)
        ran = told(name, pair, number, folder, *_run(name, sides, folder))
        print(f"  {ran.outcome} after {ran.launches} launches, {ran.seconds:.0f} s", flush=True)
        store = read_store()
        write_record(STORE, dataclasses.replace(store, runs=(*store.runs, ran)), replace=True)


def _run(name: str, sides: Sequence[str], folder: Path) -> tuple[str, float]:
    """Returns the command's JSON, and what it took."""
    words = f"upgrade --workload {name} --config {CONFIG} --budget {BUDGET_MINUTES} --json".split()
    command = [sys.executable, "-m", "bench", *words, "--from", sides[0], "--to", sides[1], "--output", str(folder)]
    started = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if not done.stdout:
        raise ValueError(f"{' '.join(command)} ended with {done.returncode} and no verdict")
    return done.stdout, time.monotonic() - started


def told(name: str, pair: str, number: int, folder: Path, verdict: str, seconds: float) -> Ran:
    """Returns what is kept of a run. Raises ValueError for one of which a launch failed."""
    plain = json.loads(verdict)
    run = read_record(PairedRun, folder / PAIRED_FILE)
    if plain["failures"]:
        raise ValueError(f"{name}, {pair}: a launch failed; see {folder}")
    versions = [record.environment.tensorflow if record.environment else "–" for record in run.oracle]
    return Ran(
        name,
        pair,
        number,
        run.created,
        (versions[0], versions[1]),
        run.oracle[0].machine,
        plain["outcome"],
        len(whole_pairs(run)),
        round(seconds, 1),
        tuple(_judged(one) for one in plain["comparisons"] if one["metric"]["gates"]),
    )


def _judged(comparison: dict[str, object]) -> Judged:
    metric, interval = comparison["metric"], comparison["interval"]
    assert isinstance(metric, dict)
    estimate = interval["estimate"] if isinstance(interval, dict) else None
    return Judged(metric["name"], str(comparison["outcome"]), estimate and round(estimate, 6))


def document(store: Store) -> str:
    """Returns the document as committed."""
    hosts = {f"{run.machine.cpu_model}, {run.machine.cores} cores, {run.machine.isa}" for run in store.runs}
    parts = [HEAD, f"Hosts: {'; '.join(sorted(hosts))}.", SAME_HEAD, _same(store), "", _alarms(store)]
    for pair in PAIRS:
        rows = [_row(name, store.of(name, pair)) for name in measured_workloads() if store.of(name, pair)]
        if rows:
            parts += [f"\n## {pair}\n", _table(rows, ["verdict", "launches", "minutes", *SHOWN])]
    return "\n".join(parts) + "\n"


def _same(store: Store) -> str:
    rows = [_row(name, store.of(name, SAME)) for name in measured_workloads() if store.of(name, SAME)]
    return _table(rows, ["verdicts", "launches", "minutes", *SHOWN])


def _alarms(store: Store) -> str:
    """Returns how many runs of nothing changed were a REGRESSION, and how often that may be."""
    runs = [run for run in store.runs if run.pair == SAME]
    alarms, launches = sum(run.outcome == Outcome.REGRESSION.value for run in runs), sum(run.launches for run in runs)
    short = [name for name in measured_workloads() if sum(run.launches for run in store.of(name, SAME)) < LAUNCHES]
    less = f" Fewer than {LAUNCHES} launches so far: {', '.join(short)}." if short else ""
    if not runs:
        return less.strip()
    most = bounds(alarms, len(runs))[1]
    return f"{alarms} alarms in {len(runs)} runs of {launches} launches (at most {most:.0%} of runs, 95% bound).{less}"


def _row(name: str, runs: Sequence[Ran]) -> list[str]:
    outcomes = [run.outcome for run in runs]
    counted = [f"{outcomes.count(one)} {one}" for one in dict.fromkeys(outcomes)]
    return [
        f"`{name}`",
        outcomes[0] if len(runs) == 1 else ", ".join(counted),
        str(sum(run.launches for run in runs)),
        f"{math.fsum(run.seconds for run in runs) / 60:.1f}",
        *("; ".join(_cell(run.of(metric)) for run in runs) for metric in SHOWN),
    ]


def _cell(judged: Judged | None) -> str:
    if judged is None or judged.estimate is None:
        return "–"
    change = f"{math.expm1(judged.estimate):+.1%}"
    return change if judged.outcome == Outcome.PASS.value else f"{change} {judged.outcome}"


def _table(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> str:
    text: str = tabulate(rows, ["workload", *headers], "github", disable_numparse=True)
    return text


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, and prints how many runs are still missing; or writes the document."""
    parser = argparse.ArgumentParser(prog="python -m experiments.workloads", description=__doc__)
    parser.add_argument("what", choices=("measure", "table"))
    parser.add_argument("--python", action="append", default=[], metavar="INTERPRETER")
    parser.add_argument("--runs", type=Path, default=RUNS, metavar="DIR")
    parser.add_argument("--limit", type=int, default=1000, metavar="N", help="measure at most N runs now")
    options = parser.parse_args(arguments)
    if options.what == "table":
        write_text(OUTPUT, document(read_store()), replace=True)
        return
    if len(options.python) < 2:
        parser.error("name the interpreters of at least two copies of one environment")
    measure(options.runs, options.python, options.limit)
    print(f"{sum(1 for _ in missing(read_store()))} runs are missing at least")


if __name__ == "__main__":
    main()
