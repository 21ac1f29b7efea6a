"""Workload `save`: a model and its Adam are written and read: checkpoint, `.weights.h5`, `.keras`, SavedModel.

A unit is one `.weights.h5`, written and read. Compared is what a reader has: weights, slots, logits, the loss that the
model was compiled with, and the change by the next update, which needs the count of updates as well; of a SavedModel,
which is for inference, the logits. A case reads the process's own file, or that of a process that came before: of the
reference in an upgrade.
"""

import errno
import json
import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lm.arrays import Floats, Tokens
from lm.config import Blocks, Config, LaunchPlan, unit_plans
from lm.data.ids import random_ids
from lm.oracle.optimizers import adam, by_slot, updated
from lm.oracle.step import cross_entropy, predict
from lm.training.initial import weights_sha256, wide_weights
from lm.workloads import protocol
from lm.workloads.parts.promises import SAVED_MODEL, Versions, promised
from lm.workloads.parts.untraced import Untraced
from lm.workloads.protocol import Answers, Opening, Refused

if TYPE_CHECKING:
    from lm.workloads.parts.files import Model

FORMATS = ("checkpoint", ".weights.h5", ".keras", SAVED_MODEL)
OWN, GIVEN = "own", "given"  # whose file a case reads: "given .keras"
VERSIONS_FILE = "versions.json"
SEQUENCES = 2


class Workload(protocol.Workload):
    """Implements lm.workloads.protocol.Workload; its work is ReadingFiles."""

    metrics: tuple[str, ...] = (
        *("step time on one core", "step time", "peak memory", "memory growth"),
        *("cpu time", "import", "build", "first step"),
    )
    plans: Mapping[str, LaunchPlan] = unit_plans(tiny=Blocks(12, 6, 2), notebook=Blocks(8, 3, 1))
    cases = tuple(f"{whose} {form}" for whose in (OWN, GIVEN) for form in FORMATS)

    def open(self, opening: Opening) -> "Work":
        """Returns the work. Raises DeviceError."""
        return Work(opening)

    def file_bytes(self, config: Config) -> int:
        """Returns what the files take at most: weights and two slots in three formats, weights in the last."""
        return 4 * (3 * 3 + 1) * config.parameter_count() + 2**22

    def expected(self, opening: Opening, case: str, kind: type[np.floating[Any]]) -> Answers:
        """Returns logits, loss, weights, slots and the next change by the oracle."""
        config, start = opening.config, wide_weights(opening.config, opening.jitter, kind)
        first, second = (
            {name: value.astype(kind) for name, value in gradients(config, step).items()} for step in (1, 2)
        )
        weights, slots = updated(adam, start, {}, first, 1)
        later, _ = updated(adam, weights, slots, second, 2)
        inputs, targets = ids(config)
        logits = predict(config, weights, inputs)
        if case.endswith(SAVED_MODEL):
            return {"logits": {"": logits}}
        loss = cross_entropy(logits, targets)[0] / kind(config.num_steps)  # Keras' is the mean over all tokens
        return {
            "logits": {"": logits},
            "loss": {"": np.asarray(loss)},
            "weight": weights,
            **by_slot(slots),
            "change": {name: later[name] - value for name, value in weights.items()},
        }


def gradients(config: Config, step: int) -> dict[str, Floats]:
    """Returns the gradients of an update, counted from 1."""
    stream = np.random.RandomState([config.seed, step])
    return {name: stream.uniform(-1, 1, shape).astype(np.float32) for name, shape in config.weight_shapes().items()}


def ids(config: Config) -> tuple[Tokens, Tokens]:
    """Returns the inputs and targets, both [batch, steps], of logits and loss that are compared."""
    shape = (SEQUENCES, config.num_steps)
    return random_ids(config, 0, shape), random_ids(config, 1, shape)


class Work(Untraced):
    """Implements lm.workloads.protocol.ReadingFiles."""

    tokens = 0
    retraces = 0
    given = Path()  # the folder of the files that were given

    def __init__(self, opening: Opening) -> None:
        import tensorflow as tf

        from lm import runtime
        from lm.workloads.parts import files

        runtime.require_device(opening.device)
        self._tf, self._files, self._runtime, self._jitter = tf, files, runtime, opening.jitter
        self.config, self.device = opening.config, opening.device
        self.fingerprint = self.config.fingerprint("save", weights_sha256(wide_weights(self.config)))

    def build(self) -> None:
        """Builds the model, and makes a folder in the process's own for its file."""
        with self._tf.device(self.device):
            self._model = self._files.compiled(self.config)
        self._folder = _folder()

    def start(self) -> None:
        """Sets the weights, and takes an update, so that there are slots to be saved."""
        with self._tf.device(self.device):
            self._start(self._model)

    def _start(self, model: "Model") -> None:
        from lm.workloads.parts.sequential import assign

        assign(model.trainable_variables, wide_weights(self.config, self._jitter))
        self._files.update(model, gradients(self.config, 1))

    def prepare(self, unit: int) -> str:
        """Returns the path of the file, which each unit writes anew."""
        return self._files.path_of(Path(self._folder.name), self._files.WEIGHTS)

    def do(self, prepared: str) -> float:
        """Writes and reads `.weights.h5`; returns the sum of the last bias that was read."""
        from lm.workloads.parts.keras_optimizers import values_of

        with self._tf.device(self.device):
            self._model.save_weights(prepared)
            self._model.load_weights(prepared)
            return float(values_of(self._model.trainable_variables)[-1].sum())

    def relocate(self) -> None:
        """Moves the weights to other memory."""
        self._runtime.relocate(self._model.trainable_variables)

    def write_files(self, folder: Path) -> None:
        """Writes the model in each format, and the versions that did. What can't be written is missing."""
        with self._tf.device(self.device):
            model = self._files.compiled(self.config)
            self._start(model)
            for form in FORMATS:
                try:
                    self._files.write(model, form, folder)
                except Exception as error:  # whatever else it is, the case that reads the own file tells it
                    _raise_without_room(error)
                    print(f"{form} was not written: {error}")
        (folder / VERSIONS_FILE).write_text(json.dumps(vars(self._versions)), encoding="utf-8")

    @cached_property
    def _versions(self) -> Versions:
        versions = self._runtime.versions()
        return Versions(versions["tensorflow"], versions["keras"])

    @cached_property
    def _writer(self) -> Versions:
        return Versions(**json.loads((self.given / VERSIONS_FILE).read_text(encoding="utf-8")))

    def promised(self, case: str) -> bool:
        """Returns whether this version promises to read the case's file."""
        whose, _, form = case.partition(" ")
        return whose == OWN or promised(form, self._writer, self._versions)

    def answers(self, case: str) -> Mapping[str, Mapping[str, Any]]:
        """Returns what a file gives. Raises Refused where it can't be written or read, unless there is no room."""
        whose, _, form = case.partition(" ")
        try:
            with self._tf.device(self.device):
                if whose == GIVEN:
                    return self._read(form, self.given)
                with _folder() as folder:
                    model = self._files.compiled(self.config)
                    self._start(model)
                    self._files.write(model, form, Path(folder))
                    return self._read(form, Path(folder))
        except Exception as error:  # whatever else it is, it is the answer
            _raise_without_room(error)
            line = next(iter(str(error).strip().splitlines()), "").rstrip(".")
            writer = self._writer if whose == GIVEN else self._versions
            by = f"written by TensorFlow {writer.tensorflow}, Keras {writer.keras}"
            raise Refused(f"{by}: {type(error).__name__}: {line}") from error

    def _read(self, form: str, folder: Path) -> dict[str, dict[str, Any]]:
        from lm.workloads.parts.keras_optimizers import slots_of, values_of

        inputs, targets = ids(self.config)
        if form == SAVED_MODEL:
            return {"logits": {"": self._files.saved_model_logits(folder, inputs)}}
        model, names = self._files.read(self.config, form, folder), list(self.config.weight_shapes())
        logits, before, held = model(inputs), values_of(model.trainable_variables), slots_of(model.optimizer, "adam")
        self._files.update(model, gradients(self.config, 2))
        after = values_of(model.trainable_variables)
        changes = (now - value for now, value in zip(after, before, strict=True))
        return {
            "logits": {"": logits},
            "loss": {"": model.loss(targets, logits)},
            "weight": dict(zip(names, before, strict=True)),
            **{slot: dict(zip(names, of, strict=True)) for slot, of in held.items()},
            "change": dict(zip(names, changes, strict=True)),
        }


def _raise_without_room(error: Exception) -> None:
    """Raises an error again if it tells of a full disk or of full memory, which is the machine's and no answer."""
    full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
    if full or isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":  # TensorFlow's own
        raise error


def _folder() -> tempfile.TemporaryDirectory[str]:
    """Makes a folder in the current one: a worker's is its own, and deleted with all that a killed one leaves."""
    return tempfile.TemporaryDirectory(dir=Path.cwd())
