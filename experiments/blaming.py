"""Simulates how often `tfgate blame` blames the right packages, and any where none has an effect: writes the table of
docs/bisect.md.

python -m experiments.blaming [--tables N], in an environment with tfgate; about a minute for 4,000.

Launches are those of experiments/noise.py, as they follow each other: the command takes one of each part in turn, and
is compared with taking all of a part before the next.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bench.stats.effects import Effects, effects
from experiments.markdown import bare_table, fill, paragraph
from experiments.noise import Floats, Kind, kinds, read_noise
from experiments.rate import Rate

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "bisect.md"
PLACE = "python -m experiments.blaming"

TABLES = 4_000  # a kind of noise
LAUNCHES = 8  # of each part
EFFECTS = (1.0, -1.0, 0.0, 0.0)  # of packages, in sizes
PAIR = (0, 1)  # packages that are measured together, too
SIZES = (2.0, 3.0, 6.0)  # deviations of a launch

Order = Callable[[Floats, int], Floats]


def in_turn(series: Floats, groups: int) -> Floats:
    """Returns consecutive launches as groups, [groups, LAUNCHES]: one of each group, then another of each."""
    return series[: groups * LAUNCHES].reshape(LAUNCHES, groups).T


def one_by_one(series: Floats, groups: int) -> Floats:
    """Returns the same: all of a group before the next."""
    return series[: groups * LAUNCHES].reshape(groups, LAUNCHES)


def play(kind: Kind, size: float, count: int, order: Order, together: float = 0.0) -> list[Effects]:
    """Returns so many tables of the whole, of packages with effects, of a pair of them that has another `together`, and
    of the whole again under a switch.
    """
    own = size * np.array(EFFECTS)
    whole, pair = own.sum() + together, own[[*PAIR]].sum() + together
    means, generator = np.array([whole, *own, pair, whole]), np.random.default_rng([int(size), int(together), count])
    found = []
    for series in kind.draw(count, generator, means.size * LAUNCHES):
        all_, *parts, switched = (means[:, None] + order(series, means.size)).tolist()
        found.append(effects(all_, parts, [switched], {len(EFFECTS): PAIR}))
    return found


def blamed(found: Effects) -> list[bool]:
    """Returns which packages are blamed, and last whether the pair is."""
    return [one is not None and one.is_proven for one in (*found.parts[: len(EFFECTS)], *found.beyond)]


def right(found: Effects) -> bool:
    """Tells whether those are blamed that have an effect, and no other."""
    return blamed(found) == [*(effect != 0 for effect in EFFECTS), False]


def pair_alone(found: Effects) -> bool:
    """Tells whether the pair is blamed, and nothing else."""
    return blamed(found) == [*(False for _ in EFFECTS), True]


def table(count: int, noise: dict[str, Kind]) -> str:
    """Returns a row for each kind of noise."""
    sizes = [f"{what}, {size:g}" for what in ("right", "together") for size in SIZES]
    head = ["launches", "blamed for nothing", "one by one", *sizes, "unexplained"]
    rows = []
    for name, kind in noise.items():
        nothing, apart = (play(kind, 0.0, count, order) for order in (in_turn, one_by_one))
        sized = [play(kind, size, count, in_turn) for size in SIZES]
        together = [play(kind, 0.0, count, in_turn, size) for size in SIZES]
        rest = Rate(sum(_unexplained(one) for found in sized for one in found), count * len(sized))
        rows.append(
            [
                name,
                *(_bounded(Rate(sum(any(blamed(one)) for one in found), count)) for found in (nothing, apart)),
                *(f"{sum(map(right, found)) / count:.1%}" for found in sized),
                *(f"{sum(map(pair_alone, found)) / count:.1%}" for found in together),
                _bounded(rest),
            ]
        )
    about = (
        f"{count:,} tables a cell, of four packages, two of them also together, and a switch, with {LAUNCHES} launches "
        "of each. The launches have the seven kinds of noise of [error rates](error-rates.md). *Blamed for nothing*: "
        "any package or the pair is blamed where none has an effect. *One by one*: the same, if all launches of one "
        "part came before those of the next. *Right*: one package of the pair has an effect of so many deviations of a "
        "launch, the other its opposite, and exactly these two are blamed. *Together*: the two have such an effect "
        "only together, and exactly the pair is blamed. *Unexplained*: a rest is called proven where there is none. In "
        "brackets: the one-sided 95% Clopper-Pearson bound."
    )
    return f"{paragraph(about)}\n\n{bare_table(rows, head)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the table into its place."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=TABLES)
    options = parser.parse_args(arguments)
    fill(OUTPUT, {PLACE: table(options.tables, kinds(read_noise()))})
    return 0


def _unexplained(found: Effects) -> bool:
    return found.unexplained is not None and found.unexplained.is_proven


def _bounded(rate: Rate) -> str:
    return f"{rate.found:.1%} (≤ {rate.told(upper=True, digits=1)})"


if __name__ == "__main__":
    sys.exit(main())
