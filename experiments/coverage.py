"""Simulates how often the bounds of perplexity against replicates hold: the tables of docs/statistics.md.

python -m experiments.coverage [DRAWS], in an environment with tfgate; a few minutes for 20,000.

Log perplexities are drawn with variance 1 within an environment and `ratio` between environments, with nothing changed;
a bound holds where it lies above the true difference, 0.
"""

import argparse
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bench.stats.intervals import components, new_group_interval
from experiments.markdown import bare_table

Arrays = list[NDArray[np.float64]]

RATIOS = (0.0, 0.1, 1.0, 3.0)
# Replicas by environment: few of each, then as the stored baselines of the PTB and of the synthetic corpus have them.
LAYOUTS = ((4, 4), (4, 4, 4), (1, 1, 1, 4, 2), (4, 4, 4, 4, 4), (2, 2, 2, 2, 2, 2, 2, 6), (2, 2, 2, 2, 2, 2, 2, 14))
LEVELS = (0.975, 0.95)


def draw(draws: int, sizes: Sequence[int], ratio: float, tails: float | None = None) -> Arrays:
    """Draws the measurements of groups, [draws, size] each; normal, or Student's t with `tails` degrees of freedom."""
    generator = np.random.RandomState(1)

    def unit(*shape: int) -> NDArray[np.float64]:
        if tails is None:
            return generator.standard_normal(shape)
        return generator.standard_t(tails, shape) / math.sqrt(tails / (tails - 2))

    return [math.sqrt(ratio) * unit(draws, 1) + unit(draws, size) for size in sizes]


def coverage(
    draws: int, sizes: Sequence[int], ratio: float, *, n: int = 4, tails: float | None = None
) -> tuple[float, float]:
    """Tells how often the one-sided 97.5% and 95% upper bounds hold for a candidate of n measurements."""
    *groups, candidate = draw(draws, [*sizes, n], ratio, tails)
    found = [
        new_group_interval(candidate[index], components([group[index] for group in groups])) for index in range(draws)
    ]
    return float(np.mean([each.high > 0 for each in found])), float(np.mean([each.pass_high > 0 for each in found]))


def coverage_by_larger_component(draws: int, sizes: Sequence[int], ratio: float) -> tuple[float, float]:
    """Returns the same of 4 measurements for a rule that is not used: count − S degrees of freedom wherever the
    variance between groups looks small.
    """
    n = 4
    *groups, candidate = draw(draws, [*sizes, n], ratio)
    freedoms = (len(sizes) - 1, sum(sizes) - len(sizes))
    quantiles = {freedom: [float(stats.t.ppf(level, freedom)) for level in LEVELS] for freedom in freedoms}
    held = np.zeros(2)
    for index in range(draws):
        reference = components([group[index] for group in groups])
        found = new_group_interval(candidate[index], reference)
        freedom = freedoms[reference.between * (1 + 1 / len(sizes)) < reference.within / n]
        held += [found.estimate + quantile * found.standard_error > 0 for quantile in quantiles[freedom]]
    wide, narrow = held / draws
    return float(wide), float(narrow)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="python -m experiments.coverage", description=__doc__)
    parser.add_argument("draws", nargs="?", type=int, default=20_000)
    draws: int = parser.parse_args(arguments).draws
    print(
        f"{draws} draws; a coverage is off by up to {2 * math.sqrt(0.05 * 0.95 / draws):.4f} (two standard errors).\n"
    )
    head = ["sizes of the groups", "candidate", *(f"ratio {ratio:g}" for ratio in RATIOS)]
    rows = []
    for sizes, n in [*((sizes, 4) for sizes in LAYOUTS), ((4, 4, 4, 4, 4), 16)]:
        cells = [coverage(draws, sizes, ratio, n=n) for ratio in RATIOS] + [coverage(draws, sizes, 1.0, n=n, tails=3)]
        rows.append(_row(sizes, n, cells))
    print(bare_table(rows, [*head, "heavy tails, ratio 1"]), flush=True)
    print("Degrees of freedom by the component that looks larger (not used):\n")
    rows = [
        _row(sizes, 4, [coverage_by_larger_component(draws, sizes, ratio) for ratio in RATIOS])
        for sizes in ((4, 4), (4, 4, 4), (4, 4, 4, 4, 4))
    ]
    print(bare_table(rows, head))


def _row(sizes: Sequence[int], n: int, cells: Sequence[tuple[float, float]]) -> list[str]:
    covered = (" / ".join(f"{100 * part:.1f}" for part in cell) for cell in cells)
    return [", ".join(map(str, sizes)), str(n), *covered]


if __name__ == "__main__":
    main()
