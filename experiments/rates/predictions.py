"""The verdicts that the simulation predicts where one metric is judged, with the noise of the launches measured there.

Where measured verdicts depart from them, the simulation (docs/error-rates.md) leaves out something that launches do.
Kept in experiments/data/predictions.json: a minute of simulation.
"""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy import stats

from bench.judge.metrics import MEMORY_GROWTH
from bench.record.files import read_record
from bench.record.types import SCHEMA
from bench.stats.intervals import components
from bench.stats.sequential import LOOKS, OUTCOMES, PASS_LAUNCHES
from experiments.error_rates import judge, plans
from experiments.noise import LaunchNoise, kinds, shape_of
from experiments.rate import CONFIDENCE
from experiments.rates.cells import CELLS, Cell
from experiments.rates.store import Judged, Store

FILE = Path(__file__).parents[1] / "data" / "predictions.json"
RUNS = 2000  # of each kind of noise
SIZES = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)  # of changes, in margins
ENOUGH = 2 * LOOKS[0]  # launches that tell a noise

Shares = dict[str, float]  # of runs, by the kind of noise
Launches = Sequence[Sequence[float]]  # differences by run


@dataclasses.dataclass(frozen=True)
class Point:
    """The verdicts on a change of one size."""

    size: float  # of the change, in margins
    shares: dict[str, Shares]  # by outcome


@dataclasses.dataclass(frozen=True)
class Between:
    """The deviation of runs' means beyond what their launches explain, which no run sees: copies may differ."""

    estimate: float
    at_most: float | None  # one-sided 95% bound; None where means lie closer together than their launches explain


@dataclasses.dataclass(frozen=True)
class Curve:
    """One metric of one configuration."""

    metric: str
    config: str
    noise: LaunchNoise
    by_host: dict[str, float]  # the deviation of launches within runs, which the noise pools
    between_runs: Between | None  # over the cells of exact changes, or else all; None where none has two runs
    margin: float  # as the noise: of logarithms, or in the metric's unit
    points: tuple[Point, ...]  # of SIZES
    at_most: Point | None  # of one margin, where runs deviate by as much as their bound
    cells: dict[str, Point]  # by Cell.key, of the size that was measured and its own deviation between runs


@dataclasses.dataclass(frozen=True)
class Predictions:
    """All curves."""

    schema: int
    curves: tuple[Curve, ...]

    def of(self, cell: Cell) -> Point | None:
        """Returns what is predicted for a cell; None where too little was measured."""
        return next((curve.cells[cell.key] for curve in self.curves if cell.key in curve.cells), None)


def read_predictions() -> Predictions:
    """Returns the predictions that are kept; none where there is no file."""
    return read_record(Predictions, FILE) if FILE.exists() else Predictions(SCHEMA, ())


def predicted(store: Store, cells: Sequence[Cell] = CELLS) -> Predictions:
    """Simulates every metric that was judged alone and of which enough was measured."""
    return Predictions(SCHEMA, tuple(_curves(store, cells)))


def _curves(store: Store, cells: Sequence[Cell]) -> Iterator[Curve]:
    for metric, config in dict.fromkeys((cell.metric, cell.config) for cell in cells if cell.metric):
        mine = [cell for cell in cells if (cell.metric, cell.config) == (metric, config)]
        measured = {cell.key: runs for cell in mine if (runs := launches_of(store, cell, metric))}
        if sum(len(run) for runs in measured.values() for run in runs) < ENOUGH:
            continue
        margin = margin_of(store, next(cell for cell in mine if cell.key in measured))
        noise = noise_of(list(measured.values()))
        exact = [
            launches_of(store, cell, metric)
            for cell in cells
            if cell.is_exact and (cell in mine or cell.command == f"--config {config}")
        ]
        between = between_runs(exact) or between_runs(list(measured.values()))
        deviation = between.estimate if between else 0.0
        points = tuple(simulated(noise, deviation, size, margin) for size in SIZES)
        at_most = simulated(noise, between.at_most, 1.0, margin) if between and between.at_most else None
        at = {key: _as_measured(noise, runs, margin) for key, runs in measured.items()}
        by_host = deviations([(run.host, run.of(metric)) for cell in mine for run in store.of(cell)])
        yield Curve(metric, config, noise, by_host, between, margin, points, at_most, at)


def _as_measured(noise: LaunchNoise, runs: Launches, margin: float) -> Point:
    """Returns the verdicts on a change of a cell's measured size, with its own deviation between runs."""
    between = between_runs([runs])
    return simulated(noise, between.estimate if between else 0.0, float(np.mean(np.concatenate(runs))) / margin, margin)


def launches_of(store: Store, cell: Cell, metric: str) -> Launches:
    """Returns the differences of the launches in a metric, run by run; a run of which all failed has none."""
    return [judged.values for run in store.of(cell) if (judged := run.of(metric)) and judged.values]


def deviations(judged: Sequence[tuple[str, Judged | None]]) -> dict[str, float]:
    """Returns how launches deviate within runs, by host. `judged`: the host of each run, and what it judged."""
    found: dict[str, list[tuple[float, ...]]] = {}
    for host, one in judged:
        if one and len(one.values) > 1:
            found.setdefault(host, []).append(one.values)
    return {host: math.sqrt(components(found[host]).within) for host in sorted(found)}


def margin_of(store: Store, cell: Cell) -> float:
    """Returns the margin of the newest run, on the scale of the launches' differences."""
    (*_, judged) = [judged for run in store.of(cell) if (judged := run.of(cell.metric))]
    margin = judged.margin or 0.0
    return margin if cell.metric == MEMORY_GROWTH else math.log1p(margin)


def between_runs(cells: Sequence[Launches]) -> Between | None:
    """Returns how runs' means deviate about those of their cells, less the part that their launches explain.

    The bound is that of a variance, by chi-square, of which launches explain a part that is taken for known. None where
    no cell has two runs: they can't tell it.
    """
    several = [runs for runs in cells if len(runs) > 1]
    if not several:
        return None
    found, degrees = [components(runs) for runs in several], [len(runs) - 1 for runs in several]
    about = [np.var([np.mean(run) for run in runs], ddof=1) for runs in several]
    square, freedom = float(np.average(about, weights=degrees)), sum(degrees)
    explained = float(np.average([one.within / one.group_size for one in found], weights=degrees))
    most = square * freedom / float(stats.chi2.ppf(1 - CONFIDENCE, freedom)) - explained
    return Between(math.sqrt(max(square - explained, 0.0)), math.sqrt(most) if most > 0 else None)


def noise_of(cells: Sequence[Launches]) -> LaunchNoise:
    """Returns the noise of launches within runs, pooled over cells of unlike sizes."""
    found = [components(runs) for runs in cells]
    within = math.sqrt(np.average([one.within for one in found], weights=[one.count for one in found]))
    runs = [np.asarray(run) for cell in cells for run in cell]
    apart = np.concatenate([run - run.mean() for run in runs])
    return LaunchNoise(
        source="launches of experiments/data/rates.json",
        launches=apart.size,
        launch_deviation=within,
        quad_deviation=0.0,
        quads=1,
        **shape_of(apart, runs),
    )


def simulated(noise: LaunchNoise, between: float, size: float, margin: float, runs: int = RUNS) -> Point:
    """Returns the verdicts on a change of `size` margins, of runs that judge one metric, whatever they cost; their
    means deviate by `between` beyond what launches explain.
    """
    shares: dict[str, Shares] = {outcome.value: {} for outcome in OUTCOMES.values()}
    for name, kind in kinds(noise).items():
        generator = np.random.default_rng(3)
        own = generator.normal(0.0, between, (runs, 1))
        values = (size * margin + own + noise.launch_deviation * kind.draw(runs, generator))[:, np.newaxis]
        codes = judge(values, margin, plans(values, margin), PASS_LAUNCHES).codes
        for code, outcome in OUTCOMES.items():
            shares[outcome.value][name] = float((codes == code).mean())
    return Point(size, shares)


def told(shares: Shares, digits: int = 0) -> str:
    """Returns the least and the largest share: 98% to 100%."""
    found = shares.values()
    return " to ".join(dict.fromkeys(f"{share:.{digits}%}" for share in (min(found), max(found))))
