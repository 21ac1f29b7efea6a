"""The variance split between launches and quads."""

import math

import pytest

from bench.stats.spread import spread


def test_spread_shows_its_arithmetic() -> None:
    # Launches (−1, 1), (3, 5): means 0 and 4, whose variance is 8; within 2, of which half is in a mean of two: between
    # 8 − 2/2 = 7.
    found = spread([[-1, 1], [3, 5], []])
    assert found is not None
    assert found.summary_deviation == pytest.approx(math.sqrt(8))
    assert (found.launch_deviation, found.quad_deviation, found.quads) == pytest.approx((math.sqrt(7), math.sqrt(2), 2))


@pytest.mark.parametrize("launches", [[], [[0.1, 0.2]], [[0.1, 0.2], []]])
def test_one_launch_has_no_spread(launches: list[list[float]]) -> None:
    assert spread(launches) is None
