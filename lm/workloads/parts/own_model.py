"""A user's model, by what its function returned: variables by name, a batch, steps and their gradients."""

import importlib.util
import os
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from lm.arrays import Array
from lm.compat import is_variable, keras_version, other_weights, tf_variable
from lm.runtime import traces_of
from lm.workloads.parts.own import FUNCTION, RETURNS
from lm.workloads.parts.own_errors import ModelError, phase
from lm.workloads.parts.own_names import labelled, same_but_for_layers
from lm.workloads.protocol import WEIGHT, NotCopiedError

BATCH = "batch "  # begins the names of a start's arrays that are the batch's, as WEIGHT does those of weights
MODULE = "own_workload"  # the file's name as a module, under which it hides none

_ran_in: dict[Path, str] = {}  # the kind of float in which what is next to a user's file was run last


def built(path: Path) -> "Model":
    """Runs the file anew; returns the model that its function builds. Raises ModelError."""
    with phase(path, f"in `{FUNCTION}`"):
        found = _function(path)()
    match found:
        case (model, batch) if hasattr(model, "train_on_batch"):
            return KerasModel(path, model, batch)
        case (step, variables, batch) if callable(step) and not hasattr(step, "train_on_batch"):
            return OwnStep(path, step, variables, batch)
    raise ModelError(f"{path.name}: `{FUNCTION}` returned {_described(found)}; {RETURNS}")


class Model(ABC):
    """The model that the file at `path` built. Methods raise ModelError.

    After a first step that tells gradients, `reads` holds how often it read each row, [rows], by trainable variable; 1
    or none of a variable whose gradient isn't by rows, as an embedding's is.
    """

    def __init__(self, path: Path, batch: Any, trainable: Sequence[Any], variables: Sequence[Any]) -> None:
        """Takes the variables that are trained, in the order of gradients, and all, in an order that versions share."""
        self.path, self.batch = path, batch
        self.reads: dict[str, Array] = {}
        if not trainable:
            mend = "return the variables that a step trains; if it trains none, those that it reads"
            raise ModelError(f"{path.name}: there are no variables to train: {mend}")
        self.variables = dict(labelled(variables))
        names = {id(variable): name for name, variable in self.variables.items()}
        self.trainable = [names[id(variable)] for variable in trainable]

    @property
    @abstractmethod
    def traces(self) -> int:
        """Returns how often a step was traced so far."""

    @abstractmethod
    def step(self) -> float:
        """Takes a training step on the batch; returns its loss."""

    @abstractmethod
    def first_step(self, start: Mapping[str, Array], kind: str) -> tuple[float, list[Any] | None]:
        """Takes a step from `start`, which was just taken; returns (loss, gradients by trainable variable, if told)."""

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
                    f'{self.path.name}: a batch must hold arrays of numbers or of str (dtype "U"), '
                    f"and this one holds {_described(leaf)}"
                )
            found[f"{BATCH}{number}"] = array.astype(np.float32) if array.dtype == np.float64 else array
        return found

    def take(self, start: Mapping[str, Array], kind: str) -> None:
        """Starts from another model's variables and batch; its floats become that kind's, or the file's own float64.

        Variables that are named otherwise there get the names that they have there. Raises NotCopiedError for
        unlike names or shapes.
        """
        there = {name.removeprefix(WEIGHT): one.shape for name, one in start.items() if name.startswith(WEIGHT)}
        if set(there) != set(self.variables) and same_but_for_layers(there, self.variables):
            names = dict(zip(self.variables, there, strict=True))
            self.variables = {names[name]: variable for name, variable in self.variables.items()}
            self.trainable = [names[name] for name in self.trainable]
        self._require_like(start)
        with phase(self.path, "when its weights are set"):
            for name, variable in self.variables.items():
                variable.assign(start[WEIGHT + name].astype(tf_variable(variable).dtype.as_numpy_dtype))
        leaves = [start[f"{BATCH}{number}"] for number in range(sum(name.startswith(BATCH) for name in start))]
        floats = np.promote_types(kind, tf.keras.backend.floatx())
        cast = [leaf.astype(floats) if np.issubdtype(leaf.dtype, np.floating) else leaf for leaf in leaves]
        was = tf.nest.flatten(self.batch)
        like = [tf.constant(new) if tf.is_tensor(old) else new for old, new in zip(was, cast, strict=True)]
        self.batch = tf.nest.pack_sequence_as(self.batch, like)

    def _require_like(self, start: Mapping[str, Array]) -> None:
        here = {name: array.shape for name, array in self.start().items()}
        there = {name: array.shape for name, array in start.items()}
        for name in dict.fromkeys((*there, *here)):
            if here.get(name) != there.get(name):
                raise NotCopiedError(name, _shape(there.get(name)), _shape(here.get(name)))

    def _number(self, loss: Any) -> float:
        """Returns a step's loss. Raises ModelError unless it is one number."""
        try:
            return float(np.ravel(loss).item())
        except (TypeError, ValueError) as error:
            raise ModelError(f"{self.path.name}: the step's loss is {_described(loss)}: return one number") from error

    def require_float64(self) -> None:
        """Raises ModelError unless all float variables that are trained are in float64, and none at all is complex."""
        policy = tf.keras.mixed_precision.global_policy().name
        float64 = "give it dtype=tf.keras.backend.floatx()"
        if policy != "float64":  # the file has set one
            float64 = f"leave the policy {policy} out, or call set_global_policy(tf.keras.backend.floatx())"
        for name, variable in self.variables.items():
            kind = tf_variable(variable).dtype
            if kind.is_complex:  # whose updates aren't compared, nor the imaginary part of whose gradients
                mend = "keep its real and its imaginary part in two float variables"
                raise ModelError(f"{self.path.name}: variable {name} is {kind.name}, which isn't compared: {mend}")
            if name in self.trainable and kind.is_floating and kind != tf.float64:
                raise ModelError(f"{self.path.name}: variable {name} stays {kind.name} in the float64 run: {float64}")


class KerasModel(Model):
    """A compiled Keras model, whose step is `train_on_batch`."""

    def __init__(self, path: Path, model: Any, batch: Any) -> None:
        if not isinstance(model, tf.keras.Model):
            package = _package(model)
            legacy = "set TF_USE_LEGACY_KERAS=1 by --from-env and --to-env"
            mend = legacy if package == "tf_keras" else "build it by tf.keras"
            raise ModelError(f"{path.name}: the model is of {package}, and tf.keras is another Keras here: {mend}")
        if getattr(model, "optimizer", None) is None:
            raise ModelError(f"{path.name}: the model isn't compiled: call model.compile(optimizer=…, loss=…)")
        if not (isinstance(batch, (tuple, list)) and len(batch) in (2, 3)):
            alone = "of a model that is trained on x alone, return a step that calls fit"
            raise ModelError(f"{path.name}: a Keras model's batch is (x, y) or (x, y, sample_weight); {alone}")
        self._own_step = type(model).train_step is not tf.keras.Model.train_step
        submodels = self._own_step and type(model).call is tf.keras.Model.call  # whose step calls them, as a GAN's does
        if not (model.built or submodels):  # Keras 2 has no weights to ask for then
            with phase(path, "in its first call"):
                model(batch[0])
        trained = model.trainable_weights
        super().__init__(path, batch, trained, sorted([*trained, *other_weights(model)], key=_made))
        self._model = model
        self._traces: Callable[[], int] = (lambda: 0) if model.run_eagerly else traces_of(model, "train_step")

    @property
    def traces(self) -> int:
        """Returns how often the step was traced so far; 0 of a model that runs eagerly."""
        return self._traces()

    def step(self) -> float:
        """Trains on the batch; returns the loss."""
        x, y, *weight = self.batch
        self._model.reset_metrics()  # in Keras 3.0 and 3.1 the loss is a mean over all steps since
        told = self._model.train_on_batch(x, y, *weight, return_dict=True)
        # By its name: of a `train_step` of the user's own, versions order what it returns in other ways.
        return self._number(told.get("loss" if "loss" in told else min(told, default="loss")))

    def first_step(self, start: Mapping[str, Array], kind: str) -> tuple[float, list[Any] | None]:
        """Takes gradients, then a step, both from `start`; no gradients of a model with a `train_step` of its own."""
        with phase(self.path, "where its gradients are taken"):
            gradients = self._gradients()
        self.take(start, kind)  # a call in training moves statistics, such as those of batch normalization
        return self.step(), gradients

    def _gradients(self) -> list[Any] | None:
        """Returns gradients from a graph that Keras makes as it makes the step's: compiled, or none where it is eager.

        Those that are taken operation by operation don't show what is wrong in a graph alone.
        """
        model = self._model
        if self._own_step:
            return None  # a step of the user's own may take others
        trained = [tf_variable(one) for one in model.trainable_weights]
        found = [tf.Variable(tf.zeros_like(one)) for one in trained]
        reads = [tf.Variable(tf.ones(one.shape[:1])) for one in trained]

        def told(data: Any) -> dict[str, Any]:
            x, y, weight = (*data, None)[:3]
            with tf.GradientTape() as tape:
                loss = model.compute_loss(x=x, y=y, y_pred=model(x, training=True), sample_weight=weight)
            gradients = tape.gradient(loss, trained)
            for number, kept in enumerate(found):  # AutoGraph of 2.12 knows no strict zip
                if gradients[number] is not None:
                    kept.assign(tf.convert_to_tensor(gradients[number]))
                if isinstance(gradients[number], tf.IndexedSlices):
                    reads[number].assign(_reads(gradients[number], kept.shape[0]))
            return {"loss": loss}

        step, model.train_step = model.train_step, told
        model.make_train_function(force=True)
        self.step()
        model.train_step = step
        model.make_train_function(force=True)
        self.reads = {name: kept.numpy() for name, kept in zip(self.trainable, reads, strict=True)}
        return found


class OwnStep(Model):
    """A training step of the user's own."""

    def __init__(self, path: Path, step: Callable[..., Any], variables: Any, batch: Any) -> None:
        listed = _listed(path, variables)
        super().__init__(path, batch, listed, sorted(listed, key=_made))
        self._step = step

    @property
    def traces(self) -> int:
        """Returns how often the step was traced so far, if it is a tf.function."""
        return int(getattr(self._step, "experimental_get_tracing_count", lambda: 0)())

    def step(self) -> float:
        """Calls the step; returns its loss."""
        return self._call()[0]

    def first_step(self, start: Mapping[str, Array], kind: str) -> tuple[float, list[Any] | None]:
        """Calls the step; returns its loss and the gradients that it returned."""
        loss, gradients = self._call()
        self.reads = {
            name: _reads(gradient, tf_variable(self.variables[name]).shape[0]).numpy()
            for name, gradient in zip(self.trainable, gradients or (), strict=gradients is not None)
            if isinstance(gradient, tf.IndexedSlices)
        }
        return loss, gradients

    def _call(self) -> tuple[float, list[Any] | None]:
        """Returns (loss, gradients or None). Raises ModelError if the step returns anything else."""
        found = self._step(*self.batch) if isinstance(self.batch, (tuple, list)) else self._step(self.batch)
        name, count = self.path.name, len(self.trainable)
        pair = found if isinstance(found, (tuple, list)) else (found, None)
        if len(pair) != 2:
            raise ModelError(f"{name}: the step returned {_described(found)}: return its loss, or (loss, gradients)")
        loss, gradients = pair
        if gradients is not None and not (isinstance(gradients, (tuple, list)) and len(gradients) == count):
            mend = f"in (loss, gradients), return a gradient for each of the {count} variables, in their order"
            raise ModelError(f"{name}: {mend}, not {_described(gradients)}")
        return self._number(loss), None if gradients is None else list(gradients)


def _reads(gradient: tf.IndexedSlices, rows: int) -> tf.Tensor:
    """Returns how often a gradient was read from each of the rows, [rows]."""
    return tf.math.unsorted_segment_sum(tf.ones_like(gradient.indices, tf.float32), gradient.indices, rows)


def _package(model: Any) -> str:
    """Returns which Keras a model is of, or the package of its class if it is of none."""
    packages = [one.__module__.partition(".")[0] for one in type(model).__mro__]
    return next((name for name in packages if name in ("keras", "tf_keras")), packages[0])


def _listed(path: Path, given: Any) -> list[Any]:
    """Returns the variables of a step of one's own. Raises ModelError for anything but a list of them."""
    several = isinstance(given, (tuple, list))
    wrong = [one for one in given if not is_variable(one)] if several else [given]
    if wrong:
        mend = "return (step, variables, batch) in this order, with the variables that a step trains in one list"
        raise ModelError(f"{path.name}: {mend}, not {_described(wrong[0])}")
    return list(given)


def _function(path: Path) -> Callable[[], Any]:
    """Runs the file as a module of its own; returns its function. Files next to it can be imported by it.

    Raises ModelError where it chooses the Keras of tf.keras, which TensorFlow has loaded by then.
    """
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # last: no neighbour hides a library
    _forget_neighbours(path.parent)
    spec = importlib.util.spec_from_file_location(MODULE, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module
    sys.argv = [str(path)]  # none of tfgate's arguments, for a file that parses its own
    spec.loader.exec_module(module)
    legacy = os.environ.get("TF_USE_LEGACY_KERAS") in ("true", "True", "1")  # as TensorFlow reads it
    if legacy and keras_version().startswith("3."):
        late = "TF_USE_LEGACY_KERAS is set too late, when Keras 3 was loaded"
        raise ModelError(f"{path.name}: {late}: set it by --from-env and --to-env")
    function: Callable[[], Any] = getattr(module, FUNCTION)
    return function


def _forget_neighbours(folder: Path) -> None:
    """Has what is imported from a folder run again if it ran in the other kind of float, which it may have read."""
    floats = tf.keras.backend.floatx()
    for neighbour in folder.glob("*"):
        if _ran_in.setdefault(neighbour, floats) != floats:
            _ran_in[neighbour] = floats
            name = neighbour.stem
            module = sys.modules.get(name)
            if str(neighbour) in (getattr(module, "__file__", None), *getattr(module, "__path__", ())):
                for part in [one for one in sys.modules if one == name or one.startswith(f"{name}.")]:
                    del sys.modules[part]


def _copy(value: Any) -> Array:
    """Returns a copy; of bfloat16, which NumPy neither stores nor calls a float, in float64.

    That holds it exactly, and starts near the first one leave it: moved, it would be between two bfloat16 numbers.
    """
    array = np.array(value)
    return array.astype(np.float64) if array.dtype.kind == "V" else array


def _made(variable: Any) -> int:
    """Returns TensorFlow's number of a variable, which counts what is made.

    A file makes its variables in one order; Keras lists them in another by version: of a dict of layers, of lists that
    are filled in turn, of a model's own variables.
    """
    number = re.search(r"_(\d+)$", getattr(tf_variable(variable), "_unique_id", ""))
    return int(number[1]) if number else 0


def _described(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    shape = f" of shape {value.shape}" if hasattr(value, "shape") else ""
    return f"a {type(value).__name__}{shape}"


def _shape(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else str(list(shape))
