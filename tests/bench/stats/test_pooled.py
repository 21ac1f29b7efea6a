"""Means of groups, with one deviation: arithmetic by hand."""

import math

import numpy as np
import pytest

from bench.stats.intervals import t_quantile
from bench.stats.pooled import Bounded, Pooled


def test_a_difference_of_means_has_the_deviation_of_all_groups() -> None:
    """Squares about the means 1 and 5: 2 + 8 = 10, of 2 + 1 degrees; errors 1/3 and 1/2 of that variance."""
    pooled = Pooled([[0.0, 1.0, 2.0], [], [3.0, 7.0]])
    assert pooled.deviation == pytest.approx(math.sqrt(10 / 3))
    found = pooled.bounds(np.array([-1.0, 0.0, 1.0]), 0.975)
    assert found
    wide = t_quantile(0.975, 3) * math.sqrt(10 / 3 * (1 / 3 + 1 / 2))
    assert [found.estimate, found.high] == pytest.approx([4.0, 4.0 + wide])


def test_the_deviation_may_be_that_of_some_groups() -> None:
    """Squares about 5: 8, of 1 degree."""
    groups = [[0.0, 0.0], [3.0, 7.0]]
    pooled = Pooled(groups, groups[1:])
    assert pooled.freedom == 1
    assert pooled.deviation == pytest.approx(math.sqrt(8))
    assert pooled.means.tolist() == [0.0, 5.0]


def test_groups_of_one_launch_tell_no_deviation() -> None:
    ones = Pooled([[1.0], [2.0]])
    assert math.isnan(ones.deviation)
    assert ones.bounds(np.array([1.0, 0.0]), 0.975) is None


def test_a_sum_of_no_groups_or_with_one_that_was_not_measured_is_not_told() -> None:
    pooled = Pooled([[0.0, 1.0, 2.0], []])
    assert [pooled.bounds(np.array(weights), 0.975) for weights in ([0.0, 0.0], [1.0, -1.0])] == [None, None]


def test_what_is_proven_excludes_nothing() -> None:
    assert Bounded(0.1, 0.05, 0.15).is_proven
    assert Bounded(-0.1, -0.15, -0.05).is_proven
    assert not Bounded(0.1, -0.05, 0.25).is_proven
