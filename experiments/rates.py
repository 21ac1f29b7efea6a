"""Measures how often verdicts are right, where the right one is known: docs/error-rates-measured.md.

python -m experiments.rates measure --python COPY --python COPY… measures what experiments/data/rates.json lacks, and
adds each run when it is over: it can be stopped and started again. A run is a command of tfgate, with its default
margins, of two copies of one environment (copied, not linked) that are drawn for it, or of two releases; its launches
are none of the pilot's. Faults of a known size are injected into the candidate, of which the judge knows nothing.
`… table` writes the document.
"""

import argparse
import dataclasses
import json
import math
import random
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scipy import special
from tabulate import tabulate

from bench.drive.upgrade import PAIRED_FILE
from bench.judge.margins import Margins, read_margins
from bench.judge.metrics import MEMORY_GROWTH, ONE_CORE_STEP_TIME, PEAK_MEMORY, STEP_TIME
from bench.judge.paired import paired_samples
from bench.judge.samples import whole_pairs
from bench.judge.types import Scale
from bench.record.files import read_record, write_record, write_text
from bench.record.paired import PairedRun
from bench.record.types import DEFAULT_WORKLOAD, SCHEMA, Machine
from bench.stats.outcome import Outcome
from lm.workloads.registry import names, workload

ROOT = Path(__file__).resolve().parent.parent
HOOK = ROOT / "tests" / "faults" / "hook"
RUNS = ROOT / "reports" / "rates"
STORE = Path(__file__).parent / "data" / "rates.json"
OUTPUT = ROOT / "docs" / "error-rates-measured.md"
CONFIDENCE = 0.95
OUTCOMES = (Outcome.PASS, Outcome.REGRESSION, Outcome.INCONCLUSIVE)
TRACE = "trace"
# Of injected/sized.py, by the metric that shows it.
FAULTS = {
    ONE_CORE_STEP_TIME: "slower-by",
    STEP_TIME: "slower-by",
    PEAK_MEMORY: "larger-by",
    MEMORY_GROWTH: "growing-by",
    TRACE: "tracing-by",
}

HEAD = """# How often verdicts are right, measured

Made by `python -m experiments.rates`, which runs tfgate's commands where the right answer is known, and `python -m
experiments.rates table`. Two copies of one environment are compared, in two folders. Nothing changed is to be a PASS,
and a REGRESSION is a false alarm. A candidate that is two margins worse is to be a REGRESSION, and PASS is a miss; at
one margin both are allowed, and PASS is to be rare. INCONCLUSIVE is never wrong: the machine was too noisy for the
margin within the budget. Rates have the exact two-sided 95% bounds of Clopper and Pearson. Launches and minutes (of
launches) are the median, the most in brackets. The first 27 runs called the code of the command, not the command.
"""
INJECTED = """
## A known change

The one metric that a row names is judged (`--metric`). The change is busy work inside TensorFlow's own call of the
step, or of its tracing, or memory that the step keeps; "measured" is the mean of all launches, with its standard error.
"""
RELEASES = """
## Every workload between two releases

Here nobody knows the right answer: what was found is explained in [workloads](workloads.md#findings). A cell holds the
estimated change and, where it isn't PASS, the outcome.
"""


@dataclasses.dataclass(frozen=True)
class Cell:
    """Runs of one command."""

    command: str
    runs: int
    metric: str = ""  # that is changed, and judged alone; "": nothing is
    config: str = "tiny"
    margins: int = 0  # by which it is changed
    releases: tuple[str, str] | None = None  # that are compared; None: two copies of one environment

    @property
    def key(self) -> str:
        """Returns what tells it from the others."""
        return " ".join([self.command, *(self.releases or ()), *([f"+{self.margins}"] if self.margins else [])])

    @property
    def right(self) -> Outcome | None:
        """Returns the right outcome; None where nobody knows, or two are."""
        if self.releases or self.margins == 1:
            return None
        return Outcome.REGRESSION if self.margins else Outcome.PASS

    @property
    def wrong(self) -> Outcome | None:
        """Returns the outcome that must be rare; None where nobody knows."""
        if self.releases:
            return None
        return Outcome.PASS if self.margins else Outcome.REGRESSION


def _changed(metric: str, config: str, runs: Mapping[int, int]) -> list[Cell]:
    """Returns the cells of one metric, with the runs of each number of margins."""
    return [Cell(f"--config {config} --metric {metric!r}", count, metric, config, by) for by, count in runs.items()]


def _workloads(runs: int, releases: tuple[str, str] | None = None) -> list[Cell]:
    """Returns a cell of each workload but the default one."""
    found = [name for name in names() if name != DEFAULT_WORKLOAD and "tiny" in workload(name).plans]
    return [Cell(f"--workload {name} --config tiny --budget 4", runs, releases=releases) for name in found]


STEPS = [
    *_changed(ONE_CORE_STEP_TIME, "tiny", {0: 30, 1: 10, 2: 30}),
    *_changed(ONE_CORE_STEP_TIME, "notebook", {0: 20, 1: 4, 2: 20}),
    *_changed(STEP_TIME, "tiny", {1: 10, 2: 10}),
    *_changed(STEP_TIME, "notebook", {0: 20, 1: 4, 2: 20}),
]
OTHERS = [cell for metric in (PEAK_MEMORY, MEMORY_GROWTH, TRACE) for cell in _changed(metric, "tiny", {2: 5})]
WHOLE = [
    Cell("--config tiny", 40),
    Cell("--config notebook", 12),
    Cell("--config small", 3),
    *(Cell(f"--config tiny --implementation {name}", 5) for name in ("layers", "fused")),
    Cell("--config tiny --corpus ptb", 3),
]
PAIRS = [("2.15.1", "2.16.2"), ("2.20.0", "2.21.0")]
# In the order in which the first run of each is measured.
CELLS = [*STEPS, *_workloads(5), *(cell for pair in PAIRS for cell in _workloads(1, pair)), *OTHERS, *WHOLE]


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


def read_store(path: Path = STORE) -> Store:
    """Returns the runs so far; none where there is no file."""
    return read_record(Store, path) if path.exists() else Store(SCHEMA, ())


def missing(store: Store, cells: Sequence[Cell] = CELLS) -> Iterator[tuple[Cell, int]]:
    """Yields (cell, number) of the runs that the store lacks; the first of every cell, then the second …"""
    for number in range(max((cell.runs for cell in cells), default=0)):
        for cell in cells:
            if number < cell.runs and number not in {run.number for run in store.of(cell)}:
                yield cell, number


def measure(pythons: Sequence[str], cells: Sequence[Cell], limit: int) -> None:
    """Measures up to `limit` of the cells' missing runs. Raises ValueError for a run without a verdict."""
    margins = read_margins(ROOT / "baselines" / "margins.toml")
    for cell, number in list(missing(read_store(), cells))[:limit]:
        print(f"{cell.key}, run {number}", flush=True)
        folder = RUNS / f"{cell.key.replace(' ', '_')}-{number:02}-{time.strftime('%Y%m%dT%H%M%S')}"
        ran = told(cell, number, _verdict(cell, number, pythons, folder, margins), folder, margins)
        print(f"  {ran.outcome} after {len(ran.seconds)} launches, {math.fsum(ran.seconds):.0f} s", flush=True)
        store = read_store()
        write_record(STORE, dataclasses.replace(store, runs=(*store.runs, ran)), replace=True)


def words(cell: Cell, number: int, pythons: Sequence[str], margins: Margins) -> list[str]:
    """Returns the command of a run; the copies are drawn by its number."""
    reference, candidate = cell.releases or random.Random(f"{cell.key} {number}").sample(pythons, 2)
    found = ["upgrade", *shlex.split(cell.command)]
    if cell.margins:
        margin = margins.of(cell.metric, cell.config) or 0.0
        fault = f"{FAULTS[cell.metric]}-{cell.margins * margin:.3f}"
        found += ["--to-env", f"PYTHONPATH={HOOK}", "--to-env", f"TFGATE_FAULT={fault}"]
    return [*found, "--from", reference, "--to", candidate]


def _verdict(cell: Cell, number: int, pythons: Sequence[str], folder: Path, margins: Margins) -> dict[str, Any]:
    """Runs the command, and returns its verdict."""
    command = [sys.executable, "-m", "bench", *words(cell, number, pythons, margins), "--json"]
    done = subprocess.run([*command, "--output", str(folder)], cwd=ROOT, stdout=subprocess.PIPE, check=False)
    if not done.stdout:
        raise ValueError(f"{' '.join(command)} ended with {done.returncode} and no verdict")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def told(cell: Cell, number: int, verdict: Mapping[str, Any], folder: Path, margins: Margins) -> Ran:
    """Returns what is kept of a run. Raises ValueError for one of which a launch failed."""
    if verdict["failures"]:
        raise ValueError(f"{cell.key}, run {number}: a launch failed; see {folder}")
    run = read_record(PairedRun, folder / PAIRED_FILE)
    pairs, samples = whole_pairs(run), {one.metric.name: one for one in paired_samples(run, margins)}
    records = [*(pair.candidate for pair in pairs), *run.oracle]
    environment = records[0].environment
    judged = []
    for one in verdict["comparisons"]:
        name = one["metric"]["name"]
        values = samples[name].difference if name in samples else ()
        if one["metric"]["gates"]:
            kept = tuple(round(value, 7) for value in values if value is not None)
            judged.append(Judged(name, one["outcome"], _margin(one["metric"]), kept))
    return Ran(
        cell.key,
        number,
        run.created,
        environment.tensorflow if environment else "–",
        records[0].machine,
        verdict["outcome"],
        tuple(round(pair.seconds, 1) for pair in pairs),
        tuple(judged),
    )


def _margin(metric: Mapping[str, Any]) -> float | None:
    margin: float | None = metric["margin"]
    return round(math.expm1(margin), 6) if margin and metric["scale"] == Scale.LOG.value else margin


def document(store: Store) -> str:
    """Returns the document as committed."""
    hosts = {f"{run.machine.cpu_model}, {run.machine.cores} cores, {run.machine.isa}" for run in store.runs}
    asked, versions = sum(cell.runs for cell in CELLS), {f"TensorFlow {run.tensorflow}" for run in store.runs}
    told = f"{len(store.runs)} of the {asked} runs that are asked for, so far; {'; '.join(sorted(versions | hosts))}."
    parts = [HEAD, told]
    if whole := [cell for cell in CELLS if not (cell.metric or cell.releases) and store.of(cell)]:
        parts += ["\n## Nothing changed\n", _rows(store, whole, [])]
    if changed := [cell for cell in CELLS if cell.metric and store.of(cell)]:
        parts += [INJECTED, _rows(store, changed, ["changed by", "measured"])]
    if between := [cell for cell in CELLS if cell.releases and store.of(cell)]:
        headers = ["`upgrade` with", "releases", "verdict", ONE_CORE_STEP_TIME, STEP_TIME, PEAK_MEMORY]
        parts += [RELEASES, _table([_found(cell, store.of(cell)[0]) for cell in between], headers)]
    return "\n".join(parts) + "\n"


def _rows(store: Store, cells: Sequence[Cell], more: Sequence[str]) -> str:
    headers = [
        "`upgrade` with",
        *more,
        "runs",
        *(one.value for one in OUTCOMES),
        "right",
        "wrong",
        "launches",
        "minutes",
    ]
    return _table([_row(cell, store.of(cell)) for cell in cells], headers)


def _row(cell: Cell, runs: Sequence[Ran]) -> list[str]:
    outcomes = [run.outcome for run in runs]
    launches = [len(run.seconds) for run in runs]
    minutes = [math.fsum(run.seconds) / 60 for run in runs]
    changed = []
    if cell.metric:
        judged = [one for run in runs if (one := run.of(cell.metric))]
        margin = judged[0].margin or 0.0
        linear = cell.metric == MEMORY_GROWTH
        by = f"{cell.margins * margin:.0f} bytes a step" if linear else f"{cell.margins * margin:.1%}"
        changed = [by if cell.margins else "nothing", _mean([value for one in judged for value in one.values], linear)]
    return [
        f"`{cell.command}`",
        *changed,
        str(len(runs)),
        *(str(outcomes.count(outcome.value)) for outcome in OUTCOMES),
        *(_rate(outcome, outcomes) for outcome in (cell.right, cell.wrong)),
        f"{statistics.median(launches):g} ({max(launches)})",
        f"{statistics.median(minutes):.1f} ({max(minutes):.1f})",
    ]


def _rate(outcome: Outcome | None, outcomes: Sequence[str]) -> str:
    if outcome is None:
        return "–"
    count = outcomes.count(outcome.value)
    return f"{count} ({' to '.join(f'{bound:.0%}' for bound in bounds(count, len(outcomes)))})"


def _found(cell: Cell, run: Ran) -> list[str]:
    """Returns the row of two releases."""
    metrics = [run.of(metric) for metric in (ONE_CORE_STEP_TIME, STEP_TIME, PEAK_MEMORY)]
    return [f"`{cell.command}`", " → ".join(cell.releases or ()), run.outcome, *map(_change, metrics)]


def _change(judged: Judged | None) -> str:
    if judged is None or not judged.values:
        return "–"
    said = "" if judged.outcome == Outcome.PASS.value else f" {judged.outcome}"
    return f"{math.expm1(statistics.fmean(judged.values)):+.1%}{said}"


def bounds(count: int, of: int) -> tuple[float, float]:
    """Returns the two-sided Clopper-Pearson bounds of a rate at CONFIDENCE."""
    tail = (1 - CONFIDENCE) / 2
    low = float(special.betaincinv(count, of - count + 1, tail)) if count else 0.0
    high = float(special.betaincinv(count + 1, of - count, 1 - tail)) if count < of else 1.0
    return low, high


def _mean(values: Sequence[float], linear: bool) -> str:
    mean, error = statistics.fmean(values), statistics.stdev(values) / math.sqrt(len(values))
    return f"{mean:+.0f} ± {error:.0f}" if linear else f"{mean:+.2%} ± {error:.2%}"


def _table(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> str:
    text: str = tabulate(rows, headers, "github", disable_numparse=True)
    return text


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, and prints how many runs are still missing; or writes the document."""
    parser = argparse.ArgumentParser(prog="python -m experiments.rates", description=__doc__)
    parser.add_argument("what", choices=("measure", "table"))
    parser.add_argument("--python", action="append", default=[], metavar="INTERPRETER")
    parser.add_argument("--only", default="", metavar="TEXT", help="the cells whose command holds TEXT alone")
    parser.add_argument("--limit", type=int, default=1000, metavar="N", help="measure at most N runs now")
    options = parser.parse_args(arguments)
    if options.what == "table":
        write_text(OUTPUT, document(read_store()), replace=True)
        return
    if len(options.python) < 2:
        parser.error("name the interpreters of at least two copies of one environment")
    cells = [cell for cell in CELLS if options.only in cell.key]
    measure(options.python, cells, options.limit)
    print(f"{sum(1 for _ in missing(read_store(), cells))} runs are missing")


if __name__ == "__main__":
    main()
