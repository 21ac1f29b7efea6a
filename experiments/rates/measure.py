"""Runs the commands of cells, here or on the hosts of a Dask cluster, and keeps what they said."""

import math
import random
import shlex
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.drive.paired import PAIRED_FILE
from bench.judge.margins import Margins, read_margins
from bench.judge.metrics import TRAINING
from bench.judge.paired import paired_samples
from bench.judge.samples import whole_pairs
from bench.judge.types import Scale
from bench.record.files import read_record, write_record
from bench.record.paired import PairedRun
from bench.record.types import SCHEMA
from bench.stats.outcome import Outcome
from experiments.gates import outcome_of, verdict_of
from experiments.rates.cells import Cell
from experiments.rates.store import Judged, Ran, Store, add, missing, read_store

ROOT = Path(__file__).resolve().parents[2]
HOOK = ROOT / "tests" / "faults" / "hook"
RUNS = ROOT / "reports" / "rates"
RAN_FILE = "ran.json"  # that a host leaves


def measure(pythons: Sequence[str], cells: Sequence[Cell], limit: int, cluster: str = "", first: int = 0) -> None:
    """Measures up to `limit` of the cells' missing runs from number `first` on, by the scheduler at an address if any.

    Raises ValueError for a run without a verdict, on a cluster after the others; ClusterError.
    """
    wanted = list(missing(read_store(), cells, first))[:limit]
    for ran in _on_hosts(cluster, wanted, pythons) if cluster else _here(wanted, pythons):
        seconds = math.fsum(ran.seconds)
        told = f"{ran.outcome} after {len(ran.seconds)} launches, {seconds:.0f} s"
        print(f"{ran.cell}, run {ran.number}: {told}", flush=True)
        add([ran])


def _here(wanted: Sequence[tuple[Cell, int]], pythons: Sequence[str]) -> Iterator[Ran]:
    for cell, number in wanted:
        print(f"{cell.key}, run {number} begins", flush=True)
        name = f"{cell.key.replace(' ', '_')}-{number:02}-{time.strftime('%Y%m%dT%H%M%S')}"
        yield run(cell, number, pythons, RUNS / name)


def _on_hosts(address: str, wanted: Sequence[tuple[Cell, int]], pythons: Sequence[str]) -> Iterator[Ran]:
    """Yields each run as a host has measured it. Raises ValueError at the end for those without a verdict."""
    from bench.drive.cluster import connected  # Dask may be missing

    left = {(cell.key, number): (on_host, (cell, number, tuple(pythons))) for cell, number in wanted}
    problems = []
    with tempfile.TemporaryDirectory() as folder, connected(address, print) as hosts:
        for key, done in hosts.results(lambda: left):
            del left[key]
            if done.problem:
                problems.append(f"{key[0]}, run {key[1]}: {done.problem}")
                continue
            path = Path(folder) / RAN_FILE
            path.write_bytes(done.files[RAN_FILE])
            yield from read_record(Store, path).runs
    if problems:
        raise ValueError("\n".join(problems))


def on_host(folder: Path, cell: Cell, number: int, pythons: Sequence[str]) -> int:
    """Measures a run on a host, and leaves its summary in a folder. Raises ValueError for one without a verdict."""
    write_record(folder / RAN_FILE, Store(SCHEMA, (run(cell, number, pythons, folder.parent / "run"),)))
    return 0


def run(cell: Cell, number: int, pythons: Sequence[str], folder: Path) -> Ran:
    """Measures a run, whose report goes into a folder. Raises ValueError for one without a verdict."""
    margins = read_margins(ROOT / "baselines" / "margins.toml")
    return told(cell, number, verdict_of(words(cell, number, pythons, margins), folder), folder, margins)


def words(cell: Cell, number: int, pythons: Sequence[str], margins: Margins) -> list[str]:
    """Returns the command of a run; the copies are drawn by its number."""
    reference, candidate = cell.releases or random.Random(f"{cell.key} {number}").sample(pythons, 2)
    found = ["upgrade", *shlex.split(cell.command)]
    if cell.margins:
        margin = margins.of(cell.metric, cell.config) or 0.0
        found += ["--to-env", f"PYTHONPATH={HOOK}", "--to-env", f"TFGATE_FAULT={cell.fault(margin)}"]
    return [*found, "--from", reference, "--to", candidate]


def told(cell: Cell, number: int, verdict: Mapping[str, Any], folder: Path, margins: Margins) -> Ran:
    """Returns what is kept of a run. Raises ValueError for one that was interrupted.

    A failed launch has no values: `training` stands for it, a REGRESSION where it is the candidate's alone.
    """
    run = read_record(PairedRun, folder / PAIRED_FILE)
    if run.incomplete:
        raise ValueError(f"{run.incomplete}; see {folder}")
    pairs, samples = whole_pairs(run), {one.metric.name: one for one in paired_samples(run, margins)}
    records = [*(pair.candidate for pair in (*pairs, *run.pairs)), *run.oracle]
    judged = [Judged(TRAINING.name, Outcome.INCONCLUSIVE.value, None, ())] if verdict["failures"] else []
    for one in verdict["comparisons"]:
        name = one["metric"]["name"]
        values = samples[name].difference if name in samples else ()
        if one["metric"]["gates"]:
            kept = tuple(round(value, 7) for value in values if value is not None)
            judged.append(Judged(name, one["outcome"], _margin(one["metric"]), kept))
    return Ran(
        cell=cell.key,
        number=number,
        created=run.created,
        tensorflow=records[0].tensorflow or "–",
        machine=records[0].machine,
        outcome=outcome_of(verdict).value,
        seconds=tuple(round(pair.seconds, 1) for pair in pairs),
        judged=tuple(judged),
    )


def _margin(metric: Mapping[str, Any]) -> float | None:
    margin: float | None = metric["margin"]
    return round(math.expm1(margin), 6) if margin and metric["scale"] == Scale.LOG.value else margin
