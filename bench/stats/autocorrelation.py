"""The factor by which a mean's bounds widen where one launch resembles the next.

Under a first-order autoregression of coefficient ρ the mean of n values has the variance σ²(1 + 2C)/n and the sample
variance the expectation σ²(1 − 2C/(n − 1)), with C = Σₖ (1 − k/n)ρᵏ, k from 1 to n − 1 (Anderson 1971, "The Statistical
Analysis of Time Series", section 8.2): both make a t statistic too large, together by the root of their ratio.
"""

import functools
import math

# From 4 to 12 launches ρ = 0.2 can't be told from 0 (the estimate's deviation is over 0.25), and takes a REGRESSION at
# exactly the margin from 2.5% to 6%. So that much is taken for granted. Chosen by simulation: docs/statistics.md has
# the alternatives.
ASSUMED = 0.2


@functools.cache
def widening(launches: int, rho: float = ASSUMED) -> float:
    """Returns by how much a first-order autoregression of coefficient `rho` scales the t statistic of `launches`
    values.
    """
    shared = rho / (1 - rho) - rho * (1 - rho**launches) / (launches * (1 - rho) ** 2)  # the sum C, in closed form
    return math.sqrt((1 + 2 * shared) / (1 - 2 * shared / (launches - 1)))
