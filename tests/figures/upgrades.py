"""What upgrades say of nothing and of known slowdowns: one environment on both sides, the candidate's step made slower by planted work.

`python -m tests.figures.upgrades measure --python INTERPRETER` measures what is missing in the folder of runs; it can be stopped and
started again. `python -m tests.figures.upgrades table` writes docs/error-rates-measured.md from them.
"""

import argparse
import dataclasses
import math
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bench.drive.launch import Plan
from bench.drive.lock import host_lock
from bench.drive.pair import BLOCKS, PairPlan
from bench.drive.upgrade import PAIRED_FILE, Scope, measure_upgrade
from bench.judge.margins import Margins, read_margins
from bench.judge.paired import settled, whole_pairs
from bench.judge.paired_metrics import metrics
from bench.judge.quads import quad_log_ratio, spread
from bench.judge.sequential import LOOKS, PASSED, REGRESSED, Decision, decide, walk
from bench.judge.types import Outcome
from bench.record.files import read_record
from bench.record.paired import CANDIDATE, REFERENCE, PairedRun, Side
from bench.record.types import INCOMPLETE
from tests.figures.error_rates import Rate

ROOT = Path(__file__).resolve().parents[2]
HOOK = ROOT / "tests" / "faults" / "hook"
RUNS = ROOT / "reports" / "upgrades"
OUTPUT = ROOT / "docs" / "error-rates-measured.md"
FINE_MARGIN = 0.03  # tiny is judged by it as well, from the same launches
RESAMPLES = 10_000


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


class Silent:
    """A listener that prints a line for each launch."""

    def phase(self, name: str, total: int) -> None:
        pass

    def step(self, done: int) -> None:
        pass

    def pair(self, run: PairedRun) -> None:
        values = step_values(run)
        print(f"  launch {len(run.pairs)}: {values[-1]:+.4f}" if values else "  a launch failed", flush=True)


def measure(runs: Path, python: str, limit: int) -> None:
    """Measures up to `limit` of the runs that are missing, first runs of all cases first."""
    margins = _margins()
    for case, number in list(missing(runs))[:limit]:
        folder = case.folder(runs, number)
        (folder / PAIRED_FILE).unlink(missing_ok=True)  # of a run that was interrupted
        print(folder.name, flush=True)
        slow = {"PYTHONPATH": str(HOOK), "TFGATE_FAULT": f"slower-by-{case.slowdown:.2f}" if case.slowdown else "none"}
        clean = {"PYTHONPATH": str(HOOK), "TFGATE_FAULT": "none"}
        sides = {REFERENCE: Side(python, python, clean), CANDIDATE: Side(python, python, slow)}
        scope = Scope(None, None, PairPlan.of(Plan(case.config, 1), BLOCKS[case.config]))
        with host_lock():
            measure_upgrade(
                scope, sides, folder, ("python", "-m", "tests.figures.upgrades", "measure"), Silent(), lambda run: settled(run, margins)
            )


def missing(runs: Path) -> Iterator[tuple[Case, int]]:
    """(case, number) of the runs that aren't there or weren't finished; the first of every case, then the second …"""
    for number in range(max(case.runs for case in CASES)):
        for case in CASES:
            if number < case.runs and not _complete(case.folder(runs, number)):
                yield case, number


def step_values(run: PairedRun, metric: str = "step time") -> list[float]:
    """A metric's log ratios by launch."""
    pairs = whole_pairs(run)
    return next(found.values(pairs) for found in metrics(pairs, _margins()) if found.name == metric) if pairs else []


def table(runs: Path) -> str:
    """The document, from the runs that are there."""
    found = {case: [read_record(PairedRun, path / PAIRED_FILE) for path in _folders(case, runs)] for case in CASES}
    rows = [_row(case, found[case], margin) for case in CASES for margin in _step_margins(case) if found[case]]
    header = "| configuration | candidate's step | margin | runs | PASS | REGRESSION | CANNOT JUDGE | any | bound | launches | minutes |"
    record = next(run.pairs[0].reference for measured in found.values() for run in measured)
    return TEXT.format(
        table="\n".join([header, "|" + " --- |" * 11, *rows]),
        budget=_budget([value for run in found[CASES[0]] for value in step_values(run)]),
        bias="\n".join(_bias(measured, case.config) for case, measured in found.items() if measured and not case.slowdown),
        tensorflow=record.environment.tensorflow if record.environment else "–",
        machine=f"{record.machine.cpu_model}, {record.machine.cores} cores, {record.machine.isa}",
    )


TEXT = """# What upgrades say of nothing and of known slowdowns, measured

Made by `python -m tests.figures.upgrades measure` and `… table`: one environment (TensorFlow {tensorflow}) on both sides, the candidate's
step made slower by busy work inside TensorFlow's own call of it, of which the judge knows nothing. The machine: {machine}.

Outcomes are the step time's; "any" counts the runs in which any gating metric is a REGRESSION. The bound is Clopper and Pearson's,
one-sided 95%: of slowdowns well beyond the margin how often at least they are caught, of all others how often at most they alarm. Launches
and minutes are those to the step time's verdict: median (largest). Between nothing and the margin no verdict is asked for: CANNOT JUDGE is
right there, and so is a PASS that is proven; beyond the margin a PASS is a miss.

{table}

The rows of the 3% margin judge the same launches. Measuring ended with the verdict at the usual margin, so these are often too few:
{budget}

## Launches with nothing changed, pooled

{bias}
"""


def _row(case: Case, runs: Sequence[PairedRun], margin: float) -> str:
    decisions = [_decision(run, margin) for run in runs]
    outcomes = [decision.outcome for decision in decisions]
    caught = outcomes.count(Outcome.REGRESSION)
    rate = Rate(caught, len(runs))
    beyond = math.log1p(case.slowdown) > 1.5 * math.log1p(margin)
    launches = [decision.launches for decision in decisions]
    minutes = [math.fsum(pair.seconds for pair in run.pairs[:count]) / 60 for run, count in zip(runs, launches, strict=True)]
    cells = [
        case.config,
        f"+{case.slowdown:.0%}" if case.slowdown else "the same",
        f"{margin:.0%}",
        str(len(runs)),
        str(outcomes.count(Outcome.PASS)),
        str(caught),
        str(outcomes.count(Outcome.CANNOT_JUDGE)),
        str(sum(_alarms(run, margin) for run in runs)),
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
        shares = [f"{(walked.codes == code).mean():.1%} {name}" for code, name in ((PASSED, "PASS"), (REGRESSED, "REGRESSION"))]
        step = f"+{slowdown:.0%}" if slowdown else "the same"
        lines.append(f"- step {step}: {', '.join(shares)}; launches: median {np.median(walked.launches):g}")
    head = f"resampled from the {len(values)} launches of `tiny` with nothing changed, up to {LOOKS[-1]} launches at {FINE_MARGIN:.0%} give"
    return "\n".join([head, "", *lines])


def _bias(runs: Sequence[PairedRun], config: str) -> str:
    """What launches with nothing changed say of the roles, and how far launches and quads spread."""
    pairs = [pair for run in runs for pair in whole_pairs(run)]
    values = [value for run in runs for value in step_values(run)]
    first = [value if pair.first == CANDIDATE else -value for pair, value in zip(pairs, values, strict=True)]
    parts = spread([[quad_log_ratio(quad) for quad in pair.steps] for pair in pairs])
    assert parts is not None
    return (
        f"- `{config}`, {len(values)} launches: candidate against reference {_estimate(values)}, the side that is first against the other "
        f"{_estimate(first)}. Standard deviation between launches {parts.summary_deviation:.2%} (the launch's own "
        f"{parts.launch_deviation:.2%}), between quads of a launch {parts.quad_deviation:.2%}."
    )


def _estimate(values: Sequence[float]) -> str:
    return f"{statistics.fmean(values):+.2%} ± {statistics.stdev(values) / math.sqrt(len(values)):.2%}"


def _decision(run: PairedRun, margin: float) -> Decision:
    decision = decide(step_values(run), math.log1p(margin))
    assert decision is not None, "a run without a first look: measure it again"
    return decision


def _alarms(run: PairedRun, margin: float) -> bool:
    pairs = whole_pairs(run)
    decisions = (
        decide(metric.values(pairs), metric.margin, two_sided=metric.two_sided)
        for metric in metrics(pairs, _margins(margin))
        if metric.margin
    )
    return any(decision and decision.outcome is Outcome.REGRESSION for decision in decisions)


def _step_margins(case: Case) -> list[float]:
    usual = _margins().paired["step_time"]
    return [usual, FINE_MARGIN] if case.config == "tiny" else [usual]


def _margins(step_time: float | None = None) -> Margins:
    margins = read_margins(ROOT / "baselines" / "margins.toml")
    return dataclasses.replace(margins, paired={**margins.paired, "step_time": step_time}) if step_time else margins


def _folders(case: Case, runs: Path) -> list[Path]:
    return [folder for number in range(case.runs) if _complete(folder := case.folder(runs, number))]


def _complete(folder: Path) -> bool:
    path = folder / PAIRED_FILE
    return path.exists() and not any(warning.startswith(INCOMPLETE) for warning in read_record(PairedRun, path).warnings)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, or writes the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.figures.upgrades", description=__doc__)
    parser.add_argument("what", choices=("measure", "table"))
    parser.add_argument("--python", default=sys.executable, metavar="INTERPRETER")
    parser.add_argument("--runs", type=Path, default=RUNS, metavar="DIR")
    parser.add_argument("--limit", type=int, default=1000, metavar="N", help="measure at most N runs now")
    options = parser.parse_args(arguments)
    if options.what == "measure":
        measure(options.runs, options.python, options.limit)
        print(f"{sum(1 for _ in missing(options.runs))} runs are missing")
    else:
        OUTPUT.write_text(table(options.runs), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
