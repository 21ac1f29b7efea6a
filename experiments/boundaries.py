"""Finds the nominal levels of bench.stats.sequential by simulation, and checks the same code on published constants.

python -m experiments.boundaries [DRAWS], in an environment with tfgate; two minutes for the 10 million of
docs/statistics.md.

Runs are drawn at exactly the margin, as the rule takes launches to be: each like the one before by a correlation of
ASSUMED, for which their bounds are widened. The level sought is the quantile, at the overall error rate, of the
smallest p that a run shows at any of its looks. Each run counts twice, mirrored: its upper and its lower tail are
equally likely.
"""

import argparse
import math
from collections.abc import Sequence

import numpy as np
from scipy import special

from bench.stats.autocorrelation import ASSUMED, widening
from bench.stats.intervals import t_quantile
from bench.stats.sequential import LOOKS, PASS_P, REGRESSION_P
from experiments.markdown import bare_table
from experiments.noise import Floats, autoregression

CHUNK = 100_000
REGRESSION_RATE, PASS_RATE = 0.025, 0.05

# Constant two-sided critical values of K equally spaced looks at normal data with known variance, overall 5%: Pocock
# 1977, table 1; Jennison and Turnbull 2000, "Group Sequential Methods with Applications to Clinical Trials", table 2.1.
PUBLISHED = {1: 1.960, 2: 2.178, 3: 2.289, 4: 2.361, 5: 2.413, 8: 2.512, 10: 2.555}


def smallest_p(draws: int, looks: Sequence[int]) -> Floats:
    """Returns the smallest one-sided p over the looks of a t test, [2 × draws]: of the upper tail, then of the lower
    one. Launches correlate by ASSUMED, and the test is widened for that.
    """
    generator = np.random.default_rng(1)
    parts = []
    for start in range(0, draws, CHUNK):
        values = autoregression(generator.standard_normal((min(CHUNK, draws - start), looks[-1])), ASSUMED)
        largest, lowest = np.full((2, len(values)), 1.0)
        for count in looks:
            mean, deviation = values[:, :count].mean(axis=1), values[:, :count].std(axis=1, ddof=1)
            below = special.stdtr(count - 1, mean / (deviation * widening(count)) * math.sqrt(count))
            largest, lowest = np.minimum(largest, 1 - below), np.minimum(lowest, below)
        parts.append(np.concatenate([largest, lowest]))
    return np.concatenate(parts)


def critical_z(draws: int, count: int) -> float:
    """Returns the two-sided critical value of `count` equally spaced looks at normal data of known variance."""
    values = np.random.default_rng(1).standard_normal((count, draws)).cumsum(axis=0)
    return float(np.quantile(np.abs(values / np.sqrt(np.arange(1, count + 1))[:, np.newaxis]).max(axis=0), 1 - 0.05))


def error(rate: float, draws: int) -> float:
    """Returns two standard errors of a rate found in `draws` runs."""
    return 2 * math.sqrt(rate * (1 - rate) / draws)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the levels, the rates of those that are used, and the published constants."""
    parser = argparse.ArgumentParser(prog="python -m experiments.boundaries", description=__doc__)
    parser.add_argument("draws", nargs="?", type=int, default=5_000_000)
    draws: int = parser.parse_args(arguments).draws
    found = smallest_p(draws, LOOKS)
    print(f"{draws} runs, {2 * draws} tails.\n")
    rows = [
        [
            name,
            f"{rate:.1%}",
            f"{np.quantile(found, rate):.5f}",
            f"{level}",
            f"{(found < level).mean():.3%} ± {error(rate, draws):.3%}",
            ", ".join(f"{t_quantile(1 - level, count - 1):.2f}" for count in LOOKS),
        ]
        for name, rate, level in (("REGRESSION", REGRESSION_RATE, REGRESSION_P), ("PASS", PASS_RATE, PASS_P))
    ]
    head = ["rule", "overall", "level found", "level used", "overall with it", f"t at {', '.join(map(str, LOOKS))}"]
    print(bare_table(rows, head), flush=True)
    rows = [
        [str(count), f"{critical_z(min(draws, 2_000_000), count):.3f}", f"{published:.3f}"]
        for count, published in PUBLISHED.items()
    ]
    print(bare_table(rows, ["looks", "found", "published"]))


if __name__ == "__main__":
    main()
