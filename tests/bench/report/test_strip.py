"""The forest plot in text: where marks stand, and that rounding hides no crossing of a margin."""

import dataclasses
import math

import pytest

from bench.report.strip import LEAST_SHOWN, MOST_SHOWN, reach, strip
from bench.stats.outcome import Outcome
from tests.builders.verdicts import EXACT, comparison

MARGIN = math.log1p(0.05)


def test_marks_stand_where_their_values_lie() -> None:
    # 21 columns for ±2 margins: 5 columns a margin, zero at 10. The interval has no width.
    assert strip(comparison("step time", 0.0, 0.0), 2.0, 21) == "     ┊    ●    ┊     "
    assert strip(comparison("step time", MARGIN, 0.0), 2.0, 21) == "     ┊    │    ●     "
    # 1.4 margins: column 10 + 7.
    assert strip(comparison("step time", 1.4 * MARGIN, 0.0), 2.0, 21) == "     ┊    │    ┊ ●   "


def test_a_pass_is_drawn_by_the_bounds_that_made_it() -> None:
    # 3 degrees of freedom: the 95% CI reaches 3.18 standard errors, the 90% CI 2.35.
    one = comparison("step time", 0.0, 0.35 * MARGIN)
    assert one.outcome is Outcome.PASS
    assert one.interval
    assert one.interval.high > MARGIN > one.interval.pass_high
    assert strip(one, 2.0, 21) == "     ┊━━━━●━━━━┊     "  # inside both margins
    few = dataclasses.replace(one, outcome=Outcome.INCONCLUSIVE)  # launches for a PASS
    assert strip(few, 2.0, 21) == strip(one, 2.0, 21)
    other = dataclasses.replace(one, outcome=Outcome.REGRESSION)
    assert strip(other, 2.0, 21) == "    ━┊━━━━●━━━━┊━    "


@pytest.mark.parametrize("width", [11, 17, 25])
@pytest.mark.parametrize("shown", [LEAST_SHOWN, MOST_SHOWN])
@pytest.mark.parametrize("sign", [-1, 1])
def test_rounding_hides_no_crossing(width: int, shown: float, sign: int) -> None:
    """An estimate of 0.99 margins is left of the mark, one of 1.01 right of it."""
    at, inside, outside = (
        strip(comparison("step time", sign * size * MARGIN, 0.0), shown, width).index("●") for size in (1, 0.99, 1.01)
    )
    middle = width // 2
    assert abs(inside - middle) < abs(at - middle) < abs(outside - middle) <= middle


@pytest.mark.parametrize(("sign", "place", "arrow"), [(-1, 0, "<"), (1, -1, ">")])
def test_what_lies_too_far_ends_in_an_arrow(sign: int, place: int, arrow: str) -> None:
    assert strip(comparison("step time", sign * 9 * MARGIN, 0.001), 4.0, 17)[place] == arrow


def test_the_plot_reaches_as_far_as_the_intervals_within_bounds() -> None:
    near, far, further = (comparison("step time", size * MARGIN, 0.0) for size in (0.1, 3, 30))
    assert reach([]) == reach([near, EXACT]) == LEAST_SHOWN
    assert reach([near, far]) == pytest.approx(3)
    assert reach([near, far, further]) == MOST_SHOWN


def test_nothing_to_draw_is_blank() -> None:
    one = comparison("step time", 0.0, 0.01)
    assert one.interval
    endless = dataclasses.replace(one, interval=dataclasses.replace(one.interval, pass_high=math.inf))
    unknown = dataclasses.replace(one, interval=dataclasses.replace(one.interval, estimate=math.nan))
    unlimited = dataclasses.replace(one, metric=dataclasses.replace(one.metric, margin=None))
    assert [strip(each, 2.0, 11).strip() for each in (EXACT, unknown, unlimited)] == ["", "", ""]
    assert strip(endless, 2.0, 11).endswith(">")
