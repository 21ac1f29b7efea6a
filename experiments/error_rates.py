"""Simulates how often the judge of paired comparisons is wrong: writes docs/error-rates.md.

python -m experiments.error_rates [--runs N], in an environment with tfgate; about two minutes for 10,000 runs of 30
metrics. With --fit RUN… it takes the noise of stored paired runs' launches from now on.

Launches are synthetic (experiments/noise.py); bench.stats.sequential.walk, which judges real runs, judges them.
"""

import argparse
import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import special

from bench.record.files import read_record, write_record, write_text
from bench.record.paired import PairedRun
from bench.stats.sequential import MOST_GATING, PASSED, REGRESSED, UNDECIDED, walk
from experiments.noise import FILE, LEAST, Kind, LaunchNoise, fit, kinds, read_noise

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "error-rates.md"

RUNS, METRICS, CHUNK = 10_000, 30, 500
MARGIN = 2.0  # launch deviations: the least that a gating margin may be
EFFECTS = (0.0, 0.5, 1.0, 2.0, 3.0)  # margins
CONFIDENCE = 0.95

Codes = NDArray[np.int8]


@dataclasses.dataclass(frozen=True)
class Judged:
    """One kind of noise, one effect: [runs, metrics] each."""

    codes: Codes
    launches: NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Rate:
    """A count of events in trials, and the bounds of its rate."""

    count: int
    of: int

    @property
    def found(self) -> float:
        """Returns the rate."""
        return self.count / self.of

    def bound(self, *, upper: bool) -> float:
        """Returns the one-sided Clopper-Pearson bound at CONFIDENCE."""
        if upper:
            return (
                1.0
                if self.count == self.of
                else float(special.betaincinv(self.count + 1, self.of - self.count, CONFIDENCE))
            )
        return (
            0.0 if self.count == 0 else float(special.betaincinv(self.count, self.of - self.count + 1, 1 - CONFIDENCE))
        )


@dataclasses.dataclass(frozen=True)
class Figure:
    """One figure that is asked for: at most (or, for power, at least) `limit`."""

    name: str
    effect: float
    limit: float
    rate: Callable[[Judged], Rate]
    power: bool = False

    def holds(self, rate: Rate) -> bool:
        """Returns whether the bound, not the rate alone, is on the right side of the limit."""
        return rate.bound(upper=False) >= self.limit if self.power else rate.bound(upper=True) <= self.limit

    def cell(self, rate: Rate) -> str:
        """Formats the figure for the table; bold where it doesn't hold."""
        text = f"{rate.found:.2%} ({'≥' if self.power else '≤'} {rate.bound(upper=not self.power):.2%})"
        return text if self.holds(rate) else f"**{text}**"


def metric_rate(code: int) -> Callable[[Judged], Rate]:
    """Returns the rates of single metrics."""
    return lambda judged: Rate(int((judged.codes == code).sum()), judged.codes.size)


def run_rate(code: int, metrics: int) -> Callable[[Judged], Rate]:
    """Returns the rates of whole runs of so many metrics, of which at most MOST_GATING gate."""

    def rate(judged: Judged) -> Rate:
        gating = judged.codes[:, : min(metrics, MOST_GATING)]
        regressed = (gating == REGRESSED).any(axis=1)
        found = regressed if code == REGRESSED else ~regressed & (gating == UNDECIDED).any(axis=1)
        return Rate(int(found.sum()), len(found))

    return rate


FIGURES = (
    *(
        Figure(
            f"REGRESSION, nothing changed, run of {count} metric{'s' * (count > 1)}",
            0.0,
            0.01,
            run_rate(REGRESSED, count),
        )
        for count in (1, 8, 30)
    ),
    Figure("REGRESSION, half the margin", 0.5, 0.01, metric_rate(REGRESSED)),
    Figure("REGRESSION, at the margin", 1.0, 0.025, metric_rate(REGRESSED)),
    Figure("PASS, at the margin", 1.0, 0.05, metric_rate(PASSED)),
    Figure("PASS, twice the margin", 2.0, 0.001, metric_rate(PASSED)),
    Figure("REGRESSION, twice the margin", 2.0, 0.95, metric_rate(REGRESSED), power=True),
    Figure("REGRESSION, three times the margin", 3.0, 0.99, metric_rate(REGRESSED), power=True),
    *(
        Figure(
            f"INCONCLUSIVE, nothing changed, run of {count} metric{'s' * (count > 1)}",
            0.0,
            0.05,
            run_rate(UNDECIDED, count),
        )
        for count in (1, 8, 30)
    ),
)


def simulate(kind: Kind, runs: int, metrics: int = METRICS, seed: int = 1) -> dict[float, Judged]:
    """Tries every effect on the same noise; returns the rates by effect in margins."""
    generator = np.random.default_rng(seed)
    parts: dict[float, list[Judged]] = {effect: [] for effect in EFFECTS}
    for start in range(0, runs, CHUNK):
        shape = (min(CHUNK, runs - start), metrics)
        values = kind.draw(shape[0] * metrics, generator)
        for effect, judged in parts.items():
            walked = walk(values + effect * MARGIN, MARGIN)
            judged.append(Judged(walked.codes.reshape(shape), walked.launches.reshape(shape)))
    return {
        effect: Judged(np.concatenate([part.codes for part in of]), np.concatenate([part.launches for part in of]))
        for effect, of in parts.items()
    }


def report(found: Mapping[str, Mapping[float, Judged]], noise: LaunchNoise) -> str:
    """Returns the document."""
    rows = [
        [f"{figure.name} ({'≥' if figure.power else '≤'} {figure.limit:.1%})"]
        + [figure.cell(figure.rate(judged[figure.effect])) for judged in found.values()]
        for figure in FIGURES
    ]
    rows += [
        [
            f"launches until every gating metric of 8 is decided, {name}: median, mean",
            *(_launches(j[effect]) for j in found.values()),
        ]
        for name, effect in (("nothing changed", 0.0), ("three times the margin", 3.0))
    ]
    table = [["asked", *found], ["---"] * (1 + len(found)), *rows]
    runs, metrics = next(iter(found.values()))[0.0].codes.shape
    head = HEAD.format(
        runs=runs, metrics=metrics, samples=runs * metrics, confidence=f"{CONFIDENCE:.0%}", margin=f"{MARGIN:g}"
    )
    fitted = ", ".join(f"{name} {value}" for name, value in vars(noise).items() if name != "source")
    missed = misses(found)
    said = [f"Missed: {'; '.join(missed)}." if missed else "Every figure holds, its bound included."]
    return (
        "\n".join(
            [
                head,
                f"Noise: {noise.source} ({fitted}).",
                "",
                *("| " + " | ".join(row) + " |" for row in table),
                "",
                *said,
            ]
        )
        + "\n"
    )


def misses(found: Mapping[str, Mapping[float, Judged]]) -> list[str]:
    """Returns the figures that don't hold, with the kind of noise."""
    return [
        f"{figure.name} ({kind})"
        for figure in FIGURES
        for kind, judged in found.items()
        if not figure.holds(figure.rate(judged[figure.effect]))
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if every figure holds, 1 if not."""
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
    found = {name: simulate(kind, options.runs) for name, kind in kinds(noise).items()}
    write_text(Path(options.output), report(found, noise), replace=True)
    for missed in misses(found):
        print(f"missed: {missed}", file=sys.stderr)
    return 1 if misses(found) else 0


def _launches(judged: Judged) -> str:
    needed = judged.launches[:, :MOST_GATING].max(axis=1)
    return f"{np.median(needed):g}, {needed.mean():.1f}"


HEAD = """# Error rates of a paired comparison

Made by `tox run -e error-rates`: {runs:,} synthetic runs of {metrics} independent metrics for each kind of noise
({samples:,} single metrics), 12 launches each, judged by `bench.stats.sequential` as real runs are. In brackets the
one-sided {confidence} Clopper-Pearson bound of each figure; bold where it is on the wrong side of what is asked. A
launch is the trimmed mean of its quads; margins are {margin} launch deviations, the least that a gating margin may be;
at most eight metrics gate, and the others are not gated. Independent metrics are the worst case: those of one run rise
and fall together. `experiments/noise.py` has the kinds of noise.
"""


if __name__ == "__main__":
    sys.exit(main())
