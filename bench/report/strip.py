"""A forest plot in text: each interval in units of its metric's margin, a line a metric."""

import dataclasses
import math
from collections.abc import Iterable

from bench.judge.types import Comparison

# Margins to either side of "no change" that are shown at least and at most; what lies beyond ends in an arrow.
LEAST_SHOWN, MOST_SHOWN = 1.6, 4.0


@dataclasses.dataclass(frozen=True)
class Glyphs:
    """The characters that draw a plot and its numbers."""

    margin: str = "┊"
    zero: str = "│"
    span: str = "━"
    estimate: str = "●"
    blank: str = " "
    at_most: str = "≤"
    at_least: str = "≥"
    either: str = "±"


DRAWN = Glyphs()
ASCII = Glyphs(":", "|", "=", "o", at_most="<=", at_least=">=", either="+-")


def reach(comparisons: Iterable[Comparison]) -> float:
    """Returns the margins to either side of "no change" that a plot of all shows."""
    ends = (
        abs(end) / one.metric.margin
        for one in comparisons
        if one.bounds and one.metric.margin
        for end in one.bounds
        if not math.isnan(end)
    )
    return min(max(max(ends, default=0.0), LEAST_SHOWN), MOST_SHOWN)


def strip(comparison: Comparison, shown: float, width: int, glyphs: Glyphs = DRAWN) -> str:
    """Returns the plot from -`shown` to `shown` margins in `width` characters, an odd number; blank where there is
    nothing to draw.
    """
    found, bounds, margin = comparison.interval, comparison.bounds, comparison.metric.margin
    cells = [glyphs.blank] * width
    if not found or not bounds or not margin:
        return "".join(cells)
    low, high, estimate = (end / margin for end in (*bounds, found.estimate))
    if math.isnan(low + estimate + high):
        return "".join(cells)
    first, last = _place(low, shown, width), _place(high, shown, width)
    cells[first : last + 1] = [glyphs.span] * (last + 1 - first)
    for place, glyph in ((0.0, glyphs.zero), (-1.0, glyphs.margin), (1.0, glyphs.margin)):
        cells[_place(place, shown, width)] = glyph
    cells[_place(estimate, shown, width)] = glyphs.estimate
    if low < -shown:
        cells[0] = "<"
    if high > shown:
        cells[-1] = ">"
    return "".join(cells)


def _place(margins: float, shown: float, width: int) -> int:
    """Returns the column of a value. What lies within the margin never shares the margin's column, nor what lies beyond
    it, so that rounding hides no crossing.
    """
    middle = width // 2
    edge = max(round(middle / shown), 1)
    size = round(middle * min(abs(margins) / shown, 1.0))
    if abs(margins) < 1:
        size = min(size, edge - 1)
    elif abs(margins) > 1:
        size = min(max(size, edge + 1), middle)
    return middle + (size if margins > 0 else -size)
