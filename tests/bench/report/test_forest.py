"""The forest plot: rows in units of their margins."""

import dataclasses
import math

import pytest

from bench.report.forest import MOST_SHOWN, forest
from bench.report.strip import LEAST_SHOWN
from tests.builders.records import SUBJECT
from tests.builders.verdicts import EXACT, comparison


def test_every_margin_lies_on_one_line() -> None:
    # Intervals as wide as nothing, exactly at their margins: 5% and 1% lie at the same place.
    found = forest(
        [comparison("step time", math.log1p(0.05), 0.0, 0.05), comparison("perplexity", math.log1p(0.01), 0.0, 0.01)]
    )
    places = [row.span.estimate for row in found.rows[SUBJECT.name] if row.span]
    assert places == pytest.approx([found.margin] * 2)
    assert found.margin == pytest.approx(50 + 50 / LEAST_SHOWN)


def test_the_axis_reaches_as_far_as_the_intervals() -> None:
    # 3 margins and nothing else: 15% more room.
    found = forest([comparison("step time", 3 * math.log1p(0.05), 0.0, 0.05)])
    (row,) = found.rows[SUBJECT.name]
    assert row.span
    assert row.span.estimate == pytest.approx(100 * (3.45 + 3) / 6.9)
    assert not row.span.off_right


def test_a_pass_has_the_bounds_that_made_it_within_its_margins() -> None:
    # 3 degrees of freedom: the 95% CI reaches 3.18 standard errors, the 90% CI 2.35.
    found = forest([comparison("step time", 0.0, 0.35 * math.log1p(0.05))])
    (row,) = found.rows[SUBJECT.name]
    assert row.span
    assert row.span.low < 100 - found.margin < row.span.pass_low < row.span.estimate
    assert row.span.estimate < row.span.pass_high < found.margin < row.span.high


@pytest.mark.parametrize(("sign", "off"), [(1, (False, True)), (-1, (True, False))])
def test_what_lies_too_far_ends_in_an_arrow(sign: int, off: tuple[bool, bool]) -> None:
    (row,) = forest([comparison("step time", sign * 2 * MOST_SHOWN * math.log1p(0.05), 0.001, 0.05)]).rows[SUBJECT.name]
    assert row.span
    assert (row.span.off_left, row.span.off_right) == off
    assert row.span.estimate == (100.0 if sign > 0 else 0.0)


def test_what_decides_comes_first() -> None:
    slow, unsure, fine = (
        comparison(name, size, 0.01, 0.05) for name, size in (("slow", 0.5), ("unsure", 0.05), ("fine", 0.0))
    )
    rows = forest([EXACT, fine, unsure, slow]).rows[SUBJECT.name]
    assert [row.comparison.metric.name for row in rows] == ["slow", "unsure", "fine", "lockstep"]
    assert [row.margin for row in rows] == ["5.0%", "5.0%", "5.0%", "–"]


def test_an_interval_that_is_no_number_hides_no_other_row() -> None:
    slow, unknown = comparison("slow", 0.2, 0.001), comparison("unknown", 0.0, 0.001)
    assert unknown.interval
    nothing = dataclasses.replace(unknown.interval, low=math.nan, high=math.nan, estimate=math.nan)
    rows = forest([dataclasses.replace(unknown, interval=nothing), slow]).rows[SUBJECT.name]
    (alone,) = forest([slow]).rows[SUBJECT.name]
    assert [row.span for row in rows] == [alone.span, None]


def test_without_a_margin_there_is_no_unit_to_draw_in() -> None:
    drawn = comparison("import", 0.5, 0.01, 0.05)
    found = forest([dataclasses.replace(drawn, metric=dataclasses.replace(drawn.metric, margin=None))])
    (row,) = found.rows[SUBJECT.name]
    assert (row.span, row.size, row.margin) == (None, "", "–")


def test_nothing_compared() -> None:
    assert forest([]).rows == {}
