"""How much launches that resemble each other widen a mean's bounds."""

import math

import numpy as np
import pytest

from bench.stats.autocorrelation import ASSUMED, widening
from experiments.noise import autoregression


def test_widening_shows_its_arithmetic() -> None:
    # n = 2: C = ρ/2, so (1 + ρ)/(1 − ρ). n = 3, ρ = 0.5: C = (2/3)(1/2) + (1/3)(1/4) = 5/12, so
    # (1 + 10/12)/(1 − 5/12) = 22/7.
    assert widening(2, 0.5) == pytest.approx(math.sqrt(3))
    assert widening(3, 0.5) == pytest.approx(math.sqrt(22 / 7))
    assert widening(12, 0.0) == 1.0
    assert widening(8) == widening(8, ASSUMED) > 1.0
    # n without end: C = ρ/(1 − ρ) = 1/4, so 1 + 1/2. At once, since a damaged file may say any number.
    assert widening(2**50) == pytest.approx(math.sqrt(1.5))


@pytest.mark.parametrize("launches", [4, 12])
def test_widening_is_that_of_a_simulated_autoregression(launches: int) -> None:
    # Both parts at once: mean square of the means × n, over the mean sample variance. 100,000 rows: off by under 2%.
    rows = autoregression(np.random.default_rng(1).standard_normal((100_000, launches)), 0.4)
    found = math.sqrt(launches * (rows.mean(axis=1) ** 2).mean() / rows.var(axis=1, ddof=1).mean())
    assert found == pytest.approx(widening(launches, 0.4), rel=0.02)
