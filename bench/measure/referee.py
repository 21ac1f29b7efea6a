"""The referee of a lockstep comparison: compares what both sides published, and asks the oracle which side is right.

It runs in a process of its own, in the orchestrator's interpreter: neither side judges itself. The limit of a tensor is
twice the oracle check's (bench.measure.numerics), since two correct implementations may each differ from the oracle by
that much. The limit is SCREEN, plus the rounding of new weights for an update, plus a multiple of what float32 costs
the oracle on the very step. A step whose differences stay within the first two needs no oracle; any other has its
limits computed there and then.
"""

import dataclasses
import math
from pathlib import Path

import numpy as np

from bench.measure.chunked import in_range, sums_of_squares
from bench.measure.exchange import Exchange, file_bytes, step_shapes
from bench.measure.numerics import FLOOR, Expected, expected_step, relative_error, rounding_error
from bench.record.lockstep import QUANTITIES, SIDES, Compared, Departure, Difference, Prepared, Tensor
from bench.record.paired import CANDIDATE, REFERENCE
from lm.arrays import Array, Floats
from lm.config import config_by_name
from lm.data.batches import steps_per_epoch, training_batch
from lm.data.load import load_corpus

SCREEN = SIDES * FLOOR


class Session:
    """Compares steps when asked."""

    def prepare(self, config: str, corpus: str, corpus_path: str | None) -> Prepared:
        """Loads a reference configuration. Raises ConfigError, CorpusError."""
        self._config = config_by_name(config)
        self._tokens = load_corpus(corpus, self._config, corpus_path).train
        shapes = step_shapes(self._config, lockstep=True)
        tensors = {**shapes[CANDIDATE], "update": shapes[CANDIDATE]["weights"]}
        self._tensors = [(quantity, tensor) for quantity in QUANTITIES for tensor in tensors[quantity]]
        return Prepared(tuple(Tensor(*pair) for pair in self._tensors), file_bytes(shapes))

    def share(self, path: str) -> None:
        """Creates the file through which both sides publish their steps."""
        self._exchange = Exchange.create(Path(path), self._config, lockstep=True)

    def compare(self, step: int) -> Compared:
        """Returns the differences of the step that both sides have just taken."""
        found = [self._screened(step, *pair) for pair in self._tensors]
        asked = any(one.difference > one.limit for one in found)
        found, departure = self._judged(found) if asked else (found, None)
        nearest = max(found, key=lambda one: one.difference / one.limit)
        loss = float(self._exchange.results("loss")[""])
        return Compared(loss, tuple(one.difference for one in found), nearest, asked, departure)

    def _screened(self, step: int, quantity: str, tensor: str) -> Difference:
        """Returns a difference, and the limit that needs no oracle."""
        exchange, roles, limit = self._exchange, (CANDIDATE, REFERENCE), SCREEN
        if quantity == "update":
            origin = exchange.weights(step)[tensor]
            candidate, reference = (exchange.updated(step, role)[tensor] for role in roles)
            difference = relative_difference(candidate, reference, origin)
            limit += SIDES * rounding_error(origin, reference - origin)
        else:
            candidate, reference = (exchange.results(quantity, role=role)[tensor] for role in roles)
            difference = relative_difference(candidate, reference)
        return Difference(step, quantity, tensor, difference, limit)

    def _judged(self, screened: list[Difference]) -> tuple[list[Difference], Departure | None]:
        """Returns a step's differences with the limits that the oracle gives them, and the departure if one is over."""
        expected = self._expected(screened[0].step)
        found = [dataclasses.replace(one, limit=SIDES * expected.limits[one.quantity][one.tensor]) for one in screened]
        over = [one for one in found if not one.difference <= one.limit]
        if not over:
            return found, None
        named = [one for one in over if one.quantity == over[0].quantity]
        first = max(named, key=lambda one: one.difference / one.limit)
        wanted = expected.values[first.quantity][first.tensor]
        errors = (relative_error(self._found(role, first), wanted) for role in (REFERENCE, CANDIDATE))
        return found, Departure(first, len(over) - 1, *errors)

    def _expected(self, step: int) -> Expected:
        """Takes the oracle's step from the same weights, state and batch."""
        epoch = 1 + step // steps_per_epoch(self._tokens.size, self._config)
        before = self._exchange.weights(step), self._exchange.start
        batch = training_batch(self._tokens, self._config, step)
        return expected_step(self._config, before, batch, self._config.epoch_learning_rate(epoch))

    def _found(self, role: str, one: Difference) -> Array:
        """Returns a side's tensor; of an update, w′ − w in float64."""
        if one.quantity == "update":
            return (
                self._exchange.updated(one.step, role)[one.tensor].astype(np.float64)
                - self._exchange.weights(one.step)[one.tensor]
            )
        return self._exchange.results(one.quantity, role=role)[one.tensor]


def relative_difference(candidate: Floats, reference: Floats, origin: Floats | None = None) -> float:
    """Returns ‖candidate − reference‖ / ‖reference − origin‖ (no origin: 0) of arrays of one shape."""
    if origin is None:
        distance, size = sums_of_squares(lambda found, wanted: (found - wanted, wanted), candidate, reference)
    else:
        distance, size = sums_of_squares(
            lambda found, wanted, base: (found - wanted, wanted - base), candidate, reference, origin
        )
    if in_range(distance, size):
        return math.sqrt(distance / size)
    zero = 0.0 if origin is None else origin.astype(np.float64)
    return relative_error(candidate - zero, reference - zero)
