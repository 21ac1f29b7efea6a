"""How often the bounds of two stored runs' comparison hold, by simulation: prints a table of docs/statistics.md, in Markdown.

python -m tests.figures.unpaired [DRAWS], in an environment with tfgate; a minute for 5,000.

Logarithms of launches have variance 1 within a session and `ratio` between sessions, with nothing changed.
"""

import math
import statistics
import sys
from collections.abc import Callable, Sequence

import numpy as np

from bench.judge.intervals import Components, components, interval
from bench.judge.types import Interval
from bench.judge.welch import unpaired
from tests.figures.coverage import RATIOS, draw

LAYOUTS = ((4, 4, 4), (4, 4, 4, 4, 4), (8,) * 8)
Rule = Callable[[Sequence[float], Sequence[float], Components], Interval | None]


def coverage(rule: Rule, draws: int, sizes: Sequence[int], ratio: float, *, n: int = 4, tails: float | None = None) -> tuple[float, float]:
    """How often the one-sided 97.5% and 95% upper bounds of a rule hold for two runs of n launches each."""
    *groups, reference, candidate = draw(draws, [*sizes, n, n], ratio, tails)
    held = np.zeros(2)
    for index in range(draws):
        found = rule(reference[index].tolist(), candidate[index].tolist(), components([group[index] for group in groups]))
        assert found is not None
        held += [found.high > 0, found.pass_high > 0]
    wide, narrow = held / draws
    return float(wide), float(narrow)


def floored(reference: Sequence[float], candidate: Sequence[float], sessions: Components) -> Interval:
    """A rule that is not used: σs² alone, floored at 0, beside Welch's parts."""
    parts = [(statistics.variance(side) / len(side), len(side) - 1.0) for side in (reference, candidate)]
    parts.append((2 * sessions.between, sessions.groups - 1.0))
    variance = math.fsum(part for part, _ in parts)
    freedom = variance**2 / math.fsum(part**2 / freedom for part, freedom in parts)
    return interval(statistics.fmean(candidate) - statistics.fmean(reference), math.sqrt(variance), freedom)


def main(draws: int) -> None:
    """Prints the table."""
    print("| rule | stored sessions | " + " | ".join(f"ratio {ratio:g}" for ratio in RATIOS) + " | heavy tails, ratio 1 |")
    print("| --- " * (len(RATIOS) + 3) + "|")
    rules: tuple[tuple[str, Rule], ...] = (("used", unpaired), ("noise taken off", floored))
    for name, rule in rules:
        for sizes in LAYOUTS:
            cells = [coverage(rule, draws, sizes, ratio) for ratio in RATIOS] + [coverage(rule, draws, sizes, 1.0, tails=3)]
            shown = (" / ".join(f"{100 * part:.1f}" for part in pair) for pair in cells)
            print(f"| {name} | {', '.join(map(str, sizes))} | " + " | ".join(shown) + " |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000)
