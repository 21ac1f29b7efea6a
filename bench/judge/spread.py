"""The spread of launches in turn, and of the quads within them, for readers: it decides nothing."""

import dataclasses
import math
import statistics
from collections.abc import Sequence

from bench.judge.metrics import EVALUATION_STEP, ONE_CORE_STEP_TIME, STEP_TIME
from bench.judge.quads import quad_log_ratio
from bench.judge.samples import whole_pairs
from bench.record.paired import ALL_CORES, ONE_CORE, PairedRun, Quad
from bench.stats.intervals import components
from bench.stats.trimmed import trimmed_mean


@dataclasses.dataclass(frozen=True)
class Spread:
    """Standard deviations of log ratios of a time a step."""

    metric: str
    summary_deviation: float  # between the launches' values
    quad_deviation: float  # between quads within a launch


def spreads(run: PairedRun) -> tuple[Spread, ...]:
    """Returns the spread of training and evaluation steps; without those of fewer than two launches."""
    pairs = whole_pairs(run, ALL_CORES)
    found = (
        _spread(ONE_CORE_STEP_TIME, [pair.steps for pair in whole_pairs(run, ONE_CORE)]),
        _spread(STEP_TIME, [pair.steps for pair in pairs]),
        _spread(EVALUATION_STEP, [pair.evaluations for pair in pairs]),
    )
    return tuple(one for one in found if one)


def _spread(metric: str, launches: Sequence[Sequence[Quad]]) -> Spread | None:
    groups = [[quad_log_ratio(quad) for quad in launch] for launch in launches if launch]
    if len(groups) < 2:
        return None
    return Spread(metric, statistics.stdev(map(trimmed_mean, groups)), math.sqrt(components(groups).within))
