"""Simulates robust combinations of launches in the mean's place: prints a table of docs/statistics.md, in Markdown.

python -m experiments.robust [RUNS], in an environment with tfgate; a minute for 20,000. Launches are normal with, in
some columns, a rare effect of their own on either side; the margin is two of their deviations without it.
"""

import argparse
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.stats.autocorrelation import widening
from bench.stats.intervals import t_quantile
from bench.stats.sequential import LOOKS, PASS_LAUNCHES, PASS_P, PASSED, REGRESSED, REGRESSION_P, SLOW_SHARE, UNDECIDED
from experiments.error_rates import Codes, judge, plans
from experiments.markdown import bare_table
from experiments.noise import Floats, slow_mode

MARGIN = 2.0  # launch deviations
OWN_SHARE, OWN_SIZE = 0.05, 4.0  # of launches with an effect of their own; deviations
TRIMMED = 0.2

# [runs, launches] -> (estimate, standard error, degrees of freedom)
Estimator = Callable[[Floats], tuple[Floats, Floats, int]]


def mean(values: Floats) -> tuple[Floats, Floats, int]:
    """Returns the mean, its standard error, [runs] each, and the degrees of freedom."""
    count = values.shape[1]
    return values.mean(axis=1), values.std(axis=1, ddof=1) / math.sqrt(count), count - 1


def trimmed_mean(values: Floats) -> tuple[Floats, Floats, int]:
    """Returns those of the 20% trimmed mean, by the winsorised deviation (Yuen 1974, Biometrika 61, 165-170)."""
    count = values.shape[1]
    cut = max(int(TRIMMED * count), 1)
    ordered = np.sort(values, axis=1)
    winsorised = np.clip(ordered, ordered[:, [cut]], ordered[:, [count - cut - 1]])
    kept = count - 2 * cut
    error = winsorised.std(axis=1, ddof=1) * math.sqrt((count - 1) / (kept * (kept - 1)))
    return ordered[:, cut : count - cut].mean(axis=1), error, kept - 1


def median(values: Floats) -> tuple[Floats, Floats, int]:
    """Returns those of the median, by the median absolute deviation."""
    count = values.shape[1]
    middle = np.median(values, axis=1)
    spread = 1.4826 * np.median(np.abs(values - middle[:, np.newaxis]), axis=1)
    return middle, math.sqrt(math.pi / 2) * spread / math.sqrt(count), count - 1


ESTIMATORS: dict[str, Estimator] = {"mean": mean, "20% trimmed mean": trimmed_mean, "median": median}


def walk(values: Floats, estimator: Estimator, pass_from: int = LOOKS[0]) -> Codes:
    """Judges runs as bench.stats.sequential.walk does, by another estimator."""
    codes = np.zeros(len(values), np.int8)
    for count in (count for count in LOOKS if count <= values.shape[1]):
        estimate, error, freedom = estimator(values[:, :count])
        error = error * widening(count)
        worse = estimate - t_quantile(1 - REGRESSION_P, freedom) * error > MARGIN
        good = (estimate + t_quantile(1 - PASS_P, freedom) * error < MARGIN) & (count >= pass_from)
        found = np.where(worse, REGRESSED, np.where(good, PASSED, UNDECIDED))
        codes = np.where(codes == UNDECIDED, found, codes).astype(np.int8)
    return codes


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m experiments.robust", description=__doc__)
    parser.add_argument("runs", nargs="?", type=int, default=20_000)
    runs: int = parser.parse_args(arguments).runs
    generator = np.random.default_rng(1)
    normal = generator.standard_normal((runs, LOOKS[-1]))
    signs = np.where(generator.random(normal.shape) < 0.5, -1.0, 1.0)
    own = normal + OWN_SIZE * signs * (generator.random(normal.shape) < OWN_SHARE)
    slow = normal + MARGIN * slow_mode(generator, normal.shape, SLOW_SHARE)
    columns: dict[str, Callable[[Estimator], NDArray[np.bool_]]] = {
        "PASS by 12, nothing changed": lambda of: walk(normal[:, :12], of) == PASSED,
        "with own effects": lambda of: walk(own[:, :12], of) == PASSED,
        "REGRESSION at the margin": lambda of: walk(normal + MARGIN, of) == REGRESSED,
        "PASS at the margin": lambda of: walk(normal + MARGIN, of) == PASSED,
        f"PASS, slow in {SLOW_SHARE:.0%} of launches": lambda of: walk(slow, of, PASS_LAUNCHES) == PASSED,
    }
    rows = [
        [name, *(f"{100 * np.mean(column(estimator)):.1f}" for column in columns.values())]
        for name, estimator in ESTIMATORS.items()
    ]
    print(bare_table(rows, ["launches combined by", *columns]), flush=True)
    runs_of_one = own[:, np.newaxis]
    found = judge(runs_of_one, MARGIN, plans(runs_of_one, MARGIN))
    passed, launches = float(np.mean(found.codes == PASSED)), float(found.launches.mean())
    print(f"Mean, own effects, as the first four launches plan: {passed:.1%} PASS, {launches:.1f} launches on average.")


if __name__ == "__main__":
    main()
