"""A survey's tables: releases by metrics, a mark for each comparison of a metric."""

import dataclasses
from collections.abc import Sequence

from bench.judge.reasons import Identical, NotGated
from bench.judge.survey import Against, Chapter, Row
from bench.judge.types import Comparison, Estimator, Metric
from bench.report import values
from bench.report.headlines import GLYPHS
from bench.report.sentences import sentence, why
from bench.report.text import table_text
from bench.report.values import NOTHING
from bench.stats.outcome import Outcome

IMPROVED = "▲"
MOST_RELEASES = 7  # side by side on a terminal
LEGEND = (
    f"{GLYPHS[Outcome.PASS]} PASS, {GLYPHS[Outcome.REGRESSION]} REGRESSION, "
    f"{GLYPHS[Outcome.INCONCLUSIVE]} INCONCLUSIVE, {GLYPHS[Outcome.NOT_GATED]} not gated, "
    f"{IMPROVED} better by more than the margin"
)
# In the place of marks, where nothing was compared.
FIRST, NONE_BEFORE, FIXED = "the first release", "none before it was measured", "the fixed reference"
NOT_MEASURED = "not measured"
BRACKETS = "In brackets: the margin"


@dataclasses.dataclass(frozen=True)
class Mark:
    """A metric of one comparison, as a cell shows it."""

    outcome: Outcome | None  # None where nothing was compared
    size: str = NOTHING  # the difference, or the candidate's value of what is compared exactly
    bounds: str = ""  # of the interval that the outcome rests on
    why: str = ""
    improved: bool = False

    @property
    def glyph(self) -> str:
        """Returns the sign of the outcome."""
        return IMPROVED if self.improved else GLYPHS[self.outcome] if self.outcome else ""

    @property
    def text(self) -> str:
        """Returns sign and difference."""
        return f"{self.glyph} {self.size}".strip()


@dataclasses.dataclass(frozen=True)
class GridRow:
    """A release of a table."""

    release: str
    marks: tuple[Mark, ...]
    said: str = ""  # in the place of marks, where there are none


@dataclasses.dataclass(frozen=True)
class Grid:
    """Releases by metrics."""

    title: str
    metrics: tuple[str, ...]
    margins: tuple[str, ...]  # of the metrics; "" of one without
    rows: tuple[GridRow, ...]

    @property
    def headers(self) -> list[str]:
        """Returns the metrics, each with its margin in brackets where it has one."""
        pairs = zip(self.metrics, self.margins, strict=True)
        return [f"{metric} ({margin})" if margin else metric for metric, margin in pairs]


def grids(chapter: Chapter, fixed: str, *, gating: bool = False) -> list[Grid]:
    """Returns a chapter's two tables, of all metrics or of those that gate; one where both are of the same pairs."""
    shown = [metric for metric in chapter.metrics() if metric.gates or not gating]
    metrics, margins = tuple(metric.name for metric in shown), tuple(map(short_margin, shown))
    first = chapter.rows[0]
    before = tuple(
        _grid_row(row, row.before, metrics, FIRST if row is first else NONE_BEFORE if row.complete else NOT_MEASURED)
        for row in chapter.rows
    )
    since = tuple(
        _grid_row(row, row.fixed, metrics, FIXED if row.release == fixed else NOT_MEASURED) for row in chapter.rows
    )
    found = [Grid(f"{chapter.name}: each release against the one before it", metrics, margins, before)]
    if any(row.before is not row.fixed for row in chapter.rows):
        found.append(Grid(f"{chapter.name}: each release against {fixed}", metrics, margins, since))
    return found


def _grid_row(row: Row, pair: Against | None, metrics: Sequence[str], alone: str) -> GridRow:
    """Returns a release's marks, or a text in their place: why there are none, or `alone` without a comparison."""
    said = why_missing(row) or (why_failed(pair) if pair else alone)
    return GridRow(row.release, tuple(mark(pair.of(name) if pair else None) for name in metrics), said)


def why_missing(row: Row) -> str:
    """Returns why a release has no numbers; "" where it has, or should have."""
    if row.left_out and not row.pairs:
        return f"isn't available: {row.left_out}"
    return f"doesn't run: {sentence(row.failure)}" if row.failure else ""


def why_partly(row: Row) -> str:
    """Returns why one of a release's two comparisons has no numbers; "" where both have, or none is there."""
    if row.left_out and row.pairs:
        return f"was not measured in part: {row.left_out}"
    failed = (f"has no numbers against {pair.reference}: {why_failed(pair)}" for pair in row.pairs if why_failed(pair))
    return next(failed, "")


def why_failed(pair: Against) -> str:
    """Returns what failed in a comparison that has no numbers, be it the release or not; "" where it has some."""
    failures = () if pair.verdict.comparisons else pair.verdict.failures
    reason = pair.failure or next(iter(failures), None)
    return sentence(reason) if reason else ""


def mark(comparison: Comparison | None) -> Mark:
    """Returns a comparison as a cell shows it."""
    if comparison is None:
        return Mark(None)
    found, metric = comparison.interval, comparison.metric
    exact = metric.estimator is Estimator.EXACT or comparison.failed
    size, bounds = values.sides(comparison)[0] if exact else NOTHING, ""
    if found:
        size = short_size(found.estimate, metric)
        bounds = " to ".join(short_size(end, metric) for end in comparison.unaccepted.bounds or ())
    elif isinstance(comparison.reason, NotGated):
        size = why(comparison)
    elif isinstance(comparison.reason, Identical):
        size = "equal"
    size = f"accepted {size}" if comparison.accepted else size
    return Mark(comparison.outcome, size, bounds, why(comparison), comparison.improved)


def short_size(value: float, metric: Metric) -> str:
    """Returns a difference as a cell shows it."""
    return values.difference(value, metric).removesuffix("/step")


def short_margin(metric: Metric) -> str:
    """Returns a metric's margin as brackets show it; "" without one."""
    return "" if metric.margin is None else values.margin(metric).removesuffix("/step")


def grid_text(grid: Grid) -> str:
    """Returns a table of metrics by releases, as many side by side as have room."""
    parts = []
    for start in range(0, len(grid.rows), MOST_RELEASES):
        rows = grid.rows[start : start + MOST_RELEASES]
        cells = [
            [header, *(row.marks[place].text if not row.said else NOTHING for row in rows)]
            for place, header in enumerate(grid.headers)
        ]
        parts.append(table_text(["", *(row.release for row in rows)], cells))
    return "\n\n".join(parts)
