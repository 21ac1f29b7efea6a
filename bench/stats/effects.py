"""The effects of parts of a change, each measured apart by launches with one reference, and what they leave open.

A launch gives a log ratio to the reference; all groups of launches share a deviation (bench.stats.pooled). The
unexplained rest is the whole change less the sum of the parts' effects: what parts do only together, and parts that
weren't measured. The bounds of all rows hold together (Bonferroni): where nothing has an effect, any is blamed in at
most 5% of tables.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from bench.stats.pooled import Bounded, Floats, Pooled

CONFIDENCE = 0.95  # of all bounds together


@dataclasses.dataclass(frozen=True)
class Effects:
    """Log ratios with their bounds; None of what wasn't measured."""

    whole: Bounded | None
    parts: tuple[Bounded | None, ...]
    unexplained: Bounded | None
    left: tuple[Bounded | None, ...]  # of the change, by switch
    gone: tuple[Bounded | None, ...]  # the whole change less what is left of it


def effects(
    whole: Sequence[float], parts: Sequence[Sequence[float]], switched: Sequence[Sequence[float]] = ()
) -> Effects:
    """Returns what launches tell of a whole change, of its parts, and of the same change under switches."""
    groups = [whole, *parts, *switched]
    pooled, units = Pooled(groups), np.eye(len(groups))
    rows = 2 + len(parts) + 2 * len(switched)
    level = 1 - (1 - CONFIDENCE) / rows / 2

    def bounds(weights: Floats) -> Bounded | None:
        told = pooled.freedom and pooled.counts[weights != 0].all()
        return pooled.bounds(weights, level) if told else None

    own, under = units[1 : 1 + len(parts)], units[1 + len(parts) :]
    rest: Floats = units[0] - own[pooled.counts[1 : 1 + len(parts)] > 0].sum(axis=0)
    return Effects(
        bounds(units[0]),
        tuple(map(bounds, own)),
        bounds(rest),
        tuple(map(bounds, under)),
        tuple(bounds(units[0] - one) for one in under),
    )
