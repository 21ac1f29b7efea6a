"""A launch's quads to the one number that stands for it, and how much launches and quads differ.

A quad's log ratio is that of the candidate's mean log seconds over the reference's; above 0 is slower.
"""

import dataclasses
import math
import statistics
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.judge.intervals import components
from bench.judge.summary import TRIMMED
from bench.record.paired import ABBA, BAAB, Quad

REFERENCE_LETTER = "A"


@dataclasses.dataclass(frozen=True)
class Spread:
    """Standard deviations of log ratios."""

    summary_deviation: float  # between the launches' summaries: what the judge meets
    launch_deviation: float  # of the launches' own effects, what the quads explain taken off
    quad_deviation: float  # between quads within a launch
    quads: float  # a launch, harmonic mean


def quad_log_ratio(quad: Quad) -> float:
    """Mean log seconds of the candidate's two blocks less those of the reference's.

    Raises ValueError for another order than ABBA and BAAB, for more or fewer than four blocks, and for a time that isn't above 0.
    """
    if quad.order not in (ABBA, BAAB) or len(quad.seconds) != len(quad.order):
        raise ValueError(
            f"a quad of order {quad.order!r} with {len(quad.seconds)} blocks: the run is damaged, measure again"
        )
    wrong = next((seconds for seconds in quad.seconds if not 0 < seconds < math.inf), None)
    if wrong is not None:
        raise ValueError(f"a block of {wrong} seconds a step: the run is damaged, measure again")
    signed = (
        -math.log(s) if side == REFERENCE_LETTER else math.log(s)
        for side, s in zip(quad.order, quad.seconds, strict=True)
    )
    return math.fsum(signed) / 2


def launch_summary(quad_log_ratios: Sequence[float]) -> float:
    """The 20% trimmed mean: a burst of noise hits some quads, not the launch. Raises ValueError for a launch without quads."""
    if not quad_log_ratios:
        raise ValueError("a launch without quads has no summary: measure it for longer")
    return float(trimmed_means(np.asarray(quad_log_ratios, float)))


def trimmed_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """20% trimmed means over the last axis."""
    count = values.shape[-1]
    cut = int(TRIMMED * count)
    found: NDArray[np.float64] = np.sort(values, axis=-1)[..., cut : count - cut].mean(axis=-1)
    return found


def spread(launches: Sequence[Sequence[float]]) -> Spread | None:
    """How much the log ratios of launches' quads differ; None for fewer than two launches with quads."""
    groups = [launch for launch in launches if launch]
    if len(groups) < 2:
        return None
    found = components(groups)
    return Spread(
        statistics.stdev(map(launch_summary, groups)),
        math.sqrt(found.between),
        math.sqrt(found.within),
        found.group_size,
    )
