"""A series of values over time: its noise, where its level changed, and how far it has drifted from a fixed reference.

Noise is the deviation between neighbours, by the median absolute deviation of their differences: neither steps nor a
steady drift widen it.
"""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from statistics import fmean

import numpy as np

from bench.stats.intervals import PASS_LEVEL, t_quantile

LEAST_REPORTS = 6  # below that a series has no noise to speak of
LEAST_LEVEL = 2  # reports that a level must last: one report alone is an outlier
# Penalty for a change point, in units of σ² log n. Unchanged series of Gaussian noise, σ estimated as here, show a
# change in 14% of series of 10 reports (17% if a level may be of one report), 5% of 30, 1% of 100
# (tests/bench/stats/test_series.py); of those only changes beyond the margin are called worse.
PENALTY = 4.0
# One-sided: at exactly the margin at most 0.5% of single reports are beyond it. Within it at most 5% are proven, as
# everywhere (PASS_LEVEL).
BEYOND_LEVEL = 0.995
# Degrees of freedom for each report beyond the second: the noise of few reports is little known. Of 6 to 30 reports
# with normal noise, single ones are then beyond the margin in at most 0.5%, two in a row in at most 0.25%, and at most
# 5% are proven to be within it (tests/bench/stats/test_series.py).
FREEDOM = 0.45
CONSISTENCY = 1.4826  # of the median absolute deviation with Gaussian noise
# A noise is at least the margin over this: reports may be equal to the last bit, and changes that small matter to
# nobody.
FINEST = 50.0


@dataclasses.dataclass(frozen=True)
class Change:
    """The level of a metric changed with a report."""

    first: int  # position of the first report of the new level
    difference: float  # of the levels' logarithms, new − old
    worse: bool  # by more than the margin; of what is to stay equal, in either direction


@dataclasses.dataclass(frozen=True)
class Drift:
    """The distance of the newest report from the fixed reference."""

    difference: float  # of logarithms
    # Position of the report since which all are certainly beyond the margin; None if the newest isn't, or it alone.
    first: int | None
    proven: bool  # that the newest report is not worse (or not other, if two-sided) by as much as the margin


def noise(values: Sequence[float], margin: float) -> float | None:
    """Returns the standard deviation of a report, from differences of neighbours, each of which holds two.

    None for too few reports.
    """
    if len(values) < LEAST_REPORTS:
        return None
    differences = np.diff(np.asarray(values))
    return max(
        CONSISTENCY * float(np.median(np.abs(differences - np.median(differences)))) / math.sqrt(2), margin / FINEST
    )


def changes(
    values: Sequence[float], deviation: float, margin: float, least: int = LEAST_LEVEL, *, two_sided: bool = False
) -> tuple[Change, ...]:
    """Returns where the mean level changes: the cheapest segmentation under a penalty for each change (PELT, Killick
    and others 2012). `least`: reports that a level lasts. `two_sided`: a fall is for the worse as a rise is.
    """
    import ruptures  # late: with scipy.stats and scipy.signal it takes a second to import

    signal = np.asarray(values)[:, None] / deviation
    ends = ruptures.KernelCPD(kernel="linear", min_size=least).fit(signal).predict(pen=PENALTY * math.log(len(values)))
    means = [fmean(values[start:end]) for start, end in itertools.pairwise([0, *map(int, ends)])]
    found = zip(map(int, ends), itertools.pairwise(means), strict=False)
    steps = ((first, new - old) for first, (old, new) in found)
    return tuple(Change(first, step, (abs(step) if two_sided else step) > margin) for first, step in steps)


def drift(
    differences: Sequence[float], deviations: Sequence[float], margin: float, *, two_sided: bool = False
) -> Drift:
    """Returns the drift of the newest report, by each report's difference from the fixed reference. One report alone
    beyond the margin is an outlier.

    `deviations` are those of the differences: they hold the fixed reference's noise, too, and are taken to be
    estimated from these reports, LEAST_REPORTS at least. `two_sided`: the margin bounds a fall as well; reports count
    as beyond it on the newest one's side.
    """
    sign = -1.0 if two_sided and differences[-1] < 0 else 1.0
    worse = [sign * difference for difference in differences]
    freedom = FREEDOM * (len(differences) - 2)
    away, near = t_quantile(BEYOND_LEVEL, freedom), t_quantile(PASS_LEVEL, freedom)
    newest_first = zip(reversed(worse), reversed(deviations), strict=True)
    beyond = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] - away * pair[1] > margin, newest_first))
    first = len(differences) - beyond if beyond >= LEAST_LEVEL else None
    return Drift(differences[-1], first, worse[-1] + near * deviations[-1] < margin)
