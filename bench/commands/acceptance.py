"""Accepted regressions: `tfgate record --accept` lets them pass until a day."""

import argparse
import dataclasses
import datetime
from collections.abc import Sequence

from bench.commands.usage import UsageError
from bench.commands.verdicts import judged
from bench.judge.acceptances import FAILURES, accepted_regression
from bench.judge.gate import Standards
from bench.judge.ledger import TimedReport
from bench.judge.types import Comparison
from bench.record.ledger import AcceptedRegression, Ledger, Ratio
from bench.record.types import Run
from bench.report.judged import AnyReport
from bench.stats.outcome import Outcome


@dataclasses.dataclass(frozen=True)
class Acceptance:
    """Regressions that are let pass until a day."""

    metrics: Sequence[str]
    reason: str
    link: str
    until: datetime.date


def day(text: str) -> datetime.date:
    """Reads a date."""
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2027-03-31") from None


def with_acceptances(
    standards: Standards, reports: Sequence[AnyReport], accept: Acceptance
) -> tuple[Ledger, list[str]]:
    """Returns (the ledger with the reports' regressions in some metrics, a line on each regression).

    They replace what was accepted of them before. Raises UsageError.
    """
    in_turn = [report for report in reports if not isinstance(report, Run)]
    if len(in_turn) < len(reports):
        raise UsageError(
            "a run of one environment has no regression that can be accepted: name the report of a gate, an upgrade "
            "or micro"
        )
    ledger = standards.ledger
    worse = _regressions(in_turn, standards, dataclasses.replace(ledger, regressions=()))
    regressions = [(report, one) for report, one in worse if one.metric.name in accept.metrics]
    if failed := [one for _, one in regressions if isinstance(one.reason, FAILURES)]:
        raise UsageError(
            f"--accept {failed[0].metric.name!r}: what fails leaves the rest unmeasured, so a PASS would rest on "
            "nothing: mend it, and measure again"
        )
    if missing := [name for name in accept.metrics if name not in {one.metric.name for _, one in regressions}]:
        there = ", ".join(dict.fromkeys(one.metric.name for _, one in worse)) or "none"
        raise UsageError(f"--accept {missing[0]!r}: the reports have no regression of that metric; they have: {there}")
    until, measured = accept.until.isoformat(), max(report.created for report in reports)[:10]
    if until < measured:
        raise UsageError(f"--until {until} is before the report's own date, {measured}: name that day or a later one")
    why = accept.reason, accept.link, until
    made = [accepted_regression(one, ledger, report, *why) for report, one in regressions]
    by_size = sorted(made, key=lambda one: one.limit or 0.0)
    found = list({(one.subject, one.metric, one.fingerprint): one for one in by_size}.values())
    changed = dataclasses.replace(ledger, regressions=(*not_replaced(ledger, found), *found))
    if any(one.metric.name in accept.metrics for _, one in _regressions(in_turn, standards, changed)):
        raise UsageError(
            "the report's reference is not one of the ledger's, so the regression would still fail: accept a report "
            "that was measured in turn with a reference of the ledger"
        )
    lines = [
        f"{one.metric} of {one.subject}: accepted {_extent(one)}"
        + "".join(f" (before: {_extent(old)})" for old in ledger.regressions if _replaces(one, old))
        for one in found
    ]
    return changed, lines


def not_replaced(ledger: Ledger, new: Sequence[Ratio | AcceptedRegression]) -> tuple[AcceptedRegression, ...]:
    """Returns the ledger's acceptances whose place nothing new takes."""
    return tuple(old for old in ledger.regressions if not any(_replaces(one, old) for one in new))


def _replaces(new: Ratio | AcceptedRegression, old: AcceptedRegression) -> bool:
    """Tells whether something new takes an acceptance's place: of the same metric, subject and file; "" is any file."""
    return (new.subject, new.metric) == (old.subject, old.metric) and old.fingerprint in ("", new.fingerprint)


def _extent(accepted: AcceptedRegression) -> str:
    size = "" if accepted.limit is None else f", up to {100 * accepted.limit:.1f}%"
    return f"until {accepted.expires}{size}"


def _regressions(
    reports: Sequence[TimedReport], standards: Standards, ledger: Ledger
) -> list[tuple[TimedReport, Comparison]]:
    """Returns (the report, its comparison) of each REGRESSION by the standards with this ledger."""
    by_ledger = dataclasses.replace(standards, ledger=ledger)
    return [
        (report, one)
        for report in reports
        for one in judged(report, by_ledger).verdict.comparisons
        if one.outcome is Outcome.REGRESSION
    ]
