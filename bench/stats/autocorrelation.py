"""How much wider a mean's bounds must be where one launch resembles the next.

Under a first-order autoregression of coefficient ρ the mean of n values has the variance σ²(1 + 2C)/n and the sample variance the
expectation σ²(1 − 2C/(n − 1)), with C = Σₖ (1 − k/n)ρᵏ, k from 1 to n − 1 (Anderson 1971, "The Statistical Analysis of Time Series",
section 8.2): both make a t statistic too large, together by the root of their ratio.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# From 4 to 12 launches ρ = 0.2 can't be told from 0 (the estimate's deviation is over 0.25), and takes a REGRESSION at exactly the margin
# from 2.5% to 5%. So that much is taken for granted, and only what is found beyond it widens further, shrunk as if WEIGHT launches had
# shown none. Chosen by simulation: docs/statistics.md has the alternatives.
ASSUMED = 0.2
WEIGHT = 12
LARGEST = 0.6  # beyond it (1 − 2C/(n − 1)) is near 0 at the first look, and the launches tell next to nothing of their own spread


def lag1(values: Floats) -> Floats:
    """Lag-1 autocorrelation of each row of [runs, launches]: [runs]. NaN for a row without spread."""
    apart = values - values.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = (apart[:, 1:] * apart[:, :-1]).sum(axis=1) / (apart**2).sum(axis=1)
    return found


def widening(correlation: Floats, launches: int) -> Floats:
    """The factor on the standard error of a mean of `launches` values with the lag-1 autocorrelation found, [runs]; at least `ASSUMED`'s.

    The estimate is taken 1/n higher than found: it is that much too low where nothing is correlated (Marriott and Pope 1954).
    """
    beyond = np.maximum(correlation + 1 / launches - ASSUMED, 0.0)
    return inflation(np.minimum(ASSUMED + beyond * launches / (launches + WEIGHT), LARGEST), launches)


def inflation(rho: Floats, launches: int) -> Floats:
    """By how much a first-order autoregression of coefficient `rho` scales the t statistic of `launches` values, as a mean."""
    shared = np.zeros_like(rho)
    for lag in range(1, launches):
        shared += (1 - lag / launches) * rho**lag
    found: Floats = np.sqrt((1 + 2 * shared) / (1 - 2 * shared / (launches - 1)))
    return found
