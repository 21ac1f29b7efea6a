"""The effects of parts of a change, each measured apart by launches with one reference, and what they leave open.

A launch gives a log ratio to the reference; all groups of launches share a deviation (bench.stats.pooled), but for
those whose launches are equal, as losses are where nothing rounds otherwise: they would narrow the others' bounds. A
part may be a pair of others together: with these it makes a factorial of 2 × 2, whose interaction is what the pair has
*beyond* its members' effects. The unexplained rest is the whole change less the effects of the pairs, and of the parts
in no pair: what other parts do only together, and parts that weren't measured. The bounds of all rows hold together
(Bonferroni): where nothing has an effect, any is blamed in at most 5% of tables.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence

import numpy as np

from bench.stats.pooled import Bounded, Floats, Pooled

CONFIDENCE = 0.95  # of all bounds together
WHOLE = -1  # stands for the whole change, where it is a pair


@dataclasses.dataclass(frozen=True)
class Effects:
    """Log ratios with their bounds; None of what wasn't measured."""

    whole: Bounded | None
    parts: tuple[Bounded | None, ...]
    unexplained: Bounded | None
    left: tuple[Bounded | None, ...]  # of the change, by switch
    gone: tuple[Bounded | None, ...]  # the whole change less what is left of it
    beyond: tuple[Bounded | None, ...]  # by pair: its effect less those of its members that were measured


def effects(
    whole: Sequence[float],
    parts: Sequence[Sequence[float]],
    switched: Sequence[Sequence[float]] = (),
    pairs: Mapping[int, Sequence[int]] | None = None,
) -> Effects:
    """Returns what launches tell of a whole change, of its parts, and of the same change under switches.

    `pairs` has the places among the parts of each pair's members, by the pair's own place, or WHOLE; a part is in one
    pair at most.
    """
    pairs = pairs or {}
    groups = [*parts, *switched, whole]  # the whole's place is −1
    spread = [values for values in groups if len({*values}) > 1]
    pooled, units = Pooled(groups, spread or groups), np.eye(len(groups))
    rows = 2 + len(parts) + len(pairs) + 2 * len(switched)
    bounds = functools.partial(pooled.bounds, level=1 - (1 - CONFIDENCE) / rows / 2)

    def weights_of(places: Sequence[int]) -> Floats:
        """Returns the weights of the sum of those parts that were measured."""
        weights: Floats = units[[place for place in places if pooled.counts[place]]].sum(axis=0)
        return weights

    beyond = [units[pair] - weights_of(members) for pair, members in pairs.items()]
    inside = {place for pair, members in pairs.items() if pooled.counts[pair] for place in members}
    apart = {*range(len(parts)), *pairs} - inside
    under = units[len(parts) : -1]
    return Effects(
        bounds(units[WHOLE]),
        tuple(map(bounds, units[: len(parts)])),
        bounds(units[WHOLE] - weights_of([*apart])),
        tuple(map(bounds, under)),
        tuple(bounds(units[WHOLE] - one) for one in under),
        tuple(map(bounds, beyond)),
    )
