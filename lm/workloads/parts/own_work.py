"""Work of a user's own model, and its definition: the same code in float64."""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from lm.arrays import Array
from lm.compat import tf_variable
from lm.oracle.sgd import densified
from lm.runtime import relocate
from lm.workloads.parts.on_device import OnDevice
from lm.workloads.parts.own import CASES
from lm.workloads.parts.own_errors import phase
from lm.workloads.parts.own_model import Model, built
from lm.workloads.protocol import WEIGHT, Answers, Copying, Definition, NotRepeatedError, Opening, UnsteadyError

if TYPE_CHECKING:
    from lm.workloads.parts.own import Workload

STEPS = 2  # that are compared: the second one's update has the optimizer's slots in it
NEAR = 2.0**-8  # relative distance of the other starts' weights
SMALL = 2.0**-10, 2.0**-8  # bounds of those that would be 0
HALF_BYTES = 2  # of float16 and bfloat16
SCALES = ("gamma", "moving_variance")  # Keras' names of weights that begin with 1
# How far losses and gradients of two runs may be apart, of the largest value: threads may add up in any order. It is
# bench.record.types.CAP. Dropout of 10% moved gradients by 2% and more, and losses by 1e-5 to 1e-4.
REPEATED = 5e-5
SETTLING = 2  # units at the start, whose traces don't count as retraces


class Work(OnDevice, Copying):
    """Takes the steps of the file's model, all on its one batch; the first traces, where a step is a graph."""

    def __init__(self, workload: "Workload", opening: Opening) -> None:
        super().__init__(opening)
        self.fingerprint = workload.fingerprint
        self._path, self._done, self._settled = workload.path, 0, 0

    def build(self) -> None:
        """Runs the file, and builds what it returns."""
        with tf.device(self.device):
            self._model = built(self._path)

    def do(self, prepared: int) -> float:
        """Takes a training step; returns its loss. Raises ModelError."""
        with tf.device(self.device), phase(self._path, f"at step {prepared}"):
            loss = self._model.step()
        self._done += 1
        if self._done == SETTLING:
            self._settled = self._model.traces
        return loss

    def relocate(self) -> None:
        """Moves the variables to other memory."""
        relocate(map(tf_variable, self._model.variables.values()))

    @property
    def retraces(self) -> int:
        """Returns how often the step was traced after the first two units that were done."""
        return self._model.traces - self._settled if self._done > SETTLING else 0

    def copy(self, start: Mapping[str, Array]) -> None:
        """Takes the weights and the batch that the compared steps start from."""
        self._start = dict(start)

    def answers(self, case: str) -> Answers:
        """Returns what a case's steps compute. Raises NotCopiedError, NotRepeatedError, ModelError."""
        with tf.device(self.device):
            start = _start_of(self._start, case)
            found = _run(self._path, start, "float32")
            if case == CASES[0] and (unlike := _unlike(found, _run(self._path, start, "float32"))):
                raise (UnsteadyError if "gradient" in found else NotRepeatedError)(unlike)
        return found


def define(path: Path, cases: Sequence[str]) -> Iterator[Definition]:
    """Yields what the file computes in this process, case by case, the first from its own initial weights.

    Raises ModelError.
    """
    model = built(path)
    halves = {WEIGHT + name for name, one in model.variables.items() if tf_variable(one).dtype.size == HALF_BYTES}
    first = _each_counts(model.start(), halves)
    reads = _reads(model, first)
    for case in cases:
        start = _start_of(first, case)
        runs = [(start, "float32"), (_moved(start), "float32"), (start, "float64")]
        narrow, moved, wide = (_run(path, *run) for run in runs)
        again, differing = narrow, ""
        if case == cases[0]:
            again = _run(path, start, "float32")
            differing = _unlike(narrow, again) or _unlike(wide, _run(path, start, "float64"))
        yield Definition(start, wide, (narrow, again, moved), differing, reads)


def _reads(model: Model, start: Mapping[str, Array]) -> Mapping[str, Array]:
    """Returns how often a step reads each row, [rows], by variable: by its gradients or, where it tells none, of Keras'
    embeddings as often as the batch has the row's number.
    """
    model.take(start, "float32")
    with phase(model.path, "at step 0 of those that are compared, in float32"):
        _, gradients = model.first_step(start, "float32")
    if gradients is not None:
        return model.reads
    batch = [np.ravel(value) for name, value in start.items() if not name.startswith(WEIGHT)]
    found = {}
    for name in model.trainable:
        if "/embeddings" in name:
            rows = len(start[WEIGHT + name])
            ids = [one for one in batch if one.dtype.kind in "iu" and one.size and 0 <= one.min() <= one.max() < rows]
            found[name] = sum((np.bincount(one, minlength=rows) for one in ids), np.zeros(rows))
    return found


def _each_counts(start: Mapping[str, Array], halves: Collection[str]) -> dict[str, Array]:
    """Returns a start in which nothing can be lost unseen that Keras begins with: a bias of 0, a scale of 1.

    Float weights that are all 0 have small values, and biases where they are 0, as an LSTM's. None is negative: a step
    may take the root of one, as of a variance. Scales are larger by little. Those in `halves`, of two bytes, have
    values that bfloat16 holds.
    """
    random, counting = np.random.RandomState(len(CASES)), dict(start)
    for name, value in start.items():
        if name.startswith(WEIGHT) and value.dtype.kind == "f":
            own_name, small = name.rpartition("/")[2].partition("#")[0], random.uniform(*SMALL, value.shape)
            larger = 4 * small
            if name in halves:  # 8 binary digits
                small, larger = np.ceil(small * 2**16) / 2**16, np.ceil(larger * 2**7) / 2**7
            if not value.any() or own_name == "bias":
                counting[name] = np.where(value == 0, small, value).astype(value.dtype)
            elif own_name in SCALES:
                counting[name] = (value * (1 + larger)).astype(value.dtype)
    return counting


def _start_of(first: Mapping[str, Array], case: str) -> dict[str, Array]:
    """Returns a case's start: the first, or one whose `_floats` are near it, alike in each process."""
    if case == CASES[0]:
        return dict(first)
    random = np.random.RandomState(CASES.index(case))
    factors = {name: 1 + NEAR * random.uniform(-1, 1, value.shape) for name, value in _floats(first)}
    return {
        name: (value * factors[name]).astype(value.dtype) if name in factors else value for name, value in first.items()
    }


def _moved(start: Mapping[str, Array]) -> dict[str, Array]:
    """Returns a start whose `_floats` are off by one in their last bit, as rounding may leave them."""
    random = np.random.RandomState(0)
    ends = {name: np.where(random.randint(0, 2, value.shape), np.inf, -np.inf) for name, value in _floats(start)}
    return {
        name: np.nextafter(value, ends[name].astype(value.dtype)) if name in ends else value
        for name, value in start.items()
    }


def _floats(start: Mapping[str, Array]) -> list[tuple[str, Array]]:
    """Returns the weights in float32 and float64 but those of whole numbers other than 0, as masks and counters are:
    where a model tests for 1, a mask of 0.998 switches a layer off.
    """
    found = [(name, value) for name, value in start.items() if name.startswith(WEIGHT) and _is_wide(value)]
    return [(name, value) for name, value in found if not (value.any() and np.array_equal(value, np.rint(value)))]


def _is_wide(value: Array) -> bool:
    """Tells whether an array is of float32 or float64. As float64 bfloat16 is kept as well, whose low bits are 0."""
    if value.dtype != np.float64:
        return bool(value.dtype == np.float32)
    return bool((np.ascontiguousarray(value).view(np.uint64) % 2**45).any())


@contextlib.contextmanager
def _in_float64() -> Iterator[None]:
    """Makes Keras build in float64 within the block."""
    precision, policy = tf.keras.mixed_precision, tf.keras.mixed_precision.global_policy()
    try:
        tf.keras.backend.set_floatx("float64")
        precision.set_global_policy("float64")
        yield
    finally:
        tf.keras.backend.set_floatx("float32")
        precision.set_global_policy(policy)


def _run(path: Path, start: Mapping[str, Array], kind: str) -> Answers:
    """Returns what a new model's first steps compute, built in a kind of float."""
    if kind == "float64":
        with _in_float64():
            model = built(path)
            model.require_float64()
            return _computed(model, start, kind)
    return _computed(built(path), start, kind)


def _computed(model: Model, start: Mapping[str, Array], kind: str) -> Answers:
    """Takes a few steps; returns losses, the first gradients, and how far variables have moved."""
    model.take(start, kind)
    before = _values(model)
    gradients: list[Any] | None = None
    losses: dict[str, Array] = {}
    updates: dict[str, dict[str, Array]] = {}
    for step in range(STEPS):
        with phase(model.path, f"at step {step} of those that are compared, in {kind}"):
            loss, gradients = (model.step(), gradients) if step else model.first_step(start, kind)
        losses[f"step {step}"] = np.asarray(loss)
        updates[f"update after {step + 1}"] = {
            name: value.astype(np.float64) - before[name] for name, value in _values(model).items()
        }
    with phase(model.path, "where its gradients are read"):
        told = {} if gradients is None else {"gradient": _dense(model, gradients)}
    return {"loss": losses, **told, **updates}


def _values(model: Model) -> dict[str, Array]:
    """Returns the float variables' values."""
    return {name: value for name, value in model.values().items() if np.issubdtype(value.dtype, np.floating)}


def _dense(model: Model, gradients: list[Any]) -> dict[str, Array]:
    """Returns gradients as dense arrays, by variable; zeros where there is none."""
    found = {}
    for name, gradient in zip(model.trainable, gradients, strict=True):
        shape = tf_variable(model.variables[name]).shape
        rows = shape[0] if shape.rank else 0
        found[name] = np.zeros(shape) if gradient is None else densified(gradient, rows)
    return found


def _unlike(one: Answers, other: Answers) -> str:
    """Returns the name of the first array in which two runs differ by more than rounding, "loss of step 0"; "" if none
    does.

    Gradients tell random numbers from rounding. Without them every bit counts, since a `fit` that shuffles may move its
    loss no more than rounding does.
    """
    told = "gradient" in one
    for quantity in ("loss", "gradient") if told else one:
        tensors = one[quantity]
        largest = max((np.abs(value[np.isfinite(value)]).max(initial=0.0) for value in tensors.values()), default=0.0)
        apart = REPEATED * largest if told else 0.0
        for tensor, value in tensors.items():
            if not np.allclose(value, other[quantity][tensor], rtol=0, atol=apart, equal_nan=True):
                return f"{quantity} of {tensor}"
    return ""
