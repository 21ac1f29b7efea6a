"""Reads which regressions the ledger accepts, up to which size and until when, and makes such acceptances."""

import dataclasses
import math
from collections.abc import Sequence

from bench.judge.ledger import TimedReport, accepted_ratio, file_of, is_foreign, of_models
from bench.judge.notices import NotAccepted
from bench.judge.reasons import FAILED, Accepted, Decided, Diverged, Reason, StoredRange
from bench.judge.reports import paired_runs
from bench.judge.types import Comparison, Direction, Scale
from bench.record.ledger import AcceptedRegression, Ledger
from bench.record.micro import Micro
from bench.stats.outcome import Outcome

# Nobody can accept these: what fails leaves the rest unmeasured, and a PASS would rest on nothing.
FAILURES = (*FAILED, Diverged)


def tolerated(comparisons: Sequence[Comparison], ledger: Ledger, report: TimedReport) -> list[Comparison]:
    """Returns a report's comparisons, with those that are an accepted regression as PASS, for that reason.

    The report's own date counts: judged again, it keeps its verdict.
    """
    ledger = of_models(ledger, report)
    held = [accepted for accepted in _held(ledger, report) if report.created[:10] <= accepted.expires]
    return [_tolerated(comparison, held, ledger, report) for comparison in comparisons]


def not_accepted(comparisons: Sequence[Comparison], ledger: Ledger, report: TimedReport) -> list[Reason]:
    """Returns the warnings of regressions that were accepted, but not for as long, not of that size, or of another file
    of an own model; of tolerated comparisons.
    """
    everything, held = _held(ledger, report), _held(of_models(ledger, report), report)
    last = {(one.subject, one.metric): one for one in (*everything, *held)}
    worse = [one for one in comparisons if one.outcome is Outcome.REGRESSION and not isinstance(one.reason, FAILURES)]
    return [
        NotAccepted(
            *key,
            accepted.limit,
            accepted.expires,
            accepted.link,
            ended=report.created[:10] > accepted.expires,
            other_file=accepted not in held,
        )
        for key in ((one.subject, one.metric.name) for one in worse)
        if (accepted := last.get(key))
    ]


def accepted_regression(
    comparison: Comparison, ledger: Ledger, report: TimedReport, reason: str, link: str, expires: str
) -> AcceptedRegression:
    """Returns the acceptance of a report's REGRESSION up to its size's outer bound, rounded up to half a percent.

    The bound is relative to the ratio accepted last, and at least that.
    """
    limit, sizes = None, _sizes(comparison, _begin(comparison, of_models(ledger, report), report))
    if sizes:
        limit = max(math.ceil(200 * math.expm1(sizes[1])) / 200, 0.0)
    subject, metric = comparison.subject, comparison.metric.name
    return AcceptedRegression(subject, metric, limit, reason, link, expires, file_of(report, subject))


def _held(ledger: Ledger, report: TimedReport) -> tuple[AcceptedRegression, ...]:
    """Returns the accepted regressions of a ledger that count for a report; an empty tuple if a reference of the
    report is not one of the ledger's.
    """
    foreign = any(is_foreign(ledger, reference) for reference in _references(report))
    return () if foreign else ledger.regressions


def _references(report: TimedReport) -> list[str]:
    """Returns Side.setup of the reference of each run in turn; none of a gate of numbers alone."""
    if isinstance(report, Micro):
        return [report.run.reference.setup]
    return [run.reference.setup for run in paired_runs(report)]


def _tolerated(
    comparison: Comparison, held: Sequence[AcceptedRegression], ledger: Ledger, report: TimedReport
) -> Comparison:
    if comparison.outcome is not Outcome.REGRESSION or isinstance(comparison.reason, FAILURES):
        return comparison
    begin = _begin(comparison, ledger, report)
    accepted = next((one for one in held if _is_of(one, comparison, begin)), None)
    if accepted is None:
        return comparison
    reason = Accepted(accepted.expires, accepted.reason, accepted.link, comparison.reason)
    return dataclasses.replace(comparison, outcome=Outcome.PASS, reason=reason)


def _is_of(accepted: AcceptedRegression, comparison: Comparison, begin: float) -> bool:
    """Tells whether a regression is the accepted one, and no larger. `begin`: see _begin."""
    if (accepted.subject, accepted.metric) != (comparison.subject, comparison.metric.name):
        return False
    sizes = _sizes(comparison, begin)
    if sizes is None:
        return accepted.limit is None
    return accepted.limit is not None and sizes[0] <= math.log1p(accepted.limit)


def _sizes(comparison: Comparison, begin: float) -> tuple[float, float] | None:
    """Returns (the size of a regression, its outer bound), logarithms; None of what has no size.

    Words/s have no interval: the size is how far they are below the stored range, the bound how far below its top.
    """
    found, reason = comparison.interval, comparison.reason
    if isinstance(reason, StoredRange) and comparison.candidate:
        return math.log(reason.low / comparison.candidate), math.log(reason.high / comparison.candidate)
    if found is None or comparison.metric.scale is not Scale.LOG:
        return None
    return _size(comparison, found.estimate - begin), _size(comparison, found.low - begin, found.high - begin)


def _size(comparison: Comparison, *differences: float) -> float:
    """Returns the largest of the differences: of a metric that is to be equal, in either direction."""
    return max(map(abs, differences) if comparison.metric.direction is Direction.EQUAL else differences)


def _begin(comparison: Comparison, ledger: Ledger, report: TimedReport) -> float:
    """Returns where a size begins to count, on a comparison's own scale. A gate and micro measure from the ratio
    accepted last: 0. An upgrade measures from the reference: that ratio.
    """
    if not isinstance(comparison.reason, Decided):
        return 0.0
    reference = next(iter(_references(report)), "")
    last = accepted_ratio(ledger, reference, comparison.subject, comparison.metric.name)
    return last - comparison.reason.accepted
