"""Sums of squares in float32, for tensors too many and too large to be compared in float64 at every step."""

import math
from collections.abc import Callable

import numpy as np

from lm.arrays import Floats

CHUNK = 1 << 15  # floats: a few of them stay in a core's second-level cache


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def sums_of_squares(terms: Callable[..., tuple[Floats, ...]], *arrays: Floats) -> list[float]:
    """Returns the sum of squares of each array that `terms` makes of `arrays`, which have one shape.

    It is computed in float32, by chunks that stay in the cache, whose sums are added in float64.
    """
    flat = [array.reshape(-1) for array in arrays]
    chunks = (terms(*(one[start : start + CHUNK] for one in flat)) for start in range(0, flat[0].size, CHUNK))
    return [sum(column) for column in zip(*([float(one @ one) for one in chunk] for chunk in chunks), strict=True)]


def in_range(*sums: float) -> bool:
    """Tells whether float32 could square what was summed, and the last sum, which is divided by, has not vanished.

    Other values go through numerics.relative_error, with its rules for Inf, NaN and 0.
    """
    return all(map(math.isfinite, sums)) and sums[-1] > 1e-30
