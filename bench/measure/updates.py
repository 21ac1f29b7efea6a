"""Checks a step that the oracle doesn't take: clipping and the update, from the step's own gradients and norm.

The norm can't be computed here, since duplicate rows of the embedding's gradient are published added up. It must be at
least that of the other gradients; one that is too large is not found.

This costs a pass over the weights and the gradients, so every step of a checked launch is checked. An update that is
lost at one step in a thousand, or wrong from some step on, shows at the very step.
"""

import math

import numpy as np

from bench.measure.exchange import Exchange
from bench.measure.numerics import FLOOR, UNIT_ROUNDOFF, reads, relative_error, rounding_error
from bench.record.types import NumericError
from lm.arrays import Array, Floats, Tokens
from lm.config import Config

CHUNK = 1 << 15  # floats: a few of them stay in a core's second-level cache


def clipping_and_update(
    config: Config, exchange: Exchange, step: int, inputs: Tokens, learning_rate: float
) -> list[NumericError]:
    """Returns the errors of the norm, the clipped gradients and the update w′ − w that a step published, by tensor.

    Wanted are gradient · clip norm / max(norm, clip norm) and −learning rate · clipped. The norm's error is how far it
    is below the least that it can be.
    """
    gradients, clipped = (exchange.results(quantity, step) for quantity in ("gradient", "clipped"))
    norm = float(exchange.results("norm", step)[""])
    least = math.sqrt(sum(_squared(value) for name, value in gradients.items() if name != "embedding"))
    factor = config.clip_norm / max(norm, config.clip_norm)
    before, after = exchange.weights(step), exchange.updated(step)
    rows = np.sqrt(reads(inputs, config), dtype=np.float32)
    return [
        NumericError(step, "norm", "", relative_error(np.minimum(norm, least), np.asarray(least)), FLOOR),
        *(
            NumericError(step, "clipped", name, scaled_error(value, gradients[name], factor)[0], FLOOR)
            for name, value in clipped.items()
        ),
        *(
            NumericError(step, "update", name, error, FLOOR + rounding)
            for name, weight in before.items()
            for error, rounding in [
                scaled_error(after[name], clipped[name], -learning_rate, weight, rows if name == "embedding" else None)
            ]
        ),
    ]


@np.errstate(over="ignore", invalid="ignore")
def _squared(values: Floats) -> float:
    """Returns the sum of squares, computed as in scaled_error."""
    flat = values.reshape(-1)
    chunks = (flat[start : start + CHUNK] for start in range(0, flat.size, CHUNK))
    return sum(float(chunk @ chunk) for chunk in chunks)


def scaled_error(
    found: Floats, base: Floats, factor: float, origin: Floats | None = None, roundings: Array | None = None
) -> tuple[float, float]:
    """Returns (‖found − origin − wanted‖ / ‖wanted‖ of wanted = factor · base, numerics.rounding_error of it).

    Without an `origin` it is 0, and so is the rounding; `roundings` [rows, 1] are the square roots of how often each
    row's values are rounded. It is computed in float32, by chunks that stay in the cache, whose sums are added in
    float64; values that float32 can't square go through numerics.relative_error, with its rules for Inf, NaN and 0.
    """
    bound = None if origin is None else origin if roundings is None else origin * roundings
    distance = size = rounding = 0.0
    scale = np.float32(factor)
    flat, flat_base = found.reshape(-1), base.reshape(-1)
    flat_origin, flat_bound = (None if one is None else one.reshape(-1) for one in (origin, bound))
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for start in range(0, found.size, CHUNK):
            here = slice(start, start + CHUNK)
            wanted = flat_base[here] * scale
            apart = flat[here] - wanted
            if flat_origin is not None and flat_bound is not None:
                apart = (flat[here] - flat_origin[here]) - wanted
                moved = flat_bound[here] * (wanted != 0)
                rounding += float(moved @ moved)
            distance += float(apart @ apart)
            size += float(wanted @ wanted)
    if all(map(math.isfinite, (distance, rounding))) and 1e-30 < size < math.inf:
        return math.sqrt(distance / size), UNIT_ROUNDOFF * math.sqrt(rounding / size)
    exact = factor * base.astype(np.float64)
    zero = 0.0 if origin is None else origin.astype(np.float64)
    return relative_error(found - zero, exact), 0.0 if bound is None else rounding_error(bound, exact)
