"""What chose the rule for autocorrelated launches: prints a table of docs/statistics.md, in Markdown.

python -m experiments.widening [RUNS], in an environment with tfgate; a minute for 100,000.
"""

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bench.stats.autocorrelation import ASSUMED, LARGEST, inflation, widening
from bench.stats.sequential import LOOKS, PASSED, REGRESSED, walk
from experiments.error_rates import MARGIN
from experiments.noise import autoregression

Floats = NDArray[np.float64]

CORRELATIONS = (0.0, 0.1, 0.2, 0.3, 0.5)


def found_alone(correlation: Floats, launches: int) -> Floats:
    """Returns the correlation found, its bias taken off, and nothing taken for granted."""
    return inflation(np.clip(correlation + 1 / launches, 0.0, LARGEST), launches)


def assumed_alone(correlation: Floats, launches: int) -> Floats:
    """Returns the same correlation for all runs."""
    return inflation(np.full_like(correlation, ASSUMED), launches)


RULES: dict[str, Callable[[Floats, int], Floats]] = {
    "none": lambda correlation, launches: np.ones_like(correlation),
    "what is found": found_alone,
    "0.2 for all": assumed_alone,
    "used: 0.2, and what is found beyond": widening,
}


def cell(noise: Floats, rule: Callable[[Floats, int], Floats]) -> str:
    """Returns the rates of one rule."""
    nothing, margin, twice = (walk(noise + effect * MARGIN, MARGIN, widen=rule) for effect in (0, 1, 2))
    rates = [(margin.codes == REGRESSED).mean(), (margin.codes == PASSED).mean(), (twice.codes == REGRESSED).mean()]
    return " / ".join(f"{100 * rate:.1f}" for rate in rates) + f"; {nothing.launches.mean():.1f}"


def main(runs: int) -> None:
    """Prints the table."""
    print("| rule | " + " | ".join(f"lag-1 {correlation:g}" for correlation in CORRELATIONS) + " |")
    print("| --- " * (len(CORRELATIONS) + 1) + "|")
    normal = np.random.default_rng(1).standard_normal((runs, LOOKS[-1]))
    noises = [autoregression(normal, correlation) for correlation in CORRELATIONS]
    for name, rule in RULES.items():
        print(f"| {name} | " + " | ".join(cell(noise, rule) for noise in noises) + " |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
