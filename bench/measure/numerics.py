"""One step of TensorFlow's against the oracle's, from the same weights, state and batch: no training, no chaos, no stored numbers.

Errors are normwise and relative, ‖found − oracle‖ / ‖oracle‖, tensor by tensor. The limit is a multiple of what float32 costs the
oracle itself on that very step, plus a floor; the update is judged as w′ − w, with what the rounding of w costs on top.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.record.types import NumericError
from lm.oracle import SparseRows, Step
from lm.oracle import step as oracle_step

Array = NDArray[Any]

# docs/numerics.md has the measurements on six TensorFlow versions that chose both.
FLOAT32_MULTIPLE = 8.0
FLOOR = 4e-6
UNIT_ROUNDOFF = 2.0**-24


def check_step(
    trainer: Any, before: tuple[Any, Any], step: int, batch: tuple[Any, Any, Any], learning_rate: float, result: Any
) -> tuple[NumericError, ...]:
    """Errors of a step just taken by lm.trainer.Trainer, one for each quantity: that of its worst tensor.

    `before` holds the weights and the state that the step started from, `batch` its inputs, targets and masks, `result` what it
    returned. The learning rate is the schedule's, not the one that TensorFlow's optimizer says it has.
    """
    config, (weights, state) = trainer.config, before
    oracle, float32 = (
        oracle_step(config, _cast(weights, kind), _cast(state, kind), *batch, learning_rate=learning_rate)
        for kind in (np.float64, np.float32)
    )
    names = config.weight_shapes()
    found = {
        "loss": {"": np.asarray(result.loss)},
        "norm": {"": np.asarray(result.global_norm)},
        "gradient": dict(zip(names, map(_dense, result.gradients), strict=True)),
        "clipped": dict(zip(names, map(_dense, result.clipped), strict=True)),
        "update": _difference(trainer.weights, weights),
        "state": trainer.state,
    }
    wanted, attainable = _quantities(oracle, weights), _quantities(float32, weights)
    # An update carries the error of the clipped gradient and, bounded apart, the rounding of the new weights.
    attainable["update"] = {name: -learning_rate * value for name, value in attainable["clipped"].items()}
    rounding = {name: _rounding(weights[name], wanted["update"][name]) for name in names}
    return tuple(
        _worst(step, quantity, found[quantity], wanted[quantity], attainable[quantity], rounding if quantity == "update" else {})
        for quantity in found
    )


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


def _worst(
    step: int,
    quantity: str,
    found: Mapping[str, Array],
    wanted: Mapping[str, Array],
    float32: Mapping[str, Array],
    extra: Mapping[str, float],
) -> NumericError:
    """The tensor that comes nearest to its limit, or is furthest over it."""
    errors = []
    for tensor, value in found.items():
        attainable = relative_error(float32[tensor], wanted[tensor])
        limit = FLOAT32_MULTIPLE * (attainable if np.isfinite(attainable) else 0.0) + FLOOR + extra.get(tensor, 0.0)
        errors.append(NumericError(step, quantity, tensor, relative_error(value, wanted[tensor]), limit))
    return max(errors, key=lambda error: error.error / error.limit)


def _quantities(step: Step, weights: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
    """What the oracle computed, under the names that TensorFlow's results are given."""
    return {
        "loss": {"": np.asarray(step.loss)},
        "norm": {"": np.asarray(step.global_norm)},
        "gradient": {name: _densified(value, weights[name]) for name, value in step.gradients.items()},
        "clipped": {name: _densified(value, weights[name]) for name, value in step.clipped.items()},
        "update": _difference(step.weights, weights),
        "state": dict(step.state),
    }


def _difference(after: Mapping[str, Array], before: Mapping[str, Array]) -> dict[str, Array]:
    return {name: np.asarray(after[name], np.float64) - before[name] for name in after}


def _rounding(weight: Array, update: Array) -> float:
    """Relative error of an update that rounding the new weights to float32 may cause."""
    size = np.linalg.norm(update)
    return float(UNIT_ROUNDOFF * np.linalg.norm(weight[update != 0]) / size) if size and np.isfinite(size) else 0.0


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
