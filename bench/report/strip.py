"""A forest plot in text: each interval in units of its metric's margin, a line a metric."""

import math
from collections.abc import Iterable

from bench.judge.types import Comparison

MARGIN, ZERO, ESTIMATE, SPAN = "┊", "│", "●", "━"
PLOT_LEGEND = f"{MARGIN} margin, {ZERO} no change, {ESTIMATE} estimate, {SPAN}"
# Margins to either side of "no change" that are shown at least and at most; what lies beyond ends in an arrow.
LEAST_SHOWN, MOST_SHOWN = 1.6, 4.0


def shown_margins(ends: Iterable[float], most: float) -> float:
    """Returns the margins to either side of "no change" that a plot shows of intervals with these ends, in margins."""
    return min(max([LEAST_SHOWN, *(abs(end) for end in ends if not math.isnan(end))]), most)


def reach(comparisons: Iterable[Comparison]) -> float:
    """Returns the margins to either side of "no change" that a plot of all shows."""
    measured = [(one.metric.margin, one.bounds) for one in comparisons if one.metric.margin and one.bounds]
    return shown_margins((end / margin for margin, bounds in measured for end in bounds), MOST_SHOWN)


def strip(comparison: Comparison, shown: float, width: int, blank: str = " ") -> str:
    """Returns the plot from -`shown` to `shown` margins in `width` characters, an odd number; blank where there is
    nothing to draw.
    """
    found, bounds, margin = comparison.interval, comparison.bounds, comparison.metric.margin
    cells = [blank] * width
    if not found or not bounds or not margin:
        return "".join(cells)
    low, high, estimate = (end / margin for end in (*bounds, found.estimate))
    if math.isnan(low + estimate + high):
        return "".join(cells)
    first, last = _place(low, shown, width), _place(high, shown, width)
    cells[first : last + 1] = [SPAN] * (last + 1 - first)
    for place, glyph in ((0.0, ZERO), (-1.0, MARGIN), (1.0, MARGIN), (estimate, ESTIMATE)):
        cells[_place(place, shown, width)] = glyph
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
