"""20% trimmed means of a launch's quads and steps."""

import math

import numpy as np
import pytest
from scipy import stats

from bench.stats.trimmed import robust_seconds, trimmed_mean, trimmed_means


def test_a_launch_is_the_trimmed_mean_of_its_quads() -> None:
    # A fifth of five is one at either end: (0.1 + 0.2 + 0.3)/3, whatever the burst was.
    assert trimmed_mean([0.3, 9.0, 0.1, -5.0, 0.2]) == pytest.approx(0.2)
    assert trimmed_mean([0.3, 99.0, 0.1, -5.0, 0.2]) == pytest.approx(0.2)


def test_few_quads_are_not_trimmed() -> None:
    assert trimmed_mean([0.0, 0.4]) == pytest.approx(0.2)


def test_no_values_are_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        trimmed_mean([])


def test_trimmed_means_of_many_launches_are_those_of_each() -> None:
    values = np.random.RandomState(1).standard_normal((2, 3, 11))
    expected = [[trimmed_mean(list(launch)) for launch in run] for run in values]
    assert trimmed_means(values) == pytest.approx(np.array(expected))


def test_robust_seconds_trims_a_fifth_at_either_end() -> None:
    # Of 1, 2, 4, 8, 1000 the outer two go; the geometric mean of 2, 4, 8 is 4.
    assert robust_seconds([1000.0, 2.0, 8.0, 1.0, 4.0]) == pytest.approx(4.0)


def test_robust_seconds_of_too_few_steps_is_none() -> None:
    assert robust_seconds([1.0, 1.0]) is None


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf])
def test_a_time_that_no_clock_gives_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="the record is damaged"):
        robust_seconds([1.0, wrong, 1.0])


def test_robust_seconds_is_scipy_s_trimmed_mean() -> None:
    for count in range(3, 30):
        seconds = np.exp(np.random.RandomState(count).standard_normal(count))
        assert robust_seconds(list(seconds)) == pytest.approx(math.exp(stats.trim_mean(np.log(seconds), 0.2)))
