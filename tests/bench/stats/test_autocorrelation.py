"""Lag-1 autocorrelation, and how much it widens a mean's bounds."""

import math

import numpy as np
import pytest

from bench.stats.autocorrelation import ASSUMED, LARGEST, inflation, lag1, widening
from experiments.noise import autoregression


def test_lag1_shows_its_arithmetic() -> None:
    # 1, 2, 3, 4 less their mean: −1.5, −0.5, 0.5, 1.5; products 0.75 − 0.25 + 0.75 = 1.25, squares 5. In turn ±1: −3/4.
    found = lag1(np.array([[1.0, 2.0, 3.0, 4.0], [1.0, -1.0, 1.0, -1.0], [2.0, 2.0, 2.0, 2.0]]))
    assert found[:2] == pytest.approx([0.25, -0.75])
    assert math.isnan(found[2])


def test_inflation_shows_its_arithmetic() -> None:
    # n = 2: C = ρ/2, so (1 + ρ)/(1 − ρ). n = 3, ρ = 0.5: C = (2/3)(1/2) + (1/3)(1/4) = 5/12; (1 + 10/12)/(1 − 5/12) = 22/7.
    assert inflation(np.array([0.5]), 2) == pytest.approx(math.sqrt(3))
    assert inflation(np.array([0.5]), 3) == pytest.approx(math.sqrt(22 / 7))
    assert inflation(np.array([0.0]), 12) == 1.0


@pytest.mark.parametrize("launches", [4, 12])
def test_inflation_is_that_of_a_simulated_autoregression(launches: int) -> None:
    # Both parts at once: mean square of the means × n, over the mean sample variance. 100,000 rows: off by under 2%.
    rho = 0.4
    rows = autoregression(np.random.default_rng(1).standard_normal((100_000, launches)), rho)
    found = math.sqrt(launches * (rows.mean(axis=1) ** 2).mean() / rows.var(axis=1, ddof=1).mean())
    assert found == pytest.approx(inflation(np.array([rho]), launches)[0], rel=0.02)


def test_little_or_negative_correlation_widens_by_what_is_assumed() -> None:
    # 0.1 at n = 8 counts as 0.1 + 1/8 = 0.225: 0.025 beyond the assumed 0.2, shrunk by 8/(8 + 12) to 0.01.
    assert widening(np.array([-0.9, 0.0]), 8) == pytest.approx(inflation(np.full(2, ASSUMED), 8))
    assert widening(np.array([0.1]), 8) == pytest.approx(inflation(np.array([ASSUMED + 0.01]), 8))


def test_more_correlation_widens_more_up_to_a_limit() -> None:
    found = widening(np.array([0.0, 0.4, 0.8, 2.0, 9.0]), 12)
    assert (np.diff(found[:4]) > 0).all()
    assert found[3:] == pytest.approx(inflation(np.full(2, LARGEST), 12))
