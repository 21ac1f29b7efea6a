"""Compares a step with the oracle's, from the same weights, state and batch.

Errors are normwise and relative, ‖found − oracle‖ / ‖oracle‖, tensor by tensor. The limit is a multiple of what float32
costs the oracle itself on that very step, plus a floor, and never above CAP; the update is judged as w′ − w, with what
the rounding of w costs on top.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bench.record.types import CAP, NumericError
from lm.arrays import Array, Tokens
from lm.config import Config
from lm.data.batches import Batch
from lm.oracle.sgd import Gradient, densified
from lm.oracle.step import Step, zero_state
from lm.oracle.step import evaluate as oracle_evaluate
from lm.oracle.step import step as oracle_step

Arrays = Mapping[str, Array]  # by tensor
Before = tuple[Arrays, Arrays]  # weights and state that a step starts from
Quantities = Mapping[str, Arrays]  # quantity, then tensor; a scalar's tensor is ""
Cut = Callable[[str, Arrays], Arrays]  # makes parts of a quantity's tensors, each of which is compared by itself

# docs/numerics.md has the measurements on six TensorFlow versions that chose these.
FLOAT32_MULTIPLE = 16.0  # of 12,000 steps of tiny without a fault the worst came to 6 times the float32 oracle's error
FLOOR = 4e-6
UNIT_ROUNDOFF = 2.0**-24
SKETCH = 64
EVALUATION = "evaluation perplexity"  # the quantity of a pass


@dataclasses.dataclass(frozen=True)
class Expected:
    """The oracle's results of one step, and how far off a float32 implementation may be: quantity, then tensor.

    The functions that make it fill in its dicts.
    """

    values: dict[str, dict[str, Array]]  # in float64; where float32 overflows, what it may make of that
    limits: dict[str, dict[str, float]]  # of relative_error


def whole(_: str, tensors: Arrays) -> Arrays:
    """Leaves tensors as they are."""
    return tensors


def by_unit(_: str, tensors: Arrays) -> Arrays:
    """Cuts matrices up, so that small values count next to large ones: "lstm0/kernel[3]" is its row 3.

    Kernels [width, …] are cut by what enters them, the embedding [words, width] and states [batch, size] by what they
    hand on. An LSTM's kernels are also cut by what a unit receives: "lstm0/kernel[:, 29]" is its column 29, of its
    candidate. What a tiny unit's other gates receive goes with the square of its scale, and underflows.
    """
    parts: dict[str, Array] = {}
    for name, value in tensors.items():
        if value.ndim != 2:
            parts[name] = value
            continue
        handed_on = name == "embedding" or name.endswith(("/h", "/c"))
        parts |= {f"{name}[{index}]": row for index, row in enumerate(value.T if handed_on else value)}
        if name.startswith("lstm") and not handed_on:
            size = value.shape[1] // 4
            parts |= {f"{name}[:, {column}]": value[:, column] for column in range(2 * size, 3 * size)}
    return parts


def state_by_unit(quantity: str, tensors: Arrays) -> Arrays:
    """Cuts states up by unit, and leaves other tensors as they are."""
    return by_unit(quantity, tensors) if quantity == "state" else tensors


def by_word(quantity: str, tensors: Arrays) -> Arrays:
    """Adds to gradients each word's column of the output kernel: "output/kernel[:, 3]".

    Other quantities stay as they are: a column of an update may be mostly the rounding of its weights.
    """
    if quantity not in ("gradient", "clipped"):
        return tensors
    columns = enumerate(tensors["output/kernel"].T)
    return {**tensors, **{f"output/kernel[:, {word}]": column for word, column in columns}}


def errors_of(step: int, found: Quantities, expected: Expected, cut: Cut = whole) -> list[NumericError]:
    """Returns the error of each tensor that was `found`, or of each part of one, in the order of `found`.

    Of an update, `found` holds w′ − w.
    """
    return [
        NumericError(step, quantity, tensor, relative_error(value, wanted), expected.limits[quantity][tensor])
        for quantity, tensors in found.items()
        for tensor, value in cut(quantity, tensors).items()
        for wanted in [expected.values[quantity][tensor]]
    ]


def expected_step(
    config: Config, before: Before, batch: Batch, learning_rate: float, cut: Cut = whole, *, overflow: bool = True
) -> Expected:
    """Takes the oracle's step on `batch` from the weights and the state in `before`.

    The learning rate is the schedule's, not the one that TensorFlow's optimizer says it has. Without `overflow`, what
    overflows float32 alone is as in float64.
    """
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
    expected = expected_of(wide, narrow, cut, overflow=overflow)
    bounds = {**weights, "embedding": weights["embedding"] * np.sqrt(reads(batch.inputs, config))}
    updates = cut("update", wide["update"])
    for name, bound in cut("update", bounds).items():
        expected.limits["update"][name] += rounding_error(bound, updates[name])
    return expected


def expected_evaluation(config: Config, before: Before, ids: tuple[Tokens, Tokens], cut: Cut = whole) -> Expected:
    """Evaluates inputs and targets, each [batch, steps], from the weights and the state in `before`."""
    weights, state = before
    wide, narrow = (
        {"loss": {"": np.asarray(loss)}, "state": new_state}
        for loss, new_state in (
            oracle_evaluate(config, _cast(weights, kind), _cast(state, kind), *ids) for kind in (np.float64, np.float32)
        )
    )
    return expected_of(wide, narrow, cut)


def expected_perplexity(config: Config, weights: Arrays, batches: Sequence[tuple[Tokens, Tokens]]) -> Expected:
    """Returns the perplexity of batches of inputs and targets, each [batch, steps].

    The state is carried from one to the next, and is 0 before the first.
    """
    wide, narrow = (
        {EVALUATION: {"": _perplexity(config, _cast(weights, kind), batches)}} for kind in (np.float64, np.float32)
    )
    return expected_of(wide, narrow)


@np.errstate(over="ignore")
def _perplexity(config: Config, weights: Arrays, batches: Sequence[tuple[Tokens, Tokens]]) -> Array:
    state, losses = zero_state(config, weights, config.batch_size), []
    for inputs, targets in batches:
        loss, state = oracle_evaluate(config, weights, state, inputs, targets)
        losses.append(float(loss))
    return np.asarray(np.exp(sum(losses) / (len(losses) * config.num_steps)))


def relative_error(found: Array, wanted: Array) -> float:
    """Returns ‖found − wanted‖ / ‖wanted‖ in float64; infinity for unlike shapes.

    Where both hold the same Inf, or both NaN, they agree; where only one does, the error is infinite.
    """
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    if found.shape != wanted.shape:
        return math.inf
    finite = np.isfinite(wanted)
    if not finite.all():
        if not np.array_equal(found[~finite], wanted[~finite], equal_nan=True):
            return math.inf
        found, wanted = found[finite], wanted[finite]
    if not np.isfinite(found).all():
        return math.inf
    distance, size = np.linalg.norm(found - wanted), np.linalg.norm(wanted)
    return float(distance / size) if size else (math.inf if distance else 0.0)


@np.errstate(invalid="ignore", divide="ignore")
def sketched(found: Array, wanted: Array) -> tuple[float, ...]:
    """Returns SKETCH numbers that stand for (found − wanted) / ‖wanted‖; none where that isn't finite.

    Each value is added to one of them, or subtracted, by a stream that is the same for every process: the distance
    between two sketches is that of what they stand for, to about 9% (a CountSketch: Charikar and others 2002, "Finding
    frequent items in data streams"; its square deviates by √(2 / SKETCH)), and 0 for equals.
    """
    values = (np.ravel(np.asarray(found, np.float64)) - np.ravel(wanted)) / np.linalg.norm(wanted)
    if not np.isfinite(values).all():
        return ()
    random = np.random.RandomState(0)
    places, signs = random.randint(0, SKETCH, values.size), 2 * random.randint(0, 2, values.size) - 1
    return tuple(np.bincount(places, signs * values, SKETCH).tolist())


def rounding_error(weight: Array, update: Array) -> float:
    """Returns the relative error of an update w′ − w that rounding w′ to float32 may cause.

    A weight that is rounded n times counts √n times (`reads`): the errors add up as in a random walk.
    """
    moved = np.isfinite(update) & (update != 0)
    size = np.linalg.norm(update[moved])
    return float(UNIT_ROUNDOFF * np.linalg.norm(np.asarray(weight, np.float64)[moved]) / size) if size else 0.0


def reads(inputs: Tokens, config: Config) -> Array:
    """Returns how many of the ids read each row of the embedding, [words, 1].

    So often its new values may be rounded: Keras 3 subtracts an embedding's duplicate rows one by one.
    """
    return np.bincount(np.ravel(inputs), minlength=config.vocabulary_size)[:, np.newaxis]


def expected_of(
    wide: Quantities, narrow: Quantities, cut: Cut = whole, cap: float = CAP, *, overflow: bool = True
) -> Expected:
    """Returns values and limits from the oracle's results in float64 and in float32.

    Where float32 overflows and float64 doesn't, float32 is right: a norm above 1e19 is Inf there, since its square is.
    Without `overflow` float64 is right there, too, and the limit is `cap`.
    """
    expected = Expected({}, {})
    for quantity, tensors in wide.items():
        values: dict[str, Array] = {}
        limits: dict[str, float] = {}
        attainable = cut(quantity, narrow[quantity])
        for tensor, value in cut(quantity, tensors).items():
            rounded = attainable[tensor]
            if overflow and not np.isfinite(rounded).all():
                value = np.where(np.isfinite(rounded), value, rounded)
            values[tensor] = value
            limits[tensor] = min(FLOAT32_MULTIPLE * relative_error(rounded, value) + FLOOR, cap)
        expected.values[quantity], expected.limits[quantity] = values, limits
    return expected


def _quantities(step: Step, config: Config, weights: Arrays) -> dict[str, Arrays]:
    """Returns the oracle's results under the names that TensorFlow's are given."""
    return {
        "logits": {"": step.logits},
        "loss": {"": np.asarray(step.loss)},
        "norm": {"": np.asarray(step.global_norm)},
        "gradient": _dense(step.gradients, config),
        "clipped": _dense(step.clipped, config),
        "update": difference(step.weights, weights),
        "state": dict(step.state),
    }


@np.errstate(invalid="ignore")  # Inf − Inf is the NaN that TensorFlow has there, too
def difference(after: Arrays, before: Arrays) -> dict[str, Array]:
    """Returns after − before in float64, tensor by tensor."""
    return {name: np.asarray(after[name], np.float64) - before[name] for name in after}


def _cast(arrays: Arrays, kind: type[np.floating[Any]]) -> dict[str, Array]:
    return {name: value.astype(kind) for name, value in arrays.items()}


def _dense(gradients: Mapping[str, Gradient], config: Config) -> dict[str, Array]:
    """Returns gradients as dense arrays; duplicate rows are added up."""
    shapes = config.weight_shapes()
    return {name: densified(value, shapes[name][0]) for name, value in gradients.items()}
