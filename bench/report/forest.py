"""A forest plot: every metric's difference with its confidence interval, in units of the metric's own margin."""

import dataclasses
import math
from collections.abc import Sequence

from bench.judge.types import Comparison
from bench.report import values
from bench.report.judged import severity
from bench.report.sentences import why
from bench.report.strip import shown_margins
from bench.stats.intervals import Interval

MOST_SHOWN = 6.0  # margins to either side of "no change"; what lies beyond ends in an arrow
ROOM = 1.15  # the axis, in lengths of the widest interval


@dataclasses.dataclass(frozen=True)
class Span:
    """An interval's place, in percent of the plot's width."""

    low: float
    high: float
    pass_low: float
    pass_high: float
    estimate: float
    off_left: bool
    off_right: bool


@dataclasses.dataclass(frozen=True)
class Row:
    """A metric as its row shows it; `span` is None of what was compared exactly or not judged, and of an interval that
    is not a number.
    """

    comparison: Comparison
    span: Span | None
    size: str  # the estimate; "" without an interval
    interval: str  # the two-sided 95% CI; "" without one
    margin: str  # "–" without one
    sides: str  # both values
    why: str


@dataclasses.dataclass(frozen=True)
class Forest:
    """Rows by subject, and where their margin lies, in percent of the plot's width: "no change" is in the middle."""

    rows: dict[str, list[Row]]
    margin: float

    @property
    def drawn(self) -> bool:
        """Tells whether any row has an interval."""
        return any(row.span for rows in self.rows.values() for row in rows)


def forest(comparisons: Sequence[Comparison]) -> Forest:
    """Returns every comparison's row, in each subject what decides the verdict first."""
    measured = [(one.metric.margin, one.interval) for one in comparisons if one.metric.margin and one.interval]
    ends = (ROOM * end / margin for margin, found in measured for end in (found.low, found.high))
    shown = shown_margins(ends, MOST_SHOWN)
    rows: dict[str, list[Row]] = {}
    for comparison in comparisons:
        rows.setdefault(comparison.subject, []).append(_row(comparison, shown))
    ordered = {subject: sorted(of, key=_importance) for subject, of in rows.items()}
    return Forest(ordered, _percent(1.0, shown))


def _importance(row: Row) -> tuple[int, bool]:
    return severity(row.comparison.outcome), row.span is None


def _row(comparison: Comparison, shown: float) -> Row:
    metric = comparison.metric
    found = comparison.interval if metric.margin else None
    low, high = (values.difference(end, metric) for end in (found.low, found.high)) if found else ("", "")
    return Row(
        comparison=comparison,
        span=_span(found, metric.margin, shown) if found and metric.margin else None,
        size=values.difference(found.estimate, metric) if found else "",
        interval=f"95% CI {low} to {high}" if found else "",
        margin=values.margin(metric),
        sides=values.both(comparison),
        why=why(comparison),
    )


def _span(found: Interval, margin: float, shown: float) -> Span | None:
    if math.isnan(found.low) or math.isnan(found.high):
        return None
    return Span(
        low=_percent(found.low / margin, shown),
        high=_percent(found.high / margin, shown),
        pass_low=_percent(found.pass_low / margin, shown),
        pass_high=_percent(found.pass_high / margin, shown),
        estimate=_percent(found.estimate / margin, shown),
        off_left=found.low / margin < -shown,
        off_right=found.high / margin > shown,
    )


def _percent(margins: float, shown: float) -> float:
    """Returns where a value lies on an axis from −`shown` margins to `shown`, in percent; outside: at its edge."""
    return 50 * (1 + min(max(margins / shown, -1.0), 1.0))
