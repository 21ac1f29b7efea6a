"""Paired runs of releases with a good one, to the release that brought a change; or to what is measured next.

Releases are numbered from 1, in their order; the last is bad. A metric that launches tell is searched for by
bench.stats.bisection, numbers, which have no noise, by plain bisection.
"""

import dataclasses
import enum
from collections.abc import Sequence

from bench.judge.margins import Margins
from bench.judge.paired import judge_paired
from bench.judge.samples import differences_of, samples_of, whole_pairs
from bench.judge.types import Comparison
from bench.record.paired import PairedRun
from bench.stats.bisection import MOST_FIRST, Search
from bench.stats.outcome import Outcome

NUMBERS = "numbers"  # what the oracle and lockstep tell, in the place of a metric's name
DOUBTS = (Outcome.REGRESSION, Outcome.INCONCLUSIVE)  # outcomes of numbers that are not known to be right
# Median launches of a search for a change of 20 deviations, and of 3: docs/bisect.md.
LAUNCHES = (11, 19)


class Answer(enum.Enum):
    """The end of a search."""

    FOUND = "found"
    NO_SINGLE = "no single change"  # each release brought less than a quarter of it
    NO_CHANGE = "no change"  # the bad release doesn't differ from the good one
    UNDECIDED = "inconclusive"  # nothing tells whether the bad release's numbers are right
    OPEN = "open"


@dataclasses.dataclass(frozen=True)
class Finding:
    """The state of a search: `release` is the one that is found, or else that is to be measured next."""

    answer: Answer
    release: int | None = None


def expected(releases: int, metric: str) -> tuple[int, int]:
    """Returns (fewest, most) launches that a search among so many releases is to take; of numbers, comparisons."""
    return (releases.bit_length(), 1 + (releases - 1).bit_length()) if metric == NUMBERS else LAUNCHES


def values_of(run: PairedRun | None, metric: str, margins: Margins) -> list[float]:
    """Returns a metric's values, one of each launch that tells it: release − good, on the metric's scale."""
    samples = samples_of(whole_pairs(run) if run else [], margins, (metric,))
    return next((differences_of(one) for one in samples if one.metric.name == metric), [])


def find_by_launches(search: Search) -> Finding:
    """Returns what launches of a metric tell."""
    if search.found:
        return Finding(Answer.FOUND, search.found)
    if search.none:
        return Finding(Answer.NO_SINGLE)
    if not search.changed and search.counts[-1] >= MOST_FIRST:
        return Finding(Answer.NO_CHANGE)
    return Finding(Answer.OPEN, search.next())


def doubted_numbers(run: PairedRun, margins: Margins) -> Comparison | None:
    """Returns the comparison that calls a release's numbers a regression, or else one that can't tell whether they are
    right; None where all are right.
    """
    comparisons = judge_paired(run, margins).comparisons
    worst_first = (one for outcome in DOUBTS for one in comparisons if one.outcome is outcome)
    return next(worst_first, None)


def find_by_numbers(outcomes: Sequence[Outcome | None]) -> Finding:
    """Returns what numbers tell by their outcomes: None of a release that wasn't measured. Only the last may be
    INCONCLUSIVE.
    """
    if outcomes[-1] is None:
        return Finding(Answer.OPEN, len(outcomes))
    if outcomes[-1] is not Outcome.REGRESSION:
        return Finding(Answer.NO_CHANGE if outcomes[-1] is Outcome.PASS else Answer.UNDECIDED)
    good = max((place for place, one in enumerate(outcomes, 1) if one is Outcome.PASS), default=0)
    first = min(place for place, one in enumerate(outcomes, 1) if one is Outcome.REGRESSION and place > good)
    return Finding(Answer.FOUND, first) if first == good + 1 else Finding(Answer.OPEN, (good + first) // 2)
