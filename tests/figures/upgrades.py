"""What upgrades say of nothing and of known slowdowns: one environment on both sides, the candidate's step made slower by planted work.

python -m tests.figures.upgrades measure --python INTERPRETER measures what tests/figures/upgrade_runs.json lacks, and adds each run to it
when it is over: it can be stopped and started again. … table writes docs/error-rates-measured.md from it, and from the runs that were
measured while the side that waits was not stopped yet (tests/figures/upgrade_runs_unstopped.json).
"""

import argparse
import dataclasses
import math
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bench.commands.options import paired
from bench.drive.lock import host_lock
from bench.drive.plan import Plan
from bench.drive.upgrade import PAIRED_FILE, Scope, measure_upgrade
from bench.judge.in_turn import settled, whole_pairs
from bench.judge.margins import Margins, read_margins
from bench.judge.paired_metrics import metrics
from bench.judge.quads import quad_log_ratio
from bench.record.files import keeper, read_record, write_record
from bench.record.paired import CANDIDATE, REFERENCE, PairedRun, Side
from bench.record.types import SCHEMA, Machine
from bench.stats.outcome import Outcome
from bench.stats.sequential import LOOKS, PASSED, REGRESSED, Decision, decide, walk
from bench.stats.spread import spread
from tests.figures.error_rates import Rate

ROOT = Path(__file__).resolve().parents[2]
HOOK = ROOT / "tests" / "faults" / "hook"
RUNS = ROOT / "reports" / "upgrades"
OUTPUT = ROOT / "docs" / "error-rates-measured.md"
STORE = Path(__file__).with_name("upgrade_runs.json")
UNSTOPPED = Path(__file__).with_name("upgrade_runs_unstopped.json")
COMMAND = ("python", "-m", "tests.figures.upgrades", "measure")
STEP_TIME = "step time"
GATING = {
    STEP_TIME: "step_time",
    "mean step": "mean_step",
    "evaluation step": "evaluation_step",
    "peak memory": "peak_memory",
}  # ratios: their keys in the margins file; UNSTOPPED has no mean step
FINE_MARGIN = 0.03  # tiny is judged by it as well, from the same launches
RESAMPLES = 10_000


@dataclasses.dataclass(frozen=True)
class Launched:
    """What is kept of one launch."""

    first: str  # the side that was first
    seconds: float
    disturbed: float | None
    quads: tuple[float, ...]  # log ratios of the training steps' quads
    values: dict[str, float]  # log ratios by metric


@dataclasses.dataclass(frozen=True)
class Ran:
    """What is kept of one run."""

    config: str
    slowdown: float
    number: int
    created: str
    tensorflow: str
    machine: Machine
    launches: tuple[Launched, ...]

    def values(self, metric: str = STEP_TIME) -> list[float]:
        """A metric's log ratios by launch."""
        return [launch.values[metric] for launch in self.launches]


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
        pass

    def step(self, done: int) -> None:
        pass

    def pair(self, run: PairedRun) -> None:
        print(
            f"  {summary(run, Case('', 0, 0), 0).values()[-1]:+.4f}" if whole_pairs(run) else "  a launch failed",
            flush=True,
        )


def measure(runs: Path, python: str, limit: int, config: str) -> None:
    """Measures up to `limit` of the runs that are missing (of one configuration, or of all: ""), first runs of all cases first.

    The whole runs stay in the folder `runs`.
    """
    margins = _margins()

    def decided(run: PairedRun) -> bool:
        return settled(run, lambda pairs: metrics(pairs, margins))

    for case, number in [(case, number) for case, number in missing(read_store()) if config in ("", case.config)][
        :limit
    ]:
        folder = case.folder(runs, number)
        (folder / PAIRED_FILE).unlink(missing_ok=True)  # of a run that was interrupted
        print(folder.name, flush=True)
        slow = {"PYTHONPATH": str(HOOK), "TFGATE_FAULT": f"slower-by-{case.slowdown:.2f}" if case.slowdown else "none"}
        clean = {"PYTHONPATH": str(HOOK), "TFGATE_FAULT": "none"}
        sides = {REFERENCE: Side(python, python, clean), CANDIDATE: Side(python, python, slow)}
        scope = Scope(None, None, paired(Plan(case.config, 1)))
        with host_lock():
            run = measure_upgrade(scope, sides, COMMAND, keeper(folder / PAIRED_FILE), Lines(), decided)
        store = read_store()
        write_record(STORE, dataclasses.replace(store, runs=(*store.runs, summary(run, case, number))), replace=True)


def summary(run: PairedRun, case: Case, number: int) -> Ran:
    """What is kept of a run. Raises ValueError for a run of which a launch failed: nothing was planted that could do that."""
    pairs = whole_pairs(run)
    if len(pairs) < len(run.pairs):
        raise ValueError(f"{case.config}, run {number}: a launch failed; see its {PAIRED_FILE}")
    values = {metric.name: metric.values(pairs) for metric in metrics(pairs, _margins())}
    launches = tuple(
        Launched(
            pair.first,
            round(pair.seconds, 1),
            pair.disturbed,
            tuple(round(quad_log_ratio(quad), 6) for quad in pair.steps),
            {name: round(found[index], 6) for name, found in values.items()},
        )
        for index, pair in enumerate(pairs)
    )
    record = pairs[0].reference
    tensorflow = record.environment.tensorflow if record.environment else "–"
    return Ran(case.config, case.slowdown, number, run.created, tensorflow, record.machine, launches)


def read_store(path: Path = STORE) -> Store:
    """The runs so far; none where there is no file."""
    return read_record(Store, path) if path.exists() else Store(SCHEMA, ())


def missing(store: Store) -> Iterator[tuple[Case, int]]:
    """(case, number) of the runs that the store lacks; the first of every case, then the second …"""
    there = {(run.config, run.slowdown, run.number) for run in store.runs}
    for number in range(max(case.runs for case in CASES)):
        for case in CASES:
            if number < case.runs and (case.config, case.slowdown, number) not in there:
                yield case, number


def document(store: Store, unstopped: Store) -> str:
    """What is written: the runs of today's measurement, then those of the earlier one."""
    parts = [HEAD, *([table(store)] if store.runs else []), *([BEFORE + table(unstopped)] if unstopped.runs else [])]
    return "\n".join(parts)


def table(store: Store) -> str:
    """The tables of one way to measure, from the runs that are there."""
    found = {
        case: [run for run in store.runs if (run.config, run.slowdown) == (case.config, case.slowdown)]
        for case in CASES
    }
    rows = [_row(case, found[case], margin) for case in CASES for margin in _step_margins(case) if found[case]]
    header = "| configuration | candidate's step | margin | runs | PASS | REGRESSION | CANNOT JUDGE | any | bound | launches | minutes |"
    whole_header = "| configuration | candidate's step | runs | PASS | REGRESSION | CANNOT JUDGE | launches | minutes |"
    machines = {f"{run.machine.cpu_model}, {run.machine.cores} cores, {run.machine.isa}" for run in store.runs}
    return TEXT.format(
        table="\n".join([header, "|" + " --- |" * 11, *rows]),
        whole="\n".join(
            [whole_header, "|" + " --- |" * 8, *(_whole(found[case], case) for case in CASES if found[case])]
        ),
        budget=_budget([value for run in found[CASES[0]] for value in run.values()]) if found[CASES[0]] else "none.",
        bias="\n".join(_bias(runs, case.config) for case, runs in found.items() if runs and not case.slowdown),
        tensorflow=", ".join(sorted({run.tensorflow for run in store.runs})),
        machine="; ".join(sorted(machines)),
        asked=sum(case.runs for case in CASES),
        there=len(store.runs),
    )


HEAD = """# What upgrades say of nothing and of known slowdowns, measured

Made by `python -m tests.figures.upgrades measure` and `… table`: one environment on both sides, the candidate's step made slower by busy
work inside TensorFlow's own call of it, of which the judge knows nothing.

Outcomes are the step time's; "any" counts the runs in which any gating metric is a REGRESSION. The bound is Clopper and Pearson's,
one-sided 95%: of slowdowns well beyond the margin how often at least they are caught, of all others how often at most they alarm. Launches
and minutes are those to the step time's verdict: median (largest). Between nothing and the margin no verdict is asked for: CANNOT JUDGE is
right there, and so is a PASS that is proven; beyond the margin a PASS is a miss. Whole runs, speed only, end when every gating metric
has its verdict, at the first REGRESSION, or after twelve launches.
"""
BEFORE = """## Before the side that waits was stopped

Since these runs were measured the side that waits is stopped ([upgrades](upgrade.md#blocks-and-what-else-was-tried)), and the mean step
gates as well.

"""
TEXT = """{there} of the {asked} runs that were asked for; TensorFlow {tensorflow}; {machine}.

{table}

Whole runs:

{whole}

The rows of the 3% margin judge the same launches. Measuring ended with the verdict at the usual margin, so these are often too few:
{budget}

Launches with nothing changed, pooled:

{bias}
"""


def _row(case: Case, runs: Sequence[Ran], margin: float) -> str:
    decisions = [_decision(run, margin) for run in runs]
    outcomes = [decision.outcome for decision in decisions]
    caught = outcomes.count(Outcome.REGRESSION)
    rate = Rate(caught, len(runs))
    beyond = math.log1p(case.slowdown) > 1.5 * math.log1p(margin)
    launches = [decision.launches for decision in decisions]
    minutes = [
        math.fsum(launch.seconds for launch in run.launches[:count]) / 60
        for run, count in zip(runs, launches, strict=True)
    ]
    cells = [
        case.config,
        f"+{case.slowdown:.0%}" if case.slowdown else "the same",
        f"{margin:.0%}",
        str(len(runs)),
        str(outcomes.count(Outcome.PASS)),
        str(caught),
        str(outcomes.count(Outcome.CANNOT_JUDGE)),
        str(sum(Outcome.REGRESSION in _outcomes(run, margin) for run in runs)),
        f"caught ≥ {rate.bound(upper=False):.0%}" if beyond else f"alarms ≤ {rate.bound(upper=True):.0%}",
        f"{statistics.median(launches):g} ({max(launches)})",
        f"{statistics.median(minutes):.1f} ({max(minutes):.1f})",
    ]
    return "| " + " | ".join(cells) + " |"


def _budget(values: Sequence[float]) -> str:
    """What twelve launches would decide at the fine margin: resampled from launches with nothing changed, and the same made slower."""
    pool = np.array(values) - statistics.fmean(values)
    drawn = np.random.default_rng(0).choice(pool, (RESAMPLES, LOOKS[-1]))
    lines = []
    for slowdown in (0.0, 0.02, 0.05, 0.10):
        walked = walk(drawn + math.log1p(slowdown), math.log1p(FINE_MARGIN))
        shares = [
            f"{(walked.codes == code).mean():.1%} {name}"
            for code, name in ((PASSED, "PASS"), (REGRESSED, "REGRESSION"))
        ]
        step = f"+{slowdown:.0%}" if slowdown else "the same"
        lines.append(f"- step {step}: {', '.join(shares)}; launches: median {np.median(walked.launches):g}")
    head = f"resampled from the {len(values)} launches of `tiny` with nothing changed, up to {LOOKS[-1]} launches at {FINE_MARGIN:.0%} give"
    return "\n".join([head, "", *lines])


def _bias(runs: Sequence[Ran], config: str) -> str:
    """What launches with nothing changed say of the roles, and how far launches and quads spread."""
    launches = [launch for run in runs for launch in run.launches]
    values = [launch.values[STEP_TIME] for launch in launches]
    first = [value if launch.first == CANDIDATE else -value for launch, value in zip(launches, values, strict=True)]
    parts = spread([launch.quads for launch in launches])
    assert parts is not None
    return (
        f"- `{config}`, {len(values)} launches: candidate against reference {_estimate(values)}, the side that is first against the other "
        f"{_estimate(first)}. Standard deviation between launches {parts.summary_deviation:.2%} (the launch's own "
        f"{parts.launch_deviation:.2%}), between quads of a launch {parts.quad_deviation:.2%}."
    )


def _estimate(values: Sequence[float]) -> str:
    return f"{statistics.fmean(values):+.2%} ± {statistics.stdev(values) / math.sqrt(len(values)):.2%}"


def _decision(run: Ran, margin: float) -> Decision:
    decision = decide(run.values(), math.log1p(margin))
    if decision is None:
        raise ValueError(
            f"run {run.number} of {run.config} ended before the first look: take it out of {STORE.name} and measure again"
        )
    return decision


def _whole(runs: Sequence[Ran], case: Case) -> str:
    """A row of the table of whole runs: their verdicts, and what they took."""
    outcomes = [_verdict(_outcomes(run, _step_margins(case)[0])) for run in runs]
    minutes = [math.fsum(launch.seconds for launch in run.launches) / 60 for run in runs]
    launches = [len(run.launches) for run in runs]
    cells = [
        case.config,
        f"+{case.slowdown:.0%}" if case.slowdown else "the same",
        str(len(runs)),
        *(str(outcomes.count(outcome)) for outcome in (Outcome.PASS, Outcome.REGRESSION, Outcome.CANNOT_JUDGE)),
        f"{statistics.median(launches):g} ({max(launches)})",
        f"{statistics.median(minutes):.1f} ({max(minutes):.1f})",
    ]
    return "| " + " | ".join(cells) + " |"


def _verdict(outcomes: Sequence[Outcome | None]) -> Outcome:
    """A run's, from its gating metrics'; None is a metric without a look."""
    if Outcome.REGRESSION in outcomes:
        return Outcome.REGRESSION
    return Outcome.PASS if set(outcomes) == {Outcome.PASS} else Outcome.CANNOT_JUDGE


def _outcomes(run: Ran, margin: float) -> list[Outcome | None]:
    """Every gating metric's."""
    margins = _margins(margin)
    ratios = {name: math.log1p(margins.paired[key]) for name, key in GATING.items() if name in run.launches[0].values}
    decisions = [decide(run.values(name), limit) for name, limit in ratios.items()]
    if any(run.values("perplexity")):  # of equal numbers nothing else is to be said than that they are
        decisions.append(decide(run.values("perplexity"), math.log1p(margins.perplexity[run.config]), two_sided=True))
    decisions.append(decide(run.values("memory growth"), margins.memory_growth_bytes[run.config]))
    return [decision.outcome if decision else None for decision in decisions]


def _step_margins(case: Case) -> list[float]:
    usual = _margins().paired["step_time"]
    return [usual, FINE_MARGIN] if case.config == "tiny" else [usual]


def _margins(step_time: float | None = None) -> Margins:
    margins = read_margins(ROOT / "baselines" / "margins.toml")
    return dataclasses.replace(margins, paired={**margins.paired, "step_time": step_time}) if step_time else margins


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, or writes the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.figures.upgrades", description=__doc__)
    parser.add_argument("what", choices=("measure", "table"))
    parser.add_argument("--python", default=sys.executable, metavar="INTERPRETER")
    parser.add_argument("--runs", type=Path, default=RUNS, metavar="DIR")
    parser.add_argument("--limit", type=int, default=1000, metavar="N", help="measure at most N runs now")
    parser.add_argument("--config", default="", metavar="NAME", help="measure runs of one configuration alone")
    options = parser.parse_args(arguments)
    if options.what == "measure":
        measure(options.runs, options.python, options.limit, options.config)
        print(f"{sum(1 for _ in missing(read_store()))} runs are missing")
    else:
        OUTPUT.write_text(document(read_store(), read_store(UNSTOPPED)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
