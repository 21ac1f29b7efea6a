"""A run: the launches of several configurations, kept on disk as they come in."""

import dataclasses
import datetime
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from bench.drive.launch import Launch, measure_launch
from bench.drive.plan import Plan
from bench.drive.watch import CpuWatch, disturbance
from bench.record.files import write_record
from bench.record.types import INCOMPLETE, SCHEMA, Record, Run

JITTER_BASE = 1000  # candidates' jitter starts here, baselines' replicas count from 0: they are never the same training

RUN_FILE = "run.json"


class Listener(Protocol):
    """Hears how a run goes on."""

    def step(self, plan: Plan, launch: Launch, steps: int) -> None:
        """`steps` of the launch are done."""

    def record(self, record: Record) -> None:
        """A launch is over."""


def measure_run(
    plans: Sequence[Plan],
    launches: int,
    python: str,
    variables: Mapping[str, str],
    output: Path,
    command: Sequence[str],
    listener: Listener,
    jitter: int = JITTER_BASE,
    warnings: Sequence[str] = (),
) -> Run:
    """Measures every plan with that many launches; `output`/run.json holds what there is after each, whatever happens next.

    Launch 0 of a plan is the one held against the oracle. Launch n starts from weights jittered by stream `jitter` + n. A launch
    that fails ends its plan: the ones to come would fail alike. A timed launch beside which others used the CPU makes a warning.
    Raises FileExistsError if the folder holds a run, OSError if it can't be written.
    """
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    path = output / RUN_FILE
    records: list[Record] = []
    disturbed: list[str] = []

    def save(*more: str, replace: bool = True) -> Run:
        run = Run(SCHEMA, created, tuple(command), tuple(records), (*warnings, *disturbed, *more))
        write_record(path, run, replace=replace)
        return run

    save(f"{INCOMPLETE}the run was interrupted before its first launch was over", replace=False)
    total = len(plans) * launches
    for plan in plans:
        for number in range(launches):
            launch = Launch(number, jitter + number, numerics=number == 0)
            watch = CpuWatch()
            record = measure_launch(plan, launch, python, variables, _steps_listener(listener, plan, launch))
            if plan.speed:
                record = dataclasses.replace(record, others_cpu=watch.others())
                line = disturbance(record.others_cpu, f"{record.subject.name} launch {record.launch + 1}")
                disturbed += [line] if line else []
            records.append(record)
            listener.record(record)
            save(f"{INCOMPLETE}the run was interrupted after {len(records)} of {total} launches")
            if record.failure:
                break
    return save()


def _steps_listener(listener: Listener, plan: Plan, launch: Launch) -> Callable[[int], None]:
    return lambda steps: listener.step(plan, launch, steps)
