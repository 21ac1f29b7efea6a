"""The parts of the page that say what was measured; the page has the rest."""

import collections
import datetime
import itertools
import math
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.judge.metrics import MEMORY_GROWTH, ONE_CORE_STEP_TIME, PEAK_MEMORY, STEP_TIME
from bench.report.values import Count
from bench.stats.outcome import Outcome
from experiments.markdown import folded, paragraph, table
from experiments.rate import TWO_SIDED, Rate
from experiments.rates.cells import BOUNDED, CELLS, PROMISED, Cell, copies
from experiments.rates.predictions import RUNS, Curve, Predictions, told
from experiments.rates.store import Judged, Ran, Store

OUTPUT = Path(__file__).resolve().parents[2] / "docs" / "error-rates-measured.md"
OUTCOMES = (Outcome.PASS, Outcome.REGRESSION, Outcome.INCONCLUSIVE)
JUDGED = ("everything", "one metric")
CHANGED = {0: "Nothing changed", 1: "One margin worse", 2: "Two margins worse"}
# The last change of margins, but for notebook's on one core, whose runs are all by the margin of 2026-12-01; that of
# launches was at 01:00, garbage before a trace.
PROTOCOL = "2026-11-29T05:25:00+00:00"
MOMENT = f"{datetime.datetime.fromisoformat(PROTOCOL):%Y-%m-%d %H:%M}"


def made(store: Store, predictions: Predictions) -> dict[str, str]:
    """Returns what is filled into the page, by place."""
    whole = [cell for cell in CELLS if not (cell.metric or cell.releases)]
    between = [cell for cell in CELLS if cell.releases and store.of(cell)]
    return {
        "runs": _told(store),
        "nothing changed": _rows(store, whole, predictions),
        "a known change": _rows(store, [cell for cell in CELLS if cell.metric], predictions),
        "at one margin": _at_margin(predictions),
        "between two releases": table([_found(cell, store.of(cell)[0]) for cell in between]),
    }


def _told(store: Store) -> str:
    """Returns since when the protocol is today's, how many runs there are, where they ran, and their totals."""
    since = paragraph(
        f"Today's protocol is that since {MOMENT} UTC, when margins changed. That of `notebook` on one core changed "
        "later, on 2026-12-01, and all its runs are newer."
    )
    hosts = {f"{run.machine.cpu_model}, {run.machine.cores} cores, {run.machine.isa}" for run in store.runs}
    asked, versions = sum(cell.runs for cell in CELLS), {f"TensorFlow {run.tensorflow}" for run in store.runs}
    hours = math.fsum(second for run in store.runs for second in run.seconds) / 3600
    told = f"{len(store.runs)} of the {asked} runs that are asked for, so far: {hours:.1f} hours of launches"
    lines = "\n".join(_totals(store))
    return "\n\n".join([since, paragraph(f"{told}; {'; '.join(sorted(versions | hosts))}."), lines])


def _totals(store: Store) -> Iterator[str]:
    """Yields a line for each size of change, apart for runs that judge everything and one metric: the runs of all its
    cells by outcome, and what was promised of them; and one for the runs towards a bound of false alarms.
    """
    for (margins, promised), judged in itertools.product(PROMISED.items(), JUDGED):
        cells = [cell for cell in copies(margins) if JUDGED[bool(cell.metric)] == judged]
        outcomes = [run.outcome for cell in cells for run in store.of(cell)]
        if outcomes:
            counts = ", ".join(f"{one.value} {_rate(one, outcomes)}" for one in OUTCOMES)
            limits = ", ".join(f"{one.value} ≤ {share:.1%}" for one, share in promised.items())
            yield folded(f"- {CHANGED[margins]}, {Count(len(outcomes)):run} of {judged}: {counts}; promised: {limits}.")
    same = [run for cell in copies(0) for run in store.of(cell)]
    for host in sorted({run.host for run in same}):
        of_host = collections.Counter(run.outcome for run in same if run.host == host)
        counts = ", ".join(f"{one.value} {of_host[one.value]}" for one in OUTCOMES)
        yield folded(f"- {CHANGED[0]}, {Count(of_host.total()):run} on {host}: {counts}.")
    towards = f"{_todays(store.of(BOUNDED))} of {BOUNDED.runs} runs of today's protocol with nothing changed"
    bound = "That many without a false alarm bound its rate at 1% (one-sided, 95%)"
    yield folded(f"- `{BOUNDED.command}`: {towards}. {bound}; [the nightly](ci-here.md#the-nightly) measures some.")


def _rows(store: Store, cells: Sequence[Cell], predictions: Predictions) -> str:
    return table([_row(cell, runs, predictions) for cell in cells if (runs := store.of(cell))])


def _row(cell: Cell, runs: Sequence[Ran], predictions: Predictions) -> dict[str, str]:
    """Returns a cell's columns: where a metric is changed, also by how much, and how often runs were right."""
    outcomes = [run.outcome for run in runs]
    launches = [len(run.seconds) for run in runs]
    minutes = [math.fsum(run.seconds) / 60 for run in runs]
    return {
        "`upgrade` with": f"`{cell.command}`",
        **(_changed(cell, runs) if cell.metric else {}),
        "runs": str(len(runs)),
        "today's": str(_todays(runs)),
        **{outcome.value: str(outcomes.count(outcome.value)) for outcome in OUTCOMES},
        **(_rates(cell, outcomes, predictions) if cell.metric else {}),
        "launches": f"{statistics.median(launches):g} ({max(launches)})",
        "minutes": f"{statistics.median(minutes):.1f} ({max(minutes):.1f})",
        "host": _hosts(runs),
    }


def _changed(cell: Cell, runs: Sequence[Ran]) -> dict[str, str]:
    """Returns by how much the cell's metric was changed, and by how much launches say that it was."""
    judged = [one for run in runs if (one := run.of(cell.metric))]
    change = cell.change(next((one.margin for one in judged if one.margin), 0.0))
    linear = cell.metric == MEMORY_GROWTH
    by = f"{change:.0f} bytes a step" if linear else f"{change:.1%}"
    measured = _mean([one.values for one in judged if one.values], linear)
    return {"changed by": by if cell.margins else "nothing", "measured": measured}


def _rates(cell: Cell, outcomes: Sequence[str], predictions: Predictions) -> dict[str, str]:
    """Returns how often a cell's runs were right and wrong, and what was predicted of them."""
    right = _rate(cell.right, outcomes) if cell.right else "–"
    wrong = ", ".join(f"{one.value} {_rate(one, outcomes)}" for one in cell.wrong)
    return {"right": right, "wrong": wrong, "predicted": _predicted(cell, predictions)}


def _todays(runs: Sequence[Ran]) -> int:
    return sum(run.created >= PROTOCOL for run in runs)


def _hosts(runs: Sequence[Ran]) -> str:
    """Returns the processors, each with its number of runs where there are several."""
    counts = collections.Counter(run.machine.cpu_model for run in runs)
    return ", ".join(f"{host} ({count})" if len(counts) > 1 else host for host, count in counts.items())


def _predicted(cell: Cell, predictions: Predictions) -> str:
    """Returns what is predicted of the right outcome, or at one margin of the wrong ones: PASS 1% to 4%."""
    point, outcomes = predictions.of(cell), [cell.right] if cell.right else list(cell.wrong)
    return ", ".join(f"{one.value} {told(point.shares[one.value])}" for one in outcomes) if point else "–"


def _rate(outcome: Outcome, outcomes: Sequence[str]) -> str:
    rate = Rate(outcomes.count(outcome.value), len(outcomes))
    low, high = (rate.told(upper=upper, digits=0, level=TWO_SIDED) for upper in (False, True))
    return f"{rate.count} ({low} to {high})"


def _found(cell: Cell, run: Ran) -> dict[str, str]:
    """Returns the row of two releases."""
    return {
        "`upgrade` with": f"`{cell.command}`",
        "releases": " → ".join(cell.releases or ()),
        "verdict": run.outcome,
        **{metric: _change(run.of(metric)) for metric in (ONE_CORE_STEP_TIME, STEP_TIME, PEAK_MEMORY)},
        "day": run.created[:10],
        "host": _hosts([run]),
    }


def _change(judged: Judged | None) -> str:
    if judged is None or not judged.values:
        return "–"
    said = "" if judged.outcome == Outcome.PASS.value else f" {judged.outcome}"
    return f"{math.expm1(statistics.fmean(judged.values)):+.1%}{said}"


def _at_margin(predictions: Predictions) -> str:
    """Returns a row for each metric: its noise, and the verdicts on a change of one margin, with the estimate of what
    runs share and with its bound; then what they show.
    """
    rows = [
        {
            "metric": f"{curve.metric}, {curve.config}",
            "launches deviate by": _within(curve),
            "besides, runs deviate by": _between(curve),
            **{outcome.value: told(point.shares[outcome.value], digits=1) for outcome in PROMISED[1]},
            **{
                f"{outcome.value} by the bound": told(curve.at_most.shares[outcome.value], 1) if curve.at_most else "–"
                for outcome in PROMISED[1]
            },
        }
        for curve in predictions.curves
        for point in curve.points
        if point.size == 1
    ]
    return f"{table(rows)}\n\n{paragraph(_exceeded(predictions))}"


def _exceeded(predictions: Predictions) -> str:
    """Returns in how many rows more of the simulated runs are wrong than is promised, by the kind of noise."""
    points = [point for curve in predictions.curves for point in curve.points if point.size == 1]
    found = []
    for outcome, promised in PROMISED[1].items():
        shares = [(kind, share) for point in points for kind, share in point.shares[outcome.value].items()]
        above = collections.Counter(kind for kind, share in shares if share > promised)
        alike = {count: [kind for kind in above if above[kind] == count] for count in sorted({*above.values()})}
        rows = " and ".join(f"{count} of {len(points)} rows of {', '.join(alike[count])} noise" for count in alike)
        worst = max((share for _, share in shares), default=0.0)
        error = math.sqrt(worst * (1 - worst) / RUNS)
        most = f"the most is {worst:.1%}, with a standard error of {error:.1%}"
        found.append(f"{outcome.value} is above the promised {promised:.1%} in {rows or 'no row'} ({most}).")
    return f"Of {RUNS:,} simulated runs of each kind of noise, {' '.join(found)}"


def _within(curve: Curve) -> str:
    """Returns by how much launches deviate, of several hosts also on each: 1.20% (AMD EPYC avx2 1.88%, …)."""
    told = _deviation(curve.noise.launch_deviation, curve.metric)
    hosts = [f"{host} {_deviation(value, curve.metric)}" for host, value in curve.by_host.items()]
    return f"{told} ({', '.join(hosts)})" if len(hosts) > 1 else told


def _between(curve: Curve) -> str:
    """Returns by how much runs deviate besides, and the bound: 0.04% (≤ 0.12%)."""
    if not (between := curve.between_runs):
        return "–"
    bound = f"≤ {_deviation(between.at_most, curve.metric)}" if between.at_most else "–"
    return f"{_deviation(between.estimate, curve.metric)} ({bound})"


def _deviation(value: float, metric: str) -> str:
    return f"{value:.0f} bytes a step" if metric == MEMORY_GROWTH else f"{value:.2%}"


def bounds(count: int, of: int) -> tuple[float, float]:
    """Returns the two-sided Clopper-Pearson bounds of a rate at CONFIDENCE."""
    rate = Rate(count, of)
    return rate.bound(upper=False, level=TWO_SIDED), rate.bound(upper=True, level=TWO_SIDED)


def _mean(runs: Sequence[Sequence[float]], linear: bool) -> str:
    """Returns the mean of all launches, and of several runs its standard error; of logarithms, those of the ratio.

    Launches of a run share an effect, so runs are what differs by chance: the error is that of a mean of clusters, by
    the sums of what their launches are off (https://en.wikipedia.org/wiki/Clustered_standard_errors).
    """
    launches = [value for run in runs for value in run]
    if not launches:
        return "–"
    mean, count = statistics.fmean(launches), len(runs)
    off = math.fsum(math.fsum(value - mean for value in run) ** 2 for run in runs)
    error = math.sqrt(count / (count - 1) * off) / len(launches) if count > 1 else None
    if linear:
        return f"{mean:+.0f}" + (f" ± {error:.0f}" if error is not None else "")
    return f"{math.expm1(mean):+.2%}" + (f" ± {math.exp(mean) * error:.2%}" if error is not None else "")
