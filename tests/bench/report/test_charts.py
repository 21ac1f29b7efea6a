"""Scales, ticks and paths, in numbers that can be checked by hand."""

import math

import pytest

from bench.report.charts import FLOOR, MOST_POINTS, Scale, Shape, chart, linear, logarithmic, round_step, thinned


@pytest.mark.parametrize(
    ("value", "percent"),
    [(0.0, 0.0), (5.0, 50.0), (10.0, 100.0), (-3.0, 0.0), (99.0, 100.0)],
    ids=["low", "middle", "high", "below", "above"],
)
def test_a_linear_scale_keeps_to_its_ends(value: float, percent: float) -> None:
    assert Scale(0.0, 10.0).percent(value) == pytest.approx(percent)


@pytest.mark.parametrize(("value", "percent"), [(1e-8, 0.0), (1e-6, 50.0), (1e-4, 100.0), (0.0, 0.0)])
def test_a_logarithmic_scale(value: float, percent: float) -> None:
    assert Scale(1e-8, 1e-4, logarithmic=True).percent(value) == pytest.approx(percent)


@pytest.mark.parametrize(("rough", "step"), [(0.7, 1.0), (1.0, 1.0), (1.1, 2.0), (3.0, 5.0), (6.0, 10.0), (0.023, 0.05), (700.0, 1000.0)])
def test_round_step(rough: float, step: float) -> None:
    assert round_step(rough) == pytest.approx(step)


def test_ticks_are_round_and_within_the_axis() -> None:
    # 0.3 to 10.2: a fifth is 1.98, so every 2.
    assert [tick.label for tick in Scale(0.3, 10.2).ticks(" ms")] == ["2 ms", "4 ms", "6 ms", "8 ms", "10 ms"]
    assert [tick.label for tick in Scale(-0.1, 0.3).ticks()] == ["-0.1", "0", "0.1", "0.2", "0.3"]
    assert [tick.label for tick in Scale(1e-9, 1e-6, logarithmic=True).ticks()] == ["1e-09", "1e-08", "1e-07", "1e-06"]


def test_a_scale_has_room_for_all_finite_values_and_for_none() -> None:
    assert linear([1.0, math.nan, 3.0, math.inf]) == Scale(0.9, 3.1)
    assert linear([2.0, 2.0]) == Scale(1.9, 2.1)
    assert linear([]) == Scale(-0.05, 1.05)
    assert logarithmic([2e-7, 5e-6]) == Scale(1e-7, 1e-5, logarithmic=True)
    assert logarithmic([0.0]).low == pytest.approx(FLOOR)


def test_thinned_takes_means_and_keeps_the_end() -> None:
    assert thinned([1.0, 2.0, 3.0], start=5) == ((5, 1.0), (6, 2.0), (7, 3.0))
    values = [float(value) for value in range(2 * MOST_POINTS + 1)]  # three to a stretch
    points = thinned(values)
    assert points[:2] == ((0, 1.0), (3, 4.0))
    assert points[-1] == (480, 480.0)
    assert len(points) == 161


def test_paths_lie_in_a_square_of_100_with_up_at_the_top() -> None:
    shapes = [
        Shape("line", ((0.0, 0.0), (10.0, 100.0))),
        Shape("dot", ((5.0, 50.0),)),
        Shape("area", ((0.0, 0.0), (10.0, 0.0), (10.0, 100.0)), closed=True),
        Shape("gap", ((0.0, math.nan), (10.0, 0.0), (10.0, 100.0))),
        Shape("nothing", ((0.0, math.nan),)),
    ]
    drawn = chart("t", "c", ("x", "y"), shapes, x_scale=Scale(0.0, 10.0))
    low, high = 100 - 100 * 5 / 110, 100 * 5 / 110  # 0 and 100 on an axis from −5 to 105
    assert [mark.path for mark in drawn.marks] == [
        f"M0.00 {low:.2f}L100.00 {high:.2f}",
        "M50.00 50.00h0",
        f"M0.00 {low:.2f}L100.00 {low:.2f}L100.00 {high:.2f}Z",
        f"M100.00 {low:.2f}L100.00 {high:.2f}",
        "",
    ]
