"""A user's model, by what its function returned: variables by name, a batch, steps and their gradients."""

import contextlib
import importlib.util
import os
import re
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from lm.arrays import Array
from lm.compat import is_variable, tf_variable
from lm.workloads.parts.own import FUNCTION, RETURNS
from lm.workloads.protocol import WEIGHT, NotCopiedError

BATCH = "batch "  # begins the names of a start's arrays that are the batch's, as WEIGHT does those of weights
MODULE = "own_workload"  # the file's name as a module, under which it hides none
MOST_CHARACTERS = 300  # of an exception's line
# Of TensorFlow's and Keras' messages: a place with its line of code, and lines that say nothing of the cause.
PLACE = re.compile(r'^( *)File "([^"]*)", line (\d+).*\n?(?:\1 +\S.*\n?)?', re.MULTILINE)
FRAME = re.compile(r"in user code:|Graph execution error|Detected at node|Node: |Exception encountered|\[\[")
COLOUR = re.compile(r"\x1b\[\d*m")
NARROW, WIDE = re.compile(r"\bfloat(32|\b)"), re.compile(r"\b(float64|double)\b")  # types in a message
TYPED = re.compile(r"\w+(Error|Exception): ")
# Exceptions that the machine may be to blame for, but for a missing file.
MACHINES = (OSError, MemoryError, tf.errors.ResourceExhaustedError, tf.errors.InternalError)


class ModelError(RuntimeError):
    """A user's file that failed, or returned what can't be used; the message names the file, the line and the phase."""


class MachineError(ModelError):
    """A user's file that failed for what the machine may be to blame for: another try may do better."""


@contextlib.contextmanager
def phase(path: Path, name: str) -> Iterator[None]:
    """Turns what the user's code raises in the block into a ModelError that names the line and the phase.

    What the machine may be to blame for becomes a MachineError.
    """
    try:
        yield
    except (ModelError, NotCopiedError):
        raise
    except (Exception, SystemExit) as error:
        machines = isinstance(error, MACHINES) and not isinstance(error, FileNotFoundError)
        kind = MachineError if machines else ModelError
        raise kind(f"{_place(path, error)} {name}: {_telling(error)}{_hint(error)}") from error


def _place(path: Path, error: BaseException) -> str:
    """Returns the last line of the user's code that an exception went through, "mine.py:12"; of none, the file's name.

    Files next to the user's are the user's, too. AutoGraph and graphs tell their places in the message.
    """
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    places = [*frames, *((found[2], found[3]) for found in PLACE.finditer(str(error)))]
    own = [f"{Path(name).name}:{line}" for name, line in places if Path(name).parent == path.parent]
    return own[-1] if own else path.name


def _telling(error: BaseException) -> str:
    """Returns the exception's type, and the first line of its message that says something of the cause, with those that
    a colon announces.
    """
    lines = map(str.strip, PLACE.sub("", COLOUR.sub("", str(error))).splitlines())
    first, *others = [line for line in lines if line and not FRAME.match(line)] or [""]
    said = (" ".join((first, *others)) if first.endswith(":") else first)[:MOST_CHARACTERS]
    return said if TYPED.match(said) else f"{type(error).__name__}: {said}".removesuffix(": ")


def _hint(error: BaseException) -> str:
    """Returns what mends a file that finds neither its data nor a package where tfgate runs it, or that mixes types in
    float64; "" of others.
    """
    if isinstance(error, FileNotFoundError) and not os.path.isabs(error.filename or ""):
        return "; the file runs in a folder of its own: open data by absolute paths, or next to __file__"
    if isinstance(error, ModuleNotFoundError) and (package := str(error.name).partition(".")[0]) not in sys.modules:
        return (
            f'; name the package that has {package} on both sides, as in --from "tensorflow-cpu==2.20.0 PACKAGE" --to …'
        )
    if tf.keras.backend.floatx() == "float64" and NARROW.search(str(error)) and WIDE.search(str(error)):
        return "; the reference runs the file in float64, too: write tf.keras.backend.floatx() in the place of float32"
    return ""


class Model:
    """A model that was just built by the file at `path`, which is run anew. Raises ModelError."""

    def __init__(self, path: Path) -> None:
        self.path, self._traces = path, 0
        with phase(path, f"in `{FUNCTION}`"):
            found = _function(path)()
        match found:
            case (model, batch) if hasattr(model, "train_on_batch"):
                self.batch = batch
                trainable, others = self._keras(model)
            case (step, variables, batch) if callable(step) and not hasattr(step, "train_on_batch"):
                self.batch, trainable, others = batch, self._listed(variables), []
                self.step, self.gradients = self._own_step(step), lambda: self._told
            case _:
                raise ModelError(f"{path.name}: `{FUNCTION}` returned {_described(found)}; {RETURNS}")
        if not trainable:
            raise ModelError(f"{path.name}: there are no variables to train: return those that a step updates")
        self.variables = dict(_labelled([*trainable, *others]))
        self.trainable = list(self.variables)[: len(trainable)]

    step: Callable[[], float]  # takes a training step on the batch; returns its loss
    gradients: Callable[[], list[Any] | None]  # by trainable variable; None of a step that tells none
    _told: list[Any] | None = None  # by the last step of one's own

    def _keras(self, model: Any) -> tuple[list[Any], list[Any]]:
        """Returns a compiled Keras model's weights, trainable ones first and the others; sets step and gradients."""
        path = self.path
        if getattr(model, "optimizer", None) is None:
            raise ModelError(f"{path.name}: the model isn't compiled: call model.compile(optimizer=…, loss=…)")
        if not (isinstance(self.batch, (tuple, list)) and len(self.batch) in (2, 3)):
            raise ModelError(f"{path.name}: a Keras model's batch is (x, y) or (x, y, sample_weight)")
        if not model.built:  # Keras 2 has no weights to ask for then
            with phase(path, "in its first call"):
                model(self.batch[0])
        original = model.train_step

        def counted(data: Any) -> Any:  # Python comes here while a graph is traced
            self._traces += 1
            return original(data)

        if not model.run_eagerly:
            model.train_step = counted

        def step() -> float:
            x, y, *weight = self.batch
            model.reset_metrics()  # Keras 3's loss is a mean over all steps since
            return float(np.ravel(model.train_on_batch(x, y, *weight))[0])

        def gradients() -> list[Any] | None:
            if type(model).train_step is not tf.keras.Model.train_step:
                return None  # a step of the user's own may take others
            x, y, weight = (*tf.nest.map_structure(tf.convert_to_tensor, tuple(self.batch)), None)[:3]
            with tf.GradientTape() as tape:
                loss = model.compute_loss(x=x, y=y, y_pred=model(x, training=True), sample_weight=weight)
            found: list[Any] = tape.gradient(loss, [tf_variable(one) for one in model.trainable_weights])
            return found

        self.step, self.gradients = step, gradients
        return list(model.trainable_weights), list(model.non_trainable_weights)

    def _own_step(self, step: Callable[..., Any]) -> Callable[[], float]:
        self._counted = step

        def take() -> float:
            found = step(*self.batch) if isinstance(self.batch, (tuple, list)) else step(self.batch)
            loss, self._told = self._returned(found)
            return loss

        return take

    def _returned(self, found: Any) -> tuple[float, list[Any] | None]:
        """Returns the loss and the gradients of what a step returned. Raises ModelError for anything else."""
        name, count = self.path.name, len(self.trainable)
        pair = found if isinstance(found, (tuple, list)) else (found, None)
        if len(pair) != 2:
            raise ModelError(f"{name}: the step returned {_described(found)}: return its loss, or (loss, gradients)")
        loss, gradients = pair
        if gradients is not None and not (isinstance(gradients, (tuple, list)) and len(gradients) == count):
            mend = f"in (loss, gradients), return a gradient for each of the {count} variables, in their order"
            raise ModelError(f"{name}: {mend}, not {_described(gradients)}")
        try:
            return float(loss), None if gradients is None else list(gradients)
        except (TypeError, ValueError) as error:
            raise ModelError(f"{name}: the step's loss is {_described(loss)}: return one number") from error

    def _listed(self, given: Any) -> list[Any]:
        """Returns the variables of a step of one's own. Raises ModelError for anything but a list of them."""
        several = isinstance(given, (tuple, list))
        wrong = [one for one in given if not is_variable(one)] if several else [given]
        if wrong:
            mend = "return (step, variables, batch) in this order, with the variables that a step updates in one list"
            raise ModelError(f"{self.path.name}: {mend}, not {_described(wrong[0])}")
        return list(given)

    @property
    def traces(self) -> int:
        """Returns how often a step was traced so far."""
        count = getattr(getattr(self, "_counted", None), "experimental_get_tracing_count", lambda: self._traces)
        return int(count())

    def values(self) -> dict[str, Array]:
        """Returns copies of the variables' values, by name."""
        return {name: _copy(tf_variable(variable).numpy()) for name, variable in self.variables.items()}

    def start(self) -> dict[str, Array]:
        """Returns copies of variables and batch, by name; float64 batches in float32, as Keras takes them."""
        found = {WEIGHT + name: value for name, value in self.values().items()}
        for number, leaf in enumerate(tf.nest.flatten(self.batch)):
            array = _copy(leaf)
            if array.dtype == object:
                raise ModelError(
                    f"{self.path.name}: a batch must hold arrays of numbers, and this one holds {_described(leaf)}"
                )
            found[f"{BATCH}{number}"] = array.astype(np.float32) if array.dtype == np.float64 else array
        return found

    def take(self, start: Mapping[str, Array], kind: str) -> None:
        """Starts from another model's variables and batch; its floats become that kind's.

        Raises NotCopiedError for unlike names or shapes.
        """
        self._require_like(start)
        with phase(self.path, "when its weights are set"):
            for name, variable in self.variables.items():
                variable.assign(start[WEIGHT + name].astype(tf_variable(variable).dtype.as_numpy_dtype))
        leaves = [start[f"{BATCH}{number}"] for number in range(sum(name.startswith(BATCH) for name in start))]
        cast = [leaf.astype(kind) if np.issubdtype(leaf.dtype, np.floating) else leaf for leaf in leaves]
        was = tf.nest.flatten(self.batch)
        like = [tf.constant(new) if tf.is_tensor(old) else new for old, new in zip(was, cast, strict=True)]
        self.batch = tf.nest.pack_sequence_as(self.batch, like)

    def _require_like(self, start: Mapping[str, Array]) -> None:
        here = {name: array.shape for name, array in self.start().items()}
        there = {name: array.shape for name, array in start.items()}
        for name in dict.fromkeys((*there, *here)):
            if here.get(name) != there.get(name):
                raise NotCopiedError(name, _shape(there.get(name)), _shape(here.get(name)))

    def require_float64(self) -> None:
        """Raises ModelError unless all float variables that are trained are in float64."""
        for name in self.trainable:
            if (kind := tf_variable(self.variables[name]).dtype) != tf.float64:
                mend = "give it dtype=tf.keras.backend.floatx()"
                raise ModelError(f"{self.path.name}: variable {name} stays {kind.name} in the float64 run: {mend}")


def _function(path: Path) -> Callable[[], Any]:
    """Runs the file as a module of its own; returns its function. Files next to it can be imported by it."""
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # last: no neighbour hides a library
    spec = importlib.util.spec_from_file_location(MODULE, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module
    spec.loader.exec_module(module)
    function: Callable[[], Any] = getattr(module, FUNCTION)
    return function


def _copy(value: Any) -> Array:
    """Returns a copy; of bfloat16, which NumPy neither stores nor calls a float, in float64.

    That holds it exactly, and starts near the first one leave it: moved, it would be between two bfloat16 numbers.
    """
    array = np.array(value)
    return array.astype(np.float64) if array.dtype.kind == "V" else array


def _labelled(variables: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Names variables alike in Keras 2 and 3, in any process: "dense/kernel", and the second "dense/kernel#2"."""
    seen: Counter[str] = Counter()
    for variable in variables:
        path = str(getattr(variable, "path", variable.name)).removesuffix(":0")
        label = "/".join(re.sub(r"_\d+$", "", part) for part in path.split("/")[-2:])
        seen[label] += 1
        yield (f"{label}#{seen[label]}" if seen[label] > 1 else label), variable


def _described(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    shape = f" of shape {value.shape}" if hasattr(value, "shape") else ""
    return f"a {type(value).__name__}{shape}"


def _shape(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else str(list(shape))
