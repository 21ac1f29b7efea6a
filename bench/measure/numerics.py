"""One step of TensorFlow's against the oracle's, from the same weights, state and batch: no training, no chaos, no stored numbers.

Errors are normwise and relative, ‖found − oracle‖ / ‖oracle‖, tensor by tensor. The limit is a multiple of what float32 costs the
oracle itself on that very step, plus a floor; the update is judged as w′ − w, with what the rounding of w costs on top.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.record.types import NumericError
from lm.config import Config
from lm.oracle.sgd import SparseRows
from lm.oracle.step import Step
from lm.oracle.step import evaluate as oracle_evaluate
from lm.oracle.step import step as oracle_step

Array = NDArray[Any]
Quantities = dict[str, dict[str, Array]]  # quantity, then tensor; a scalar's tensor is ""

# docs/numerics.md has the measurements on six TensorFlow versions that chose both.
FLOAT32_MULTIPLE = 8.0
FLOOR = 4e-6
UNIT_ROUNDOFF = 2.0**-24


@dataclasses.dataclass(frozen=True)
class Expected:
    """What the oracle computed in one step, and how far from it a float32 implementation may be: quantity, then tensor."""

    values: Quantities  # in float64; where float32 overflows, what it makes of that
    limits: dict[str, dict[str, float]]  # of relative_error


def check_step(
    trainer: Any, before: tuple[Any, Any], step: int, batch: tuple[Any, Any, Any], learning_rate: float, result: Any
) -> tuple[NumericError, ...]:
    """Errors of a step just taken by lm.training.trainer.Trainer, one for each quantity: that of its worst tensor.

    `before` holds the weights and the state that the step started from, `batch` its inputs, targets and masks, `result` what it
    returned. The learning rate is the schedule's, not the one that TensorFlow's optimizer says it has. Logits that an implementation
    doesn't keep are not compared: its loss and gradients, functions of theirs, have to answer for them.
    """
    config, (weights, _) = trainer.config, before
    names = config.weight_shapes()
    found = {
        **(
            {} if result.logits is None else {"logits": {"": np.asarray(result.logits)}}
        ),  # first: what is wrong is named by its first sign
        "loss": {"": np.asarray(result.loss)},
        "norm": {"": np.asarray(result.global_norm)},
        "gradient": dict(zip(names, map(_dense, result.gradients), strict=True)),
        "clipped": dict(zip(names, map(_dense, result.clipped), strict=True)),
        "update": _difference(trainer.weights, weights),
        "state": trainer.state,
    }
    expected = expected_step(config, before, batch, learning_rate)
    return tuple(_worst(step, quantity, found[quantity], expected) for quantity in found)


def check_evaluation(
    trainer: Any, before: tuple[Any, Any], step: int, batch: tuple[Any, Any], loss: Any
) -> tuple[NumericError, ...]:
    """Errors of an evaluation step just taken: of its loss, and of the state that it left. Arguments as in check_step."""
    weights, state = before
    wide, narrow = (
        _evaluated(*oracle_evaluate(trainer.config, _cast(weights, kind), _cast(state, kind), *batch))
        for kind in (np.float64, np.float32)
    )
    found = {"loss": {"": np.asarray(loss)}, "state": trainer.state}
    expected = _expected(wide, narrow)
    return tuple(_worst(step, quantity, found[quantity], expected) for quantity in found)


def expected_step(
    config: Config, before: tuple[Any, Any], batch: tuple[Any, Any, Any], learning_rate: float
) -> Expected:
    """The oracle's step from the weights and the state in `before`, on the inputs, targets and masks in `batch`."""
    weights, state = before
    wide, narrow = (
        _quantities(
            oracle_step(config, _cast(weights, kind), _cast(state, kind), *batch, learning_rate=learning_rate), weights
        )
        for kind in (np.float64, np.float32)
    )
    # An update carries the error of the clipped gradient and, bounded apart, the rounding of the new weights.
    narrow["update"] = {name: -learning_rate * value.astype(np.float64) for name, value in narrow["clipped"].items()}
    expected = _expected(wide, narrow)
    reads = np.bincount(np.ravel(batch[0]), minlength=config.vocabulary_size)[:, np.newaxis]
    for name, update in wide["update"].items():
        expected.limits["update"][name] += rounding_error(weights[name], update, reads if name == "embedding" else 1)
    return expected


def relative_error(found: Array, wanted: Array) -> float:
    """‖found − wanted‖ / ‖wanted‖ in float64. Where both hold the same Inf, or both NaN, they agree; where one does, infinity."""
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    if found.shape != wanted.shape:
        return float("inf")
    finite = np.isfinite(wanted)
    if not np.array_equal(found[~finite], wanted[~finite], equal_nan=True) or not np.isfinite(found[finite]).all():
        return float("inf")
    distance, size = np.linalg.norm(found[finite] - wanted[finite]), np.linalg.norm(wanted[finite])
    return float(distance / size) if size else (float("inf") if distance else 0.0)


def rounding_error(weight: Array, update: Array, roundings: Array | int = 1) -> float:
    """Relative error of an update w′ − w that rounding w′ to float32 may cause.

    A value may be rounded more than once (`roundings`, to be broadcast): Keras 3 subtracts an embedding's duplicate rows one by one.
    The errors then add up as in a random walk.
    """
    moved = np.isfinite(update) & (update != 0)
    size = np.linalg.norm(update[moved])
    return float(UNIT_ROUNDOFF * np.linalg.norm((weight * np.sqrt(roundings))[moved]) / size) if size else 0.0


def _expected(wide: Quantities, narrow: Quantities) -> Expected:
    """Values and limits from the oracle's results in float64 and in float32.

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


def _worst(step: int, quantity: str, found: Mapping[str, Array], expected: Expected) -> NumericError:
    """The tensor that comes nearest to its limit, or is furthest over it."""
    wanted, limits = expected.values[quantity], expected.limits[quantity]
    errors = [
        NumericError(step, quantity, tensor, relative_error(value, wanted[tensor]), limits[tensor])
        for tensor, value in found.items()
    ]
    return max(errors, key=lambda error: error.error / error.limit)


def _quantities(step: Step, weights: Mapping[str, Array]) -> Quantities:
    """What the oracle computed, under the names that TensorFlow's results are given."""
    return {
        "logits": {"": step.logits},
        "loss": {"": np.asarray(step.loss)},
        "norm": {"": np.asarray(step.global_norm)},
        "gradient": {name: _densified(value, weights[name]) for name, value in step.gradients.items()},
        "clipped": {name: _densified(value, weights[name]) for name, value in step.clipped.items()},
        "update": _difference(step.weights, weights),
        "state": dict(step.state),
    }


def _evaluated(loss: Any, state: dict[str, Array]) -> Quantities:
    return {"loss": {"": np.asarray(loss)}, "state": state}


@np.errstate(invalid="ignore")  # Inf − Inf is the NaN that TensorFlow has there, too
def _difference(after: Mapping[str, Array], before: Mapping[str, Array]) -> dict[str, Array]:
    return {name: np.asarray(after[name], np.float64) - before[name] for name in after}


def _cast(arrays: Mapping[str, Array], kind: Any) -> dict[str, Array]:
    return {name: value.astype(kind) for name, value in arrays.items()}


def _densified(value: Array | SparseRows, weight: Array) -> Array:
    return value.densify(weight.shape[0]) if isinstance(value, SparseRows) else value


def _dense(tensor: Any) -> Array:
    """A TensorFlow gradient as an array; IndexedSlices with their duplicate ids added up."""
    if not hasattr(tensor, "indices"):
        return np.asarray(tensor)
    rows = SparseRows(np.asarray(tensor.indices), np.asarray(tensor.values, np.float64))
    return rows.densify(int(tensor.dense_shape[0]))
