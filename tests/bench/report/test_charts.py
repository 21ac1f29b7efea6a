"""Numbers made ready to be drawn."""

import math

import pytest

from bench.report.charts import MOST_POINTS, as_percent, thinned
from bench.report.values import MOST_LOG


def test_thinned_takes_means_and_keeps_the_end() -> None:
    assert thinned([1.0, 2.0, 3.0], start=5) == ((5, 1.0), (6, 2.0), (7, 3.0))
    values = [float(value) for value in range(2 * MOST_POINTS + 1)]  # three to a stretch
    points = thinned(values)
    assert points[:2] == ((0, 1.0), (3, 4.0))
    assert points[-1] == (480, 480.0)
    assert len(points) == 161


def test_a_difference_of_logarithms_in_percent() -> None:
    assert as_percent(math.log(1.25)) == pytest.approx(25.0)
    assert as_percent(1e6) == as_percent(MOST_LOG) < math.inf
    assert math.isnan(as_percent(math.inf))
    assert math.isnan(as_percent(math.nan))
