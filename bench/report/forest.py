"""A forest plot: every metric's difference with its confidence interval, each row scaled to its own margin, so that all share one line."""

import dataclasses
from collections.abc import Sequence

from bench.judge.types import Comparison, percent
from bench.report.story import WORST_FIRST, bounds
from bench.stats.intervals import Interval

# Margins to either side of "no change" that are shown at least and at most; what lies beyond ends in an arrow.
LEAST_SHOWN, MOST_SHOWN = 1.6, 6.0


@dataclasses.dataclass(frozen=True)
class Scale:
    """An axis from −`shown` margins to `shown`."""

    shown: float

    def percent(self, margins: float) -> float:
        """Where a value lies in the plot's width; one that lies outside is moved to the edge."""
        return 50 * (1 + min(max(margins / self.shown, -1.0), 1.0))


@dataclasses.dataclass(frozen=True)
class Span:
    """Where an interval lies, in percent of the plot's width."""

    low: float
    high: float
    pass_low: float
    pass_high: float
    estimate: float
    off_left: bool
    off_right: bool
    text: str


@dataclasses.dataclass(frozen=True)
class Row:
    """A metric; without an interval (`span` is None) it was compared exactly, or not judged."""

    comparison: Comparison
    span: Span | None
    margin: str  # "" without one


@dataclasses.dataclass(frozen=True)
class Forest:
    """Rows by subject, and where the lines that they share lie, in percent of the plot's width."""

    rows: dict[str, list[Row]]
    no_change: float
    low_margin: float
    high_margin: float


def forest(comparisons: Sequence[Comparison]) -> Forest:
    """Every comparison's row, in each subject what decides the verdict first."""
    reach = max((_reach(comparison.interval, comparison.margin) for comparison in comparisons), default=0.0)
    scale = Scale(min(max(1.15 * reach, LEAST_SHOWN), MOST_SHOWN))
    rows: dict[str, list[Row]] = {}
    for comparison in comparisons:
        rows.setdefault(comparison.subject, []).append(_row(comparison, scale))
    ordered = {subject: sorted(of, key=_importance) for subject, of in rows.items()}
    return Forest(ordered, scale.percent(0.0), scale.percent(-1.0), scale.percent(1.0))


def _importance(row: Row) -> tuple[int, bool]:
    return WORST_FIRST.index(row.comparison.outcome), row.span is None


def _reach(found: Interval | None, margin: float | None) -> float:
    """How many margins an interval reaches from "no change"."""
    return max(abs(found.low), abs(found.high)) / margin if found and margin else 0.0


def _row(comparison: Comparison, scale: Scale) -> Row:
    found, margin = comparison.interval, comparison.margin
    if found is None:
        return Row(comparison, None, "")
    unit = margin or max(abs(found.low), abs(found.high)) or 1.0  # without a margin: as wide as the interval needs
    return Row(comparison, _span(found, unit, scale), percent(margin) if margin else "")


def _span(found: Interval, unit: float, scale: Scale) -> Span:
    values = (found.low, found.high, found.pass_low, found.pass_high, found.estimate)
    low, high, pass_low, pass_high, estimate = (scale.percent(value / unit) for value in values)
    off = (found.low / unit < -scale.shown, found.high / unit > scale.shown)
    return Span(low, high, pass_low, pass_high, estimate, *off, f"{percent(found.estimate)}: {bounds(found)}")
