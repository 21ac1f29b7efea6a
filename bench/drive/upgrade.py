"""A paired run: both sides against the oracle and in lockstep, then launches in pairs until the judge has seen enough."""

import dataclasses
import datetime
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from bench.drive import lockstep
from bench.drive.launch import Launch, measure_launch
from bench.drive.pair import PairPlan, measure_pair
from bench.drive.plan import Plan
from bench.drive.process import WorkerError
from bench.drive.watch import disturbance
from bench.record.files import write_record
from bench.record.paired import CANDIDATE, REFERENCE, Pair, PairedRun, Side
from bench.record.types import INCOMPLETE, SCHEMA, Record

PAIRED_FILE = "paired.json"
JITTER_BASE = 2000  # of the first pair; a run's launches and a baseline's replicas are other trainings


@dataclasses.dataclass(frozen=True)
class Scope:
    """What a paired run does."""

    oracle_plan: Plan | None  # each side's launch held against the oracle; None: none
    lockstep_plan: Plan | None  # None: none
    pair_plan: PairPlan | None  # None: nothing is timed


class Listener(Protocol):
    """Hears how a run goes on."""

    def phase(self, name: str, total: int) -> None:
        """Something begins that takes `total` steps."""

    def step(self, done: int) -> None:
        """`done` steps of it are over."""

    def pair(self, run: PairedRun) -> None:
        """A launch is over, the last of the run so far."""


def measure_upgrade(
    scope: Scope,
    sides: Mapping[str, Side],
    output: Path,
    command: Sequence[str],
    listener: Listener,
    settled: Callable[[PairedRun], bool],
    warnings: Sequence[str] = (),
) -> PairedRun:
    """Measures what `scope` says; pairs are added until `settled` says so. `output`/paired.json holds what there is after each step.

    A failure ends the run: what is to come would fail alike. Raises FileExistsError if the folder holds a run, OSError if it can't be
    written, WorkerError where an interpreter of a pair can't be started.
    """
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    path = output / PAIRED_FILE
    run = PairedRun(SCHEMA, created, tuple(command), sides[REFERENCE], sides[CANDIDATE], (), (), None, tuple(warnings))

    def save(replace: bool = True) -> None:
        unfinished = f"{INCOMPLETE}the run was interrupted after {len(run.pairs)} launches"
        write_record(path, dataclasses.replace(run, warnings=(*run.warnings, unfinished)), replace=replace)

    save(replace=False)
    if scope.oracle_plan:
        run = dataclasses.replace(run, oracle=_oracle(scope.oracle_plan, sides, listener))
        save()
    if scope.lockstep_plan and not _failed(run):
        run = _with_lockstep(run, scope.lockstep_plan, sides, listener)
        save()
    if scope.pair_plan and not _failed(run):
        while not run.pairs or not settled(run):
            run = _with_pair(run, _pair(scope.pair_plan, len(run.pairs), sides, listener))
            save()
            listener.pair(run)
    write_record(path, run, replace=True)
    return run


def _oracle(plan: Plan, sides: Mapping[str, Side], listener: Listener) -> tuple[Record, ...]:
    records = []
    for name in (REFERENCE, CANDIDATE):
        listener.phase(f"{name} against the oracle", plan.steps)
        side = sides[name]
        records.append(measure_launch(plan, Launch(0, numerics=True), side.interpreter, side.variables, listener.step))
    return tuple(records)


def _with_lockstep(run: PairedRun, plan: Plan, sides: Mapping[str, Side], listener: Listener) -> PairedRun:
    listener.phase("lockstep", plan.steps)
    reference, candidate = (lockstep.Side(sides[name].interpreter, sides[name].variables) for name in (REFERENCE, CANDIDATE))
    try:
        return dataclasses.replace(run, lockstep=lockstep.run_lockstep(plan, reference, candidate, listener.step))
    except WorkerError as error:
        return dataclasses.replace(run, lockstep_failure=error.failure)


def _pair(plan: PairPlan, number: int, sides: Mapping[str, Side], listener: Listener) -> Pair:
    listener.phase(f"launch {number + 1}", plan.blocks.quads)
    return measure_pair(plan, number, JITTER_BASE + number, sides, listener.step)


def _with_pair(run: PairedRun, pair: Pair) -> PairedRun:
    line = disturbance(pair.disturbed, f"launch {pair.launch + 1}")
    return dataclasses.replace(run, pairs=(*run.pairs, pair), warnings=(*run.warnings, *([line] if line else [])))


def _failed(run: PairedRun) -> bool:
    failures = [record.failure for record in run.oracle] + [run.lockstep_failure, run.lockstep and run.lockstep.failure]
    return any(failures)
