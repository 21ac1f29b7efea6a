"""Writes and reads saved models in the formats that TensorFlow and Keras have, as their guides show it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from lm.arrays import Floats, Tokens
from lm.compat import save_keras
from lm.config import Config
from lm.workloads.parts.keras_optimizers import made
from lm.workloads.parts.promises import CHECKPOINT, KERAS, SAVED_MODEL, WEIGHTS
from lm.workloads.parts.sequential import sequential

Model: TypeAlias = Any  # a tf.keras.Sequential, which has no types


def compiled(config: Config) -> Model:
    """Builds the model, with Adam and its slots."""
    model = sequential(config)
    model.compile(optimizer=made("adam"), loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.optimizer.build(model.trainable_variables)
    return model


def update(model: Model, gradients: Mapping[str, Floats]) -> None:
    """Takes one update by the model's optimizer."""
    values = [tf.constant(value) for value in gradients.values()]
    model.optimizer.apply_gradients(zip(values, model.trainable_variables, strict=True))


def path_of(folder: Path, form: str) -> str:
    """Returns where the file, or files, of a format lie: saved.weights.h5.

    Not model.weights.h5: Keras 3.4 puts a file of that name beside a `.keras` that it reads, and removes it.
    """
    return str(folder / f"saved{form if form.startswith('.') else f'-{form}'}")


def write(model: Model, form: str, folder: Path) -> None:
    """Writes the model, and its optimizer where the format holds it. Raises whatever TensorFlow or Keras does."""
    WRITERS[form](model, path_of(folder, form))


def read(config: Config, form: str, folder: Path) -> Model:
    """Returns the model that a file other than a SavedModel holds, with its optimizer. Raises as `write` does."""
    return READERS[form](config, path_of(folder, form))


def saved_model_logits(folder: Path, ids: Tokens) -> Floats:
    """Returns the logits [batch, steps, vocabulary] that a SavedModel gives. Raises as `write` does."""
    signature = tf.saved_model.load(path_of(folder, SAVED_MODEL)).signatures["serving_default"]
    (name,) = signature.structured_input_signature[1]
    (logits,) = signature(**{name: tf.constant(ids)}).values()
    return np.array(logits.numpy())


def _checkpoint(model: Model) -> tf.train.Checkpoint:
    return tf.train.Checkpoint(model=model, optimizer=model.optimizer)


def _read_checkpoint(config: Config, path: str) -> Model:
    model = compiled(config)
    _checkpoint(model).read(path).assert_existing_objects_matched()
    return model


def _read_weights(config: Config, path: str) -> Model:
    model = compiled(config)
    model.load_weights(path)
    return model


WRITERS: Mapping[str, Callable[[Model, str], Any]] = {
    CHECKPOINT: lambda model, path: _checkpoint(model).write(path),
    WEIGHTS: lambda model, path: model.save_weights(path),
    KERAS: save_keras,
    SAVED_MODEL: lambda model, path: model.export(path),
}
READERS: Mapping[str, Callable[[Config, str], Model]] = {
    CHECKPOINT: _read_checkpoint,
    WEIGHTS: _read_weights,
    KERAS: lambda config, path: tf.keras.models.load_model(path),
}
