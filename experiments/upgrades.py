"""Measures what step times say of nothing and of a known slowdown: docs/error-rates-measured.md.

python -m experiments.upgrades measure --python COPY --python COPY… measures what experiments/data/upgrade_runs.json
lacks, and adds each run when it is over: it can be stopped and started again. Each run draws two of the copies of one
environment (copied, not linked), and judges one step time alone, as `tfgate upgrade --metric` does; its launches are
none of the pilot's. The slower candidate's step does busy work inside TensorFlow's own call of it, of which the judge
knows nothing. `… table` writes the document.
"""

import argparse
import dataclasses
import math
import random
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from scipy import special
from tabulate import tabulate

from bench.commands.options import BUDGET_MINUTES, paired
from bench.drive.lock import host_lock
from bench.drive.plan import Plan
from bench.drive.upgrade import PAIRED_FILE, PairedRequest, measure_upgrade
from bench.judge.margins import Margins, read_margins
from bench.judge.metrics import ONE_CORE_STEP_TIME, STEP_TIME
from bench.judge.paired import judge_paired, paired_samples
from bench.judge.planning import next_kind
from bench.judge.samples import whole_pairs
from bench.record.files import keeper, read_record, write_record, write_text
from bench.record.paired import CANDIDATE, REFERENCE, PairedRun, Side
from bench.record.types import SCHEMA, Machine
from bench.stats.outcome import Outcome

ROOT = Path(__file__).resolve().parent.parent
HOOK = ROOT / "tests" / "faults" / "hook"
RUNS = ROOT / "reports" / "upgrades"
STORE = Path(__file__).parent / "data" / "upgrade_runs.json"
OUTPUT = ROOT / "docs" / "error-rates-measured.md"
COMMAND = ("python", "-m", "experiments.upgrades")
OUTCOMES = (Outcome.PASS, Outcome.REGRESSION, Outcome.INCONCLUSIVE)
CONFIDENCE = 0.95

HEAD = """# What step times say of nothing and of known slowdowns, measured

Made by `python -m experiments.upgrades`, which measures runs, and `python -m experiments.upgrades table`. Two copies
of one environment are compared, in the one metric that a row names. A slower candidate's step takes twice the margin
longer by busy work inside TensorFlow's own call of it, of which the judge knows nothing; "measured" is the mean of all
its launches, with its standard error. Nothing changed is to be a PASS, twice the margin a REGRESSION. "Right" has the
exact two-sided 95% bounds of Clopper and Pearson. Launches and minutes are the median, the most in brackets.
"""


@dataclasses.dataclass(frozen=True)
class Case:
    """Runs of one metric and configuration, whose candidate's step takes so many margins longer."""

    metric: str
    config: str
    margins: int
    runs: int

    @property
    def expected(self) -> Outcome:
        """Returns the right outcome."""
        return Outcome.REGRESSION if self.margins else Outcome.PASS


CASES = (
    *(Case(ONE_CORE_STEP_TIME, "tiny", margins, 30) for margins in (0, 2)),
    *(Case(ONE_CORE_STEP_TIME, "notebook", margins, 20) for margins in (0, 2)),
    *(Case(STEP_TIME, "notebook", margins, 20) for margins in (0, 2)),
)


@dataclasses.dataclass(frozen=True)
class Ran:
    """The summary that is kept of one run."""

    metric: str
    config: str
    margins: int
    number: int
    created: str
    tensorflow: str
    machine: Machine
    margin: float  # a fraction
    outcome: str
    values: tuple[float, ...]  # log ratios of the metric by launch
    seconds: tuple[float, ...]  # of each launch


@dataclasses.dataclass(frozen=True)
class Store:
    """Every run so far."""

    schema: int
    runs: tuple[Ran, ...]

    def of(self, case: Case) -> list[Ran]:
        """Returns the runs of a case."""
        wanted = case.metric, case.config, case.margins
        return [run for run in self.runs if (run.metric, run.config, run.margins) == wanted]


class Lines:
    """A listener that prints a line for each launch."""

    def phase(self, name: str, total: int) -> None:
        """Prints nothing."""

    def step(self, done: int) -> None:
        """Prints nothing."""

    def pair(self, run: PairedRun) -> None:
        """Prints the launch's number and time."""
        print(f"  launch {run.pairs[-1].launch + 1}: {run.pairs[-1].seconds:.0f} s", flush=True)


def measure(runs: Path, pythons: Sequence[str], limit: int) -> None:
    """Measures up to `limit` of the runs that are missing, the first runs of all cases first.

    The whole runs stay in the folder `runs`. Raises ValueError for a run of which a launch failed.
    """
    margins = read_margins(ROOT / "baselines" / "margins.toml")
    for case, number in list(missing(read_store()))[:limit]:
        folder = runs / f"{case.config}-{case.metric.replace(' ', '-')}-{case.margins}-{number:02}"
        print(folder.name, flush=True)
        with host_lock():
            run = _measured(case, number, pythons, folder, margins)
        store, kept = read_store(), summary(run, case, number, margins)
        write_record(STORE, dataclasses.replace(store, runs=(*store.runs, kept)), replace=True)


def _measured(case: Case, number: int, pythons: Sequence[str], folder: Path, margins: Margins) -> PairedRun:
    margin = margins.of(case.metric, case.config) or 0.0
    reference, candidate = random.Random(f"{case} {number}").sample(range(len(pythons)), 2)
    slow = f"slower-by-{case.margins * margin:.3f}" if case.margins else "none"
    sides = {
        role: Side(pythons[copy], pythons[copy], {"PYTHONPATH": str(HOOK), "TFGATE_FAULT": fault})
        for role, copy, fault in ((REFERENCE, reference, "none"), (CANDIDATE, candidate, slow))
    }
    plans, warnings = paired(Plan(case.config, 1), [case.metric])

    def alone(run: PairedRun) -> PairedRun:
        return dataclasses.replace(run, only=(case.metric,))

    def wanted(run: PairedRun) -> str | None:
        return next_kind(run, paired_samples(alone(run), margins), plans)

    (folder / PAIRED_FILE).unlink(missing_ok=True)  # of a run that was interrupted
    request = PairedRequest(sides, COMMAND, pair_plans=plans, warnings=warnings, budget_minutes=BUDGET_MINUTES)
    return alone(measure_upgrade(request, keeper(folder / PAIRED_FILE), Lines(), wanted))


def summary(run: PairedRun, case: Case, number: int, margins: Margins) -> Ran:
    """Returns what is kept of a run. Raises ValueError for one of which a launch failed."""
    pairs = whole_pairs(run)
    if len(pairs) < len(run.pairs):
        raise ValueError(f"{case.config}, run {number}: a launch failed; see its {PAIRED_FILE}")
    (judged,) = (one for one in judge_paired(run, margins).comparisons if one.metric.name == case.metric)
    (sample,) = (one for one in paired_samples(run, margins) if one.metric.name == case.metric)
    record = pairs[0].reference
    return Ran(
        case.metric,
        case.config,
        case.margins,
        number,
        run.created,
        record.environment.tensorflow if record.environment else "–",
        record.machine,
        margins.of(case.metric, case.config) or 0.0,
        judged.outcome.value,
        tuple(round(value, 7) for value in sample.difference if value is not None),
        tuple(round(pair.seconds, 1) for pair in pairs),
    )


def read_store(path: Path = STORE) -> Store:
    """Returns the runs so far; none where there is no file."""
    return read_record(Store, path) if path.exists() else Store(SCHEMA, ())


def missing(store: Store) -> Iterator[tuple[Case, int]]:
    """Yields (case, number) of the runs that the store lacks; the first of every case, then the second …"""
    for number in range(max(case.runs for case in CASES)):
        for case in CASES:
            if number < case.runs and number not in {run.number for run in store.of(case)}:
                yield case, number


def document(store: Store) -> str:
    """Returns the document as committed."""
    rows = [_row(case, store.of(case)) for case in CASES if store.of(case)]
    headers = [
        *("metric", "configuration", "candidate", "measured", "margin", "runs"),
        *(outcome.value for outcome in OUTCOMES),
        *("right", "launches", "minutes"),
    ]
    hosts = {f"{run.machine.cpu_model}, {run.machine.cores} cores, {run.machine.isa}" for run in store.runs}
    versions = {f"TensorFlow {run.tensorflow}" for run in store.runs}
    asked = sum(case.runs for case in CASES)
    told = f"{len(store.runs)} of the {asked} runs that are asked for; {'; '.join(sorted(versions | hosts))}."
    return "\n".join([HEAD, told, "", tabulate(rows, headers, "github", disable_numparse=True)]) + "\n"


def _row(case: Case, runs: Sequence[Ran]) -> list[str]:
    outcomes = [run.outcome for run in runs]
    right = outcomes.count(case.expected.value)
    launches = [len(run.values) for run in runs]
    minutes = [math.fsum(run.seconds) / 60 for run in runs]
    return [
        case.metric,
        case.config,
        f"{case.margins} margins slower" if case.margins else "the same",
        _mean([value for run in runs for value in run.values]),
        ", ".join(sorted({f"{run.margin:.1%}" for run in runs})),
        str(len(runs)),
        *(str(outcomes.count(outcome.value)) for outcome in OUTCOMES),
        f"{right} of {len(runs)} ({' to '.join(f'{bound:.0%}' for bound in bounds(right, len(runs)))})",
        f"{statistics.median(launches):g} ({max(launches)})",
        f"{statistics.median(minutes):.1f} ({max(minutes):.1f})",
    ]


def bounds(count: int, of: int) -> tuple[float, float]:
    """Returns the two-sided Clopper-Pearson bounds of a rate at CONFIDENCE."""
    tail = (1 - CONFIDENCE) / 2
    low = float(special.betaincinv(count, of - count + 1, tail)) if count else 0.0
    high = float(special.betaincinv(count + 1, of - count, 1 - tail)) if count < of else 1.0
    return low, high


def _mean(values: Sequence[float]) -> str:
    return f"{statistics.fmean(values):+.2%} ± {statistics.stdev(values) / math.sqrt(len(values)):.2%}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, and prints how many runs are still missing; or writes the document."""
    parser = argparse.ArgumentParser(prog="python -m experiments.upgrades", description=__doc__)
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
    print(f"{sum(1 for _ in missing(read_store()))} runs are missing")


if __name__ == "__main__":
    main()
