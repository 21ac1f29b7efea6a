"""Simulates rules for autocorrelated launches: prints a table of docs/statistics.md, in Markdown.

python -m experiments.widening [RUNS], in an environment with tfgate; a minute for 100,000.
"""

import argparse
from collections.abc import Callable, Sequence

import numpy as np

from bench.stats.autocorrelation import widening
from bench.stats.sequential import LOOKS, PASSED, REGRESSED, walk
from experiments.error_rates import MARGINS
from experiments.markdown import bare_table
from experiments.noise import Floats, autoregression

CORRELATIONS = (0.0, 0.1, 0.2, 0.3, 0.5)


RULES: dict[str, Callable[[int], float]] = {"none": lambda launches: 1.0, "0.2 for all": widening}


def cell(noise: Floats, rule: Callable[[int], float]) -> str:
    """Returns the rates of one rule: a cell of the table."""
    nothing, margin, twice = (walk(noise + effect * MARGINS[0], MARGINS[0], widen=rule) for effect in (0, 1, 2))
    rates = [(margin.codes == REGRESSED).mean(), (margin.codes == PASSED).mean(), (twice.codes == REGRESSED).mean()]
    return " / ".join(f"{100 * rate:.1f}" for rate in rates) + f"; {nothing.launches.mean():.1f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m experiments.widening", description=__doc__)
    parser.add_argument("runs", nargs="?", type=int, default=100_000)
    runs: int = parser.parse_args(arguments).runs
    normal = np.random.default_rng(1).standard_normal((runs, LOOKS[-1]))
    noises = [autoregression(normal, correlation) for correlation in CORRELATIONS]
    rows = [[name, *(cell(noise, rule) for noise in noises)] for name, rule in RULES.items()]
    print(bare_table(rows, ["rule", *(f"lag-1 {correlation:g}" for correlation in CORRELATIONS)]))


if __name__ == "__main__":
    main()
