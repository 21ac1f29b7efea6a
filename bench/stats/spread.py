"""The spread of launches, and of the quads within them."""

import dataclasses
import math
import statistics
from collections.abc import Sequence

from bench.stats.intervals import components
from bench.stats.trimmed import launch_summary


@dataclasses.dataclass(frozen=True)
class Deviations:
    """Standard deviations of log ratios."""

    summary_deviation: float  # between the launches' summaries: what the judge meets
    launch_deviation: float  # of the launches' own effects, what the quads explain taken off
    quad_deviation: float  # between quads within a launch
    quads: float  # a launch, harmonic mean


def spread(launches: Sequence[Sequence[float]]) -> Deviations | None:
    """Returns how much the log ratios of launches' quads differ; None for fewer than two launches with quads."""
    groups = [launch for launch in launches if launch]
    if len(groups) < 2:
        return None
    found = components(groups)
    return Deviations(
        statistics.stdev(map(launch_summary, groups)),
        math.sqrt(found.between),
        math.sqrt(found.within),
        found.group_size,
    )
