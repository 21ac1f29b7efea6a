"""Checks one step of TensorFlow's against the oracle's, from the same weights, state and batch.

Errors are normwise and relative, ‖found − oracle‖ / ‖oracle‖, tensor by tensor. The limit is a multiple of what float32
costs the oracle itself on that very step, plus a floor; the update is judged as w′ − w, with what the rounding of w
costs on top.
"""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.record.types import NumericError
from lm.arrays import Array, Tokens
from lm.config import Config
from lm.data.batches import Batch
from lm.oracle.sgd import Gradient, densified
from lm.oracle.step import Step
from lm.oracle.step import evaluate as oracle_evaluate
from lm.oracle.step import step as oracle_step

if TYPE_CHECKING:
    from lm.training.trainer import StepResult, Trainer

Arrays = Mapping[str, Array]  # by tensor
Before = tuple[Arrays, Arrays]  # weights and state that a step starts from
Quantities = dict[str, dict[str, Array]]  # quantity, then tensor; a scalar's tensor is ""

# docs/numerics.md has the measurements on six TensorFlow versions that chose both.
FLOAT32_MULTIPLE = 8.0
FLOOR = 4e-6
UNIT_ROUNDOFF = 2.0**-24


@dataclasses.dataclass(frozen=True)
class Expected:
    """The oracle's results of one step, and how far off a float32 implementation may be: quantity, then tensor."""

    values: Quantities  # in float64; where float32 overflows, what it makes of that
    limits: dict[str, dict[str, float]]  # of relative_error


def check_step(
    trainer: "Trainer", before: Before, step: int, batch: Batch, learning_rate: float, result: "StepResult"
) -> tuple[NumericError, ...]:
    """Returns the errors of a step just taken, one for each quantity: that of its worst tensor.

    `before` holds the weights and the state that the step started from, `batch` what it read, `result` what it
    returned. The learning rate is the schedule's, not the one that TensorFlow's optimizer says it has. Logits that an
    implementation doesn't keep are not compared: its loss and gradients depend on them and show their errors.
    """
    config, (weights, _) = trainer.config, before
    names = config.weight_shapes()
    found: dict[str, Arrays] = {
        "loss": {"": np.asarray(result.loss)},
        "norm": {"": np.asarray(result.global_norm)},
        "gradient": _dense(dict(zip(names, result.gradients, strict=True)), config, np.float64),
        "clipped": _dense(dict(zip(names, result.clipped, strict=True)), config, np.float64),
        "update": _difference(trainer.weights, weights),
        "state": trainer.state,
    }
    if result.logits is not None:  # first: a fault is named by its first sign
        found = {"logits": {"": np.asarray(result.logits)}, **found}
    expected = expected_step(config, before, batch, learning_rate)
    return tuple(_worst(step, quantity, found[quantity], expected) for quantity in found)


def check_evaluation(
    trainer: "Trainer", before: Before, step: int, batch: tuple[Tokens, Tokens], loss: Any
) -> tuple[NumericError, ...]:
    """Returns the errors of an evaluation step just taken: of its loss, and of the state that it left.

    `batch` holds inputs and targets [batch, steps]; other arguments as in check_step.
    """
    weights, state = before
    wide, narrow = (
        _evaluated(*oracle_evaluate(trainer.config, _cast(weights, kind), _cast(state, kind), *batch))
        for kind in (np.float64, np.float32)
    )
    found = {"loss": {"": np.asarray(loss)}, "state": trainer.state}
    expected = _expected(wide, narrow)
    return tuple(_worst(step, quantity, found[quantity], expected) for quantity in found)


def expected_step(config: Config, before: Before, batch: Batch, learning_rate: float) -> Expected:
    """Takes the oracle's step on `batch` from the weights and the state in `before`."""
    weights, state = before
    wide, narrow = (
        _quantities(
            oracle_step(config, _cast(weights, kind), _cast(state, kind), *batch, learning_rate=learning_rate),
            config,
            weights,
        )
        for kind in (np.float64, np.float32)
    )
    # An update carries the error of the clipped gradient and, bounded apart, the rounding of the new weights.
    narrow["update"] = {name: -learning_rate * value.astype(np.float64) for name, value in narrow["clipped"].items()}
    expected = _expected(wide, narrow)
    reads = np.bincount(np.ravel(batch.inputs), minlength=config.vocabulary_size)[:, np.newaxis]
    for name, update in wide["update"].items():
        expected.limits["update"][name] += rounding_error(weights[name], update, reads if name == "embedding" else 1)
    return expected


def relative_error(found: Array, wanted: Array) -> float:
    """Returns ‖found − wanted‖ / ‖wanted‖ in float64; infinity for unlike shapes.

    Where both hold the same Inf, or both NaN, they agree; where only one does, the error is infinite.
    """
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    if found.shape != wanted.shape:
        return float("inf")
    finite = np.isfinite(wanted)
    if not np.array_equal(found[~finite], wanted[~finite], equal_nan=True) or not np.isfinite(found[finite]).all():
        return float("inf")
    distance, size = np.linalg.norm(found[finite] - wanted[finite]), np.linalg.norm(wanted[finite])
    return float(distance / size) if size else (float("inf") if distance else 0.0)


def rounding_error(weight: Array, update: Array, roundings: Array | int = 1) -> float:
    """Returns the relative error of an update w′ − w that rounding w′ to float32 may cause.

    A value may be rounded more than once (`roundings`, which is broadcast): Keras 3 subtracts an embedding's duplicate
    rows one by one. The errors then add up as in a random walk.
    """
    moved = np.isfinite(update) & (update != 0)
    size = np.linalg.norm(update[moved])
    return float(UNIT_ROUNDOFF * np.linalg.norm((weight * np.sqrt(roundings))[moved]) / size) if size else 0.0


def _expected(wide: Quantities, narrow: Quantities) -> Expected:
    """Returns values and limits from the oracle's results in float64 and in float32.

    Where float32 overflows and float64 doesn't, float32 is right: a norm above 1e19 is Inf there, since its square is.
    """
    values: Quantities = {}
    limits: dict[str, dict[str, float]] = {}
    for quantity, tensors in wide.items():
        values[quantity], limits[quantity] = {}, {}
        for tensor, value in tensors.items():
            attainable = narrow[quantity][tensor]
            wanted = np.where(np.isfinite(attainable), value, attainable)
            values[quantity][tensor] = wanted
            cost = relative_error(np.where(np.isfinite(wanted), attainable, wanted), wanted)
            limits[quantity][tensor] = FLOAT32_MULTIPLE * cost + FLOOR
    return Expected(values, limits)


def _worst(step: int, quantity: str, found: Arrays, expected: Expected) -> NumericError:
    """Returns the error of the tensor that is nearest to its limit, or furthest over it."""
    wanted, limits = expected.values[quantity], expected.limits[quantity]
    errors = [
        NumericError(step, quantity, tensor, relative_error(value, wanted[tensor]), limits[tensor])
        for tensor, value in found.items()
    ]
    return max(errors, key=lambda error: error.error / error.limit)


def _quantities(step: Step, config: Config, weights: Arrays) -> Quantities:
    """Returns the oracle's results under the names that TensorFlow's are given."""
    return {
        "logits": {"": step.logits},
        "loss": {"": np.asarray(step.loss)},
        "norm": {"": np.asarray(step.global_norm)},
        "gradient": _dense(step.gradients, config),
        "clipped": _dense(step.clipped, config),
        "update": _difference(step.weights, weights),
        "state": dict(step.state),
    }


def _evaluated(loss: np.inexact, state: dict[str, Array]) -> Quantities:
    return {"loss": {"": np.asarray(loss)}, "state": state}


@np.errstate(invalid="ignore")  # Inf − Inf is the NaN that TensorFlow has there, too
def _difference(after: Arrays, before: Arrays) -> dict[str, Array]:
    return {name: np.asarray(after[name], np.float64) - before[name] for name in after}


def _cast(arrays: Arrays, kind: type[np.floating[Any]]) -> dict[str, Array]:
    return {name: value.astype(kind) for name, value in arrays.items()}


def _dense(
    gradients: Mapping[str, Gradient], config: Config, dtype: type[np.floating[Any]] | None = None
) -> dict[str, Array]:
    """Returns gradients, the oracle's or TensorFlow's, as dense arrays; duplicate rows are added up in `dtype`."""
    shapes = config.weight_shapes()
    return {name: densified(value, shapes[name][0], dtype) for name, value in gradients.items()}
