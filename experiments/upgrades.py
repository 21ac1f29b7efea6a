"""Measures what upgrades say of nothing and of known slowdowns of one environment, measured against itself.

python -m experiments.upgrades --python INTERPRETER measures what experiments/data/upgrade_runs.json lacks, and adds
each run when it is over: it can be stopped and started again. experiments.upgrades_table makes the document.
"""

import argparse
import dataclasses
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.commands.options import paired
from bench.drive.lock import host_lock
from bench.drive.pair import PairPlan
from bench.drive.plan import Plan
from bench.drive.upgrade import PAIRED_FILE, PairedRequest, measure_upgrade
from bench.judge.margins import Margins, read_margins
from bench.judge.paired import paired_samples
from bench.judge.planning import next_kind
from bench.judge.quads import quad_log_ratio
from bench.judge.samples import samples_of, whole_pairs
from bench.record.files import keeper, read_record, write_record
from bench.record.paired import CANDIDATE, REFERENCE, PairedRun, Side
from bench.record.types import SCHEMA, Machine

ROOT = Path(__file__).resolve().parent.parent
HOOK = ROOT / "tests" / "faults" / "hook"
RUNS = ROOT / "reports" / "upgrades"
STORE = Path(__file__).parent / "data" / "upgrade_runs.json"
COMMAND = ("python", "-m", "experiments.upgrades")
STEP_TIME = "step time"


@dataclasses.dataclass(frozen=True)
class Launched:
    """The summary that is kept of one launch."""

    first: str  # the side that was first
    seconds: float
    disturbed: float | None
    quads: tuple[float, ...]  # log ratios of the training steps' quads
    values: dict[str, float]  # log ratios by metric; without those that the launch doesn't tell


@dataclasses.dataclass(frozen=True)
class Ran:
    """The summary that is kept of one run."""

    config: str
    slowdown: float
    number: int
    created: str
    tensorflow: str
    machine: Machine
    launches: tuple[Launched, ...]

    def values(self, metric: str = STEP_TIME) -> list[float]:
        """Returns a metric's log ratios of the launches that tell it."""
        return [launch.values[metric] for launch in self.launches if metric in launch.values]


@dataclasses.dataclass(frozen=True)
class Store:
    """Every run so far."""

    schema: int
    runs: tuple[Ran, ...]


@dataclasses.dataclass(frozen=True)
class Case:
    """Runs of one configuration whose candidate takes `slowdown` longer a step."""

    config: str
    slowdown: float
    runs: int

    def folder(self, runs: Path, number: int) -> Path:
        """Returns where a run of the case is kept whole."""
        return runs / f"{self.config}-{round(100 * self.slowdown):02}-{number:02}"


CASES = [
    Case("tiny", 0.0, 20),
    Case("notebook", 0.0, 8),
    *(Case("tiny", slowdown, 10) for slowdown in (0.02, 0.05, 0.10, 0.15)),
    *(Case("notebook", slowdown, 3) for slowdown in (0.02, 0.05, 0.10, 0.15)),
]


class Lines:
    """A listener that prints a line for each launch."""

    def phase(self, name: str, total: int) -> None:
        """Prints nothing."""

    def step(self, done: int) -> None:
        """Prints nothing."""

    def pair(self, run: PairedRun) -> None:
        """Prints the launch's log ratio of step times."""
        print(
            f"  {summary(run, Case('', 0, 0), 0).values()[-1]:+.4f}" if whole_pairs(run) else "  a launch failed",
            flush=True,
        )


def measure(runs: Path, python: str, limit: int, config: str) -> None:
    """Measures up to `limit` of the runs that are missing (of one configuration, or of all: ""), first runs of all
    cases first.

    The whole runs stay in the folder `runs`.
    """
    margins = judged_by()

    for case, number in [(case, number) for case, number in missing(read_store()) if config in ("", case.config)][
        :limit
    ]:
        folder = case.folder(runs, number)
        (folder / PAIRED_FILE).unlink(missing_ok=True)  # of a run that was interrupted
        print(folder.name, flush=True)
        slow = {"PYTHONPATH": str(HOOK), "TFGATE_FAULT": f"slower-by-{case.slowdown:.2f}" if case.slowdown else "none"}
        clean = {"PYTHONPATH": str(HOOK), "TFGATE_FAULT": "none"}
        sides = {REFERENCE: Side(python, python, clean), CANDIDATE: Side(python, python, slow)}
        plans, _ = paired(Plan(case.config, 1), margins.metrics(case.config))

        def wanted(run: PairedRun, plans: Mapping[str, PairPlan] = plans) -> str | None:
            return next_kind(run, paired_samples(run, margins), plans)

        request = PairedRequest(sides, COMMAND, pair_plans=plans)
        with host_lock():
            run = measure_upgrade(request, keeper(folder / PAIRED_FILE), Lines(), wanted)
        store = read_store()
        write_record(STORE, dataclasses.replace(store, runs=(*store.runs, summary(run, case, number))), replace=True)


def summary(run: PairedRun, case: Case, number: int) -> Ran:
    """Returns what is kept of a run.

    Raises ValueError for a run of which a launch failed: nothing was injected that could do that.
    """
    pairs = whole_pairs(run)
    if len(pairs) < len(run.pairs):
        raise ValueError(f"{case.config}, run {number}: a launch failed; see its {PAIRED_FILE}")
    samples = samples_of(pairs, judged_by())
    launches = tuple(
        Launched(
            pair.first,
            round(pair.seconds, 1),
            pair.disturbed,
            tuple(round(quad_log_ratio(quad), 6) for quad in pair.steps),
            {
                sample.metric.name: round(value, 6)
                for sample in samples
                if (value := sample.difference[launch]) is not None
            },
        )
        for launch, pair in enumerate(pairs)
    )
    record = pairs[0].reference
    tensorflow = record.environment.tensorflow if record.environment else "–"
    return Ran(case.config, case.slowdown, number, run.created, tensorflow, record.machine, launches)


def read_store(path: Path = STORE) -> Store:
    """Returns the runs so far; none where there is no file."""
    return read_record(Store, path) if path.exists() else Store(SCHEMA, ())


def missing(store: Store) -> Iterator[tuple[Case, int]]:
    """Yields (case, number) of the runs that the store lacks; the first of every case, then the second …"""
    there = {(run.config, run.slowdown, run.number) for run in store.runs}
    for number in range(max(case.runs for case in CASES)):
        for case in CASES:
            if number < case.runs and (case.config, case.slowdown, number) not in there:
                yield case, number


def judged_by(step_time: float | None = None) -> Margins:
    """Reads the committed margins; `step_time` replaces theirs."""
    margins = read_margins(ROOT / "baselines" / "margins.toml")
    return dataclasses.replace(margins, gating={**margins.gating, "step_time": step_time}) if step_time else margins


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, and prints how many runs are still missing."""
    parser = argparse.ArgumentParser(prog="python -m experiments.upgrades", description=__doc__)
    parser.add_argument("--python", default=sys.executable, metavar="INTERPRETER")
    parser.add_argument("--runs", type=Path, default=RUNS, metavar="DIR")
    parser.add_argument("--limit", type=int, default=1000, metavar="N", help="measure at most N runs now")
    parser.add_argument("--config", default="", metavar="NAME", help="measure runs of one configuration alone")
    options = parser.parse_args(arguments)
    measure(options.runs, options.python, options.limit, options.config)
    print(f"{sum(1 for _ in missing(read_store()))} runs are missing")


if __name__ == "__main__":
    main()
