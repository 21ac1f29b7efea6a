"""Simulates how often the judge of paired comparisons is wrong: fills docs/error-rates.md.

python -m experiments.error_rates [--runs N], in an environment with tfgate; some ten minutes on two cores for
20,000 runs. With --fit RUN… it takes the noise of stored paired runs' launches from now on.

Launches are synthetic (experiments/noise.py); bench.stats.sequential.walk, which judges real runs, judges them. A run
has eight metrics, which share the plan of the neediest, or one, whose own launches plan it.
"""

import argparse
import dataclasses
import functools
import math
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.record.files import read_record, write_record
from bench.record.paired import PairedRun
from bench.stats.power import planned
from bench.stats.sequential import (
    LOOKS,
    MOST_GATING,
    PASS_LAUNCHES,
    PASSED,
    REGRESSED,
    SLOW_SHARE,
    UNDECIDED,
    LookPlan,
    walk,
)
from experiments.markdown import bare_table, fill, paragraph
from experiments.noise import FILE, LAUNCHES, LEAST, Floats, Kind, LaunchNoise, fit, kinds, read_noise, slow_mode
from experiments.rate import Rate

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "error-rates.md"
PLACE, SLOW_PLACE = "python -m experiments.error_rates", "the same: slow modes"

RUNS, CHUNK = 20_000, 1000
MARGINS = (2.0, 1.0)  # launch deviations: by the rule for margins (docs/protocol.md), and on a host of twice the noise
EFFECTS = (0.0, 0.5, 1.0, 2.0, 3.0)  # margins
RUNS_OF = {1: "run of 1 metric", MOST_GATING: f"run of {MOST_GATING} metrics"}
SLOW_SHARES = (SLOW_SHARE, 0.5)
# Kinds of launches, and whether the slow mode shows in them.
SLOW_RUNS = {
    "in both kinds": (True, True),
    "one kind measured": (True,),
    "in one of both kinds": (True, False),
}

Codes = NDArray[np.int8]


@dataclasses.dataclass(frozen=True)
class Judged:
    """One kind of noise, one effect: [runs, metrics] each."""

    codes: Codes
    launches: NDArray[np.int64]

    def rate(self, code: int) -> Rate:
        """Returns the rate of runs of an outcome: a REGRESSION has one in any metric, a PASS in all."""
        regressed = (self.codes == REGRESSED).any(axis=1)
        passed = (self.codes == PASSED).all(axis=1)
        found = {REGRESSED: regressed, PASSED: passed, UNDECIDED: ~regressed & ~passed}[code]
        return Rate(int(found.sum()), len(found))


Slow = Mapping[tuple[float, tuple[bool, ...]], Rate]  # that pass, by SLOW_SHARES and SLOW_RUNS
ByEffect = Mapping[tuple[int, float], Judged]  # by the metrics of a run, and the effect in margins
ByKind = Mapping[str, ByEffect]  # of noise


@dataclasses.dataclass(frozen=True)
class Figure:
    """One figure that is asked for: at most (or, for power, at least) `limit` of the runs have the outcome `code`."""

    name: str
    code: int
    effect: float
    limit: float
    metrics: int = 1
    power: bool = False

    def rate(self, of: ByEffect) -> Rate:
        """Returns what the figure is."""
        return of[self.metrics, self.effect].rate(self.code)

    def holds(self, rate: Rate) -> bool:
        """Returns whether the bound, not the rate alone, is on the right side of the limit."""
        return rate.bound(upper=False) >= self.limit if self.power else rate.bound(upper=True) <= self.limit

    def cell(self, rate: Rate, kind: str) -> str:
        """Formats the figure in a kind of noise for the table; bold where it doesn't hold."""
        text = f"{rate.found:.2%} ({'≥' if self.power else '≤'} {rate.told(upper=not self.power, digits=2)})"
        text += f", {kind}" if kind else ""
        return text if self.holds(rate) else f"**{text}**"


FIGURES = (
    *(Figure(f"REGRESSION, nothing changed, {name}", REGRESSED, 0.0, 0.01, n) for n, name in RUNS_OF.items()),
    Figure("REGRESSION, half the margin", REGRESSED, 0.5, 0.01),
    Figure("REGRESSION, at the margin", REGRESSED, 1.0, 0.025),
    Figure("PASS, at the margin", PASSED, 1.0, 0.05),
    Figure("PASS, twice the margin", PASSED, 2.0, 0.001),
    Figure("REGRESSION, twice the margin", REGRESSED, 2.0, 0.95, power=True),
    Figure("REGRESSION, three times the margin", REGRESSED, 3.0, 0.99, power=True),
    *(Figure(f"INCONCLUSIVE, nothing changed, {name}", UNDECIDED, 0.0, 0.05, n) for n, name in RUNS_OF.items()),
)


def simulate(kind: Kind, runs: int, margins: Sequence[float] = MARGINS) -> dict[float, dict[tuple[int, float], Judged]]:
    """Tries every effect and every margin, in launch deviations, on the same noise; returns what is judged by margin.

    Each metric of a run of eight is a run of one, too, by a plan of its own.
    """
    generator = np.random.default_rng(1)
    keys = [(margin, metrics, effect) for margin in margins for metrics in RUNS_OF for effect in EFFECTS]
    parts: dict[tuple[float, int, float], list[Judged]] = {key: [] for key in keys}
    for start in range(0, runs, CHUNK):
        values = kind.draw(min(CHUNK, runs - start) * MOST_GATING, generator)
        by_metrics = {metrics: values.reshape(-1, metrics, LAUNCHES) for metrics in RUNS_OF}
        most = {(margin, metrics): plans(of, margin) for margin in margins for metrics, of in by_metrics.items()}
        for (margin, metrics, effect), judged in parts.items():
            shifted = by_metrics[metrics] + effect * margin
            judged.append(judge(shifted, margin, most[margin, metrics], PASS_LAUNCHES))
    found: dict[float, dict[tuple[int, float], Judged]] = {margin: {} for margin in margins}
    for (margin, metrics, effect), of in parts.items():
        codes, launches = (np.concatenate([getattr(one, name) for one in of]) for name in ("codes", "launches"))
        found[margin][metrics, effect] = Judged(codes, launches)
    return found


def plans(values: Floats, margin: float) -> NDArray[np.int64]:
    """Returns the launches that the neediest metric of each run, [runs, metrics, launches], plans: [runs].

    They are those of the deviation of its first, whatever its effect is.
    """
    first = values[:, :, : LOOKS[0]]
    needy = first[np.arange(len(first)), first.std(axis=2).argmax(axis=1)]
    return np.array([planned(four, margin) for four in needy.tolist()])


def judge(values: Floats, margin: float, most: NDArray[np.int64], pass_from: int = LOOKS[0]) -> Judged:
    """Judges runs, [runs, metrics, launches], each with the launches that it has planned, [runs]."""
    runs, metrics, launches = values.shape
    walked = walk(values.reshape(-1, launches), margin, LookPlan(pass_from=pass_from))
    reached, most = walked.launches.reshape(runs, metrics), most[:, np.newaxis]
    codes = np.where(reached <= most, walked.codes.reshape(runs, metrics), UNDECIDED)
    return Judged(codes, np.minimum(reached, most))


def report(found: Mapping[float, ByKind], noise: LaunchNoise) -> str:
    """Returns the table, after what the noise is. `found`: by margin, kind of noise and effect."""
    runs = next(iter(found[MARGINS[0]].values()))[MOST_GATING, 0.0].rate(REGRESSED).of
    fitted = ", ".join(
        f"{name.replace('_', ' ')} {value:.3g}" for name, value in vars(noise).items() if name != "source"
    )
    drawn = (
        f"{runs:,} runs of {MOST_GATING} metrics and {runs * MOST_GATING:,} of one metric, of each kind of noise. "
        "Where a figure doesn't say which, its runs are of one."
    )
    source = paragraph(f"{drawn} The noise is {noise.source}: {fitted} (`experiments/data/{FILE.name}`).")
    missed = misses(found)
    said = f"Missed: {'; '.join(missed)}." if missed else "Every figure holds, its bound included."
    return f"{source}\n\n{table(found)}\n{said}"


def worst(figure: Figure, of: ByKind) -> tuple[Rate, str]:
    """Returns a figure's rate in the kind of noise where its bound is worst, and that kind; "" if all are alike."""
    rates = {kind: figure.rate(judged) for kind, judged in of.items()}
    kind = (min if figure.power else max)(rates, key=lambda one: rates[one].bound(upper=not figure.power))
    return rates[kind], kind if len(set(rates.values())) > 1 else ""


def table(found: Mapping[float, ByKind]) -> str:
    """Returns the figures, a column for each margin: each in the kind of noise where it is worst."""
    rows = [
        [
            f"{figure.name} ({'≥' if figure.power else '≤'} {figure.limit:.1%})",
            *(figure.cell(*worst(figure, of)) for of in found.values()),
        ]
        for figure in FIGURES
    ]
    rows += [
        [f"launches, {name}, {of_metrics}: median", *(_launches(of, metrics, effect) for of in found.values())]
        for name, effect in (("nothing changed", 0.0), ("three times the margin", 3.0))
        for metrics, of_metrics in RUNS_OF.items()
    ]
    headers = [f"the margin is {margin:g} deviation{'s' if margin > 1 else ''}" for margin in found]
    return bare_table(rows, ["asked", *headers])


def misses(found: Mapping[float, ByKind]) -> list[str]:
    """Returns the figures that don't hold, with the margin and the kind of noise where they are worst."""
    return [
        f"{figure.name} ({kind and f'{kind}, '}margin {margin:g})"
        for margin, of in found.items()
        for figure in FIGURES
        for rate, kind in [worst(figure, of)]
        if not figure.holds(rate)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if every figure that the document promises holds, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m experiments.error_rates", description=__doc__)
    parser.add_argument(
        "--runs",
        type=int,
        default=RUNS,
        metavar="N",
        help="synthetic runs of each kind of noise (default: %(default)s)",
    )
    parser.add_argument(
        "--fit", nargs="+", metavar="RUN", help="paired runs' files: fit the noise to them, and keep it"
    )
    parser.add_argument("--output", default=str(OUTPUT), metavar="FILE", help="default: docs/error-rates.md")
    options = parser.parse_args(arguments)
    if options.fit:
        runs = [read_record(PairedRun, Path(name)) for name in options.fit]
        machines = sorted({pair.reference.machine.cpu_model for run in runs for pair in run.pairs})
        subjects = sorted({pair.reference.subject.name for run in runs for pair in run.pairs})
        source = f"fitted to paired runs of {', '.join(subjects)} on {', '.join(machines)}, {LEAST}"
        write_record(FILE, fit(runs, source), replace=True)
    noise = read_noise()
    names = list(kinds(noise))
    with ProcessPoolExecutor() as pool:
        simulated = dict(zip(names, pool.map(functools.partial(_simulated, noise, options.runs), names), strict=True))
    found = {margin: {name: by_margin[margin] for name, (by_margin, _) in simulated.items()} for margin in MARGINS}
    slow, missed = slow_modes({name: passes for name, (_, passes) in simulated.items()})
    fill(Path(options.output), {PLACE: report(found, noise), SLOW_PLACE: slow})
    missed += misses(found)
    for one in missed:
        print(f"missed: {one}", file=sys.stderr)
    return 1 if missed else 0


def _simulated(noise: LaunchNoise, runs: int, name: str) -> tuple[dict[float, dict[tuple[int, float], Judged]], Slow]:
    """Returns what is judged in one kind of noise, by margin, and how often slow modes pass."""
    kind = kinds(noise)[name]
    passes = {(share, hit): slow_passes(kind, runs, share, hit) for share in SLOW_SHARES for hit in SLOW_RUNS.values()}
    return simulate(kind, runs), passes


def slow_modes(found: Mapping[str, Slow]) -> tuple[str, list[str]]:
    """Returns the table of candidates that are slow in a share of launches, by the margin on average; and the rows that
    don't hold where every kind of launch shows the mode: of the others nothing is promised. `found`: by kind of noise.
    """
    rows: list[list[str]] = []
    missed: list[str] = []
    for share in SLOW_SHARES:
        for name, hit in SLOW_RUNS.items():
            figure = Figure(f"{share:.0%} of launches slow, {name}", PASSED, 1.0, 0.05)
            rates = {kind: of[share, hit] for kind, of in found.items()}
            kind = max(rates, key=lambda one: rates[one].found)
            rows.append([figure.name, figure.cell(rates[kind], kind)])
            missed += [f"{figure.name} ({kind})"] if all(hit) and not figure.holds(rates[kind]) else []
    return bare_table(rows, ["a candidate that is", "PASS of a run (≤ 5.0%)"]), missed


def slow_passes(kind: Kind, runs: int, share: float, hit: Sequence[bool], pass_launches: int = PASS_LAUNCHES) -> Rate:
    """Returns how often runs pass whose step time is slow in a share of launches. `hit`: by kind of launch."""
    generator, margin = np.random.default_rng(2), MARGINS[0]
    passed = np.ones(runs, bool)
    for slow in hit:
        values = kind.draw(runs, generator)
        values += margin * slow_mode(generator, values.shape, share) if slow else 0.0
        values = values[:, np.newaxis]
        judged = judge(values, margin, plans(values, margin), math.ceil(pass_launches / len(hit)))
        passed &= judged.codes[:, 0] == PASSED
    return Rate(int(passed.sum()), runs)


def _launches(of: ByKind, metrics: int, effect: float) -> str:
    """Returns the medians of launches until every metric is decided: the least and the most over the kinds of noise."""
    medians = [float(np.median(judged[metrics, effect].launches.max(axis=1))) for judged in of.values()]
    return " to ".join(f"{median:g}" for median in dict.fromkeys((min(medians), max(medians))))


if __name__ == "__main__":
    sys.exit(main())
