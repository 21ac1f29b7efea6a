"""Simulates gates whose standard is a ratio that the ledger accepted, error and all.

python -m experiments.accepted [DRAWS], in an environment with tfgate, prints how often a change of exactly the margin
is judged wrongly within twelve launches, by the launches of the ledger's entry (docs/gate.md). Launches resemble each
other as the rule takes them to (ASSUMED).
"""

import argparse
from collections.abc import Sequence

import numpy as np

from bench.stats.autocorrelation import ASSUMED
from bench.stats.outcome import Outcome
from bench.stats.sequential import OUTCOMES, USUAL_LAUNCHES, LookPlan, launches_of_a_pass, walk
from experiments.markdown import bare_table
from experiments.noise import autoregression

ENTRIES = (None, 12, 6)  # launches of the entry; None: its ratio is exact
KINDS = 2  # of launches in a gate, each of which a PASS takes some of
MARGIN = 10.0  # deviations of launches: any would do, since the change is as large


def rates(entry: int | None, draws: int) -> dict[Outcome, float]:
    """Returns the share of gates with each outcome where the candidate is worse than the entry by the margin."""
    generator = np.random.default_rng(1)
    values = MARGIN + autoregression(generator.standard_normal((draws, USUAL_LAUNCHES)), ASSUMED)
    if entry:
        values -= autoregression(generator.standard_normal((draws, entry)), ASSUMED).mean(axis=1, keepdims=True)
    codes = walk(values, MARGIN, LookPlan(pass_from=launches_of_a_pass(KINDS))).codes
    return {outcome: float((codes == code).mean()) for code, outcome in OUTCOMES.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the rates."""
    parser = argparse.ArgumentParser(prog="python -m experiments.accepted", description=__doc__)
    parser.add_argument("draws", nargs="?", type=int, default=400_000)
    draws: int = parser.parse_args(arguments).draws
    rows = []
    for entry in ENTRIES:
        found = rates(entry, draws)
        rows.append([str(entry or "exact"), f"{found[Outcome.PASS]:.1%}", f"{found[Outcome.REGRESSION]:.1%}"])
    print(bare_table(rows, ["launches of the entry", "PASS", "REGRESSION"]))


if __name__ == "__main__":
    main()
