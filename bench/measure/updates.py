"""Checks a step that the oracle doesn't take: clipping and the update, from the step's own gradients and norm.

The norm can't be recomputed, since duplicate rows of the embedding's gradient are published added up. So it is only
checked from below, against the norm of the other gradients.

This costs a pass over the weights and the gradients, so every step of a checked launch is checked. An update that is
lost at one step in a thousand, or wrong from some step on, shows at the very step.
"""

import math
from collections.abc import Iterable

import numpy as np

from bench.measure.chunked import in_range, sums_of_squares
from bench.measure.exchange import Exchange
from bench.measure.numerics import FLOOR, UNIT_ROUNDOFF, reads, relative_error, rounding_error
from bench.record.types import NumericError
from lm.arrays import Floats, Tokens
from lm.config import Config


def clipping_and_update(
    config: Config, exchange: Exchange, step: int, inputs: Tokens, learning_rate: float
) -> list[NumericError]:
    """Returns the errors of the norm, the clipped gradients and the update w′ − w that a step published, by tensor.

    Wanted are gradient · clip norm / max(norm, clip norm), NaN for a norm of Inf or NaN, and −learning rate · clipped.
    The norm's error is how far it is below the least that it can be.
    """
    gradients, clipped = (exchange.results(quantity, step) for quantity in ("gradient", "clipped"))
    norm = float(exchange.results("norm", step)[""])
    least = _norm(value for name, value in gradients.items() if name != "embedding")
    factor = config.clip_norm / max(norm, config.clip_norm) if math.isfinite(norm) else math.nan
    before, after = exchange.weights(step), exchange.updated(step)
    rounded = {**before, "embedding": before["embedding"] * np.sqrt(reads(inputs, config), dtype=np.float32)}
    return [
        NumericError(step, "norm", "", relative_error(np.minimum(norm, least), np.asarray(least)), FLOOR),
        *(
            NumericError(step, "clipped", name, clipped_error(value, gradients[name], factor), FLOOR)
            for name, value in clipped.items()
        ),
        *(
            NumericError(step, "update", name, error, FLOOR + rounding)
            for name, weight in before.items()
            for error, rounding in [update_error(weight, after[name], clipped[name], learning_rate, rounded[name])]
        ),
    ]


def _norm(arrays: Iterable[Floats]) -> float:
    """Returns the norm of all values together."""
    return math.sqrt(sum(sums_of_squares(lambda values: (values,), array)[0] for array in arrays))


def clipped_error(clipped: Floats, gradient: Floats, factor: float) -> float:
    """Returns ‖clipped − wanted‖ / ‖wanted‖ of wanted = factor · gradient."""

    def terms(found: Floats, base: Floats) -> tuple[Floats, Floats]:
        wanted = base * np.float32(factor)
        return found - wanted, wanted

    distance, size = sums_of_squares(terms, clipped, gradient)
    if in_range(distance, size):
        return math.sqrt(distance / size)
    return relative_error(clipped, factor * gradient.astype(np.float64))


def update_error(
    before: Floats, after: Floats, clipped: Floats, learning_rate: float, rounded: Floats
) -> tuple[float, float]:
    """Returns (‖after − before − wanted‖ / ‖wanted‖ of wanted = −learning rate · clipped, rounding_error of it).

    `rounded` is `before` times the square roots of how often its values are rounded.
    """

    def terms(new: Floats, old: Floats, base: Floats, bound: Floats) -> tuple[Floats, Floats, Floats]:
        wanted = base * np.float32(-learning_rate)
        return (new - old) - wanted, bound * (wanted != 0), wanted

    distance, rounding, size = sums_of_squares(terms, after, before, clipped, rounded)
    if in_range(distance, rounding, size):
        return math.sqrt(distance / size), UNIT_ROUNDOFF * math.sqrt(rounding / size)
    exact = -learning_rate * clipped.astype(np.float64)
    return relative_error(after - before.astype(np.float64), exact), rounding_error(rounded, exact)
