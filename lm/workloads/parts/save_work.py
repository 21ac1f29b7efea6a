"""Work of `save`: a Keras model and its files."""

import errno
import json
import re
import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import tensorflow as tf

from lm import runtime
from lm.training.initial import weights_sha256, wide_weights
from lm.workloads.parts import files
from lm.workloads.parts.keras_optimizers import slots_of, values_of
from lm.workloads.parts.on_device import OnDevice
from lm.workloads.parts.promises import FORMATS, SAVED_MODEL, WEIGHTS, Versions, promised
from lm.workloads.parts.sequential import assign
from lm.workloads.protocol import Opening, ReadingFiles, Refused
from lm.workloads.save import GIVEN, OWN, VERSIONS_FILE, Workload, gradients, ids


class Work(OnDevice, ReadingFiles):
    """Writes and reads one model's `.weights.h5`, unit after unit."""

    given = Path()  # the folder of the files that were given

    def __init__(self, workload: Workload, opening: Opening) -> None:
        super().__init__(opening)
        self.fingerprint = self.config.fingerprint(workload.name, weights_sha256(wide_weights(self.config)))

    def build(self) -> None:
        """Builds the model, and makes a folder in the process's own for its file."""
        with tf.device(self.device):
            self._model = files.compiled(self.config)
        self._folder = _folder()

    def start(self) -> None:
        """Sets the weights, and takes an update, so that there are slots to be saved."""
        with tf.device(self.device):
            self._start(self._model)

    def _start(self, model: files.Model) -> None:
        assign(model.trainable_variables, wide_weights(self.config, self.jitter))
        files.update(model, gradients(self.config, 1))

    def prepare(self, unit: int) -> str:
        """Returns the path of the file, which each unit writes anew."""
        return files.path_of(Path(self._folder.name), WEIGHTS)

    def do(self, prepared: str) -> float:
        """Writes and reads `.weights.h5`; returns the sum of the last bias that was read."""
        with tf.device(self.device):
            self._model.save_weights(prepared)
            self._model.load_weights(prepared)
            return float(values_of(self._model.trainable_variables)[-1].sum())

    def relocate(self) -> None:
        """Moves the weights to other memory."""
        runtime.relocate(self._model.trainable_variables)

    def write_files(self, folder: Path) -> None:
        """Writes the model in each format, and the versions that did. What can't be written is missing."""
        with tf.device(self.device):
            model = files.compiled(self.config)
            self._start(model)
            for form in FORMATS:
                try:
                    files.write(model, form, folder)
                except Exception as error:  # whatever else it is, the case that reads the own file tells it
                    _raise_without_room(error)
                    print(f"{form} was not written: {error}")
        (folder / VERSIONS_FILE).write_text(json.dumps(vars(self._versions)), encoding="utf-8")

    @cached_property
    def _versions(self) -> Versions:
        versions = runtime.versions()
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
            with tf.device(self.device):
                if whose == GIVEN:
                    return self._read(form, self.given)
                with _folder() as folder:
                    model = files.compiled(self.config)
                    self._start(model)
                    files.write(model, form, Path(folder))
                    return self._read(form, Path(folder))
        except Exception as error:  # whatever else it is, it is the answer
            _raise_without_room(error)
            line = next(iter(str(error).strip().splitlines()), "").rstrip(".")
            writer = self._writer if whose == GIVEN else self._versions
            by = f"written by TensorFlow {writer.tensorflow}, Keras {writer.keras}"
            raise Refused(f"{by}: {type(error).__name__}: {line}") from error

    def _read(self, form: str, folder: Path) -> dict[str, dict[str, Any]]:
        inputs, targets = ids(self.config)
        if form == SAVED_MODEL:
            return {"logits": {"": files.saved_model_logits(folder, inputs)}}
        model, names = files.read(self.config, form, folder), list(self.config.weight_shapes())
        logits, before, held = model(inputs), values_of(model.trainable_variables), slots_of(model.optimizer, "adam")
        files.update(model, gradients(self.config, 2))
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
    told = map(int, re.findall(r"errno = (\d+)", str(error)))  # HDF5's, whose exception has no number
    full = {getattr(error, "errno", None), *told} & {errno.ENOSPC, errno.EDQUOT}
    if full or isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":  # TensorFlow's own
        raise error


def _folder() -> tempfile.TemporaryDirectory[str]:
    """Makes a folder in the current one: a worker's is its own, and deleted with all that a killed one leaves."""
    return tempfile.TemporaryDirectory(dir=Path.cwd())
