"""Two stored runs, measured one after the other: Welch's interval, and the machine's variance between sessions.

Launches of one command share its session: the machine was as fast as it was that hour. Two sessions differ by two draws of the session
effect, which no number of launches in either averages out. Its variance has to come from elsewhere, from a baseline's sessions.
"""

import math
import statistics
from collections.abc import Sequence

from bench.judge.intervals import Components, interval
from bench.judge.types import Interval

LEAST_LAUNCHES = 2  # a side: one has no spread
LEAST_SESSIONS = 3  # from two, Satterthwaite's 97.5% bound covers 96.8% where sessions dominate, and is twelve standard errors away


def unpaired(reference: Sequence[float], candidate: Sequence[float], sessions: Components | None) -> Interval | None:
    """The difference of two runs' means, each a session of its own; None without a spread to judge it by.

    Variance: s²ᵣ/n + s²꜀/m + 2·(σs² + σw²/l), where the last bracket is the variance of the means of the stored sessions, of l launches
    each. It holds the launches' noise once more, on purpose: σs² alone, floored at 0, looks small by luck where sessions are few
    (docs/statistics.md has the simulation). Degrees of freedom by Satterthwaite, S − 1 for the sessions.
    """
    if sessions is None or sessions.groups < LEAST_SESSIONS:
        return None
    return _combined(reference, candidate, 2 * sessions.mean_variance * sessions.groups, sessions.groups - 1)


def welch(reference: Sequence[float], candidate: Sequence[float]) -> Interval | None:
    """The difference of two means of one session, or of what no session moves (Welch 1947, Biometrika 34, 28-35); None without a spread."""
    return _combined(reference, candidate, 0.0, 1.0)


def _combined(reference: Sequence[float], candidate: Sequence[float], more: float, more_freedom: float) -> Interval | None:
    """Welch's interval with a further part of the variance, of its own degrees of freedom."""
    if min(len(reference), len(candidate)) < LEAST_LAUNCHES or not all(map(math.isfinite, (*reference, *candidate))):
        return None
    parts = [(statistics.variance(side) / len(side), len(side) - 1.0) for side in (reference, candidate)] + [(more, more_freedom)]
    variance = math.fsum(part for part, _ in parts)
    if not variance > 0:
        return None
    freedom = variance**2 / math.fsum(part**2 / freedom for part, freedom in parts)
    return interval(statistics.fmean(candidate) - statistics.fmean(reference), math.sqrt(variance), freedom)
