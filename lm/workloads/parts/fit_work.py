"""Work of `fit`: a compiled Keras model and a data set."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from lm import runtime
from lm.data.load import load_corpus
from lm.training.initial import wide_weights
from lm.workloads.fit import EVALUATE, FIT, SHORT, UPDATES, Workload, batch, rows
from lm.workloads.parts.keras_optimizers import slots_of, values_of
from lm.workloads.parts.on_device import OnDevice
from lm.workloads.parts.sequential import assign, sequential
from lm.workloads.protocol import Answering, Opening


class Work(OnDevice, Answering):
    """Fits one model, which starts where the initializers drew, unit after unit."""

    _at_first: int | None = None  # traces in the first unit

    def __init__(self, workload: Workload, opening: Opening) -> None:
        super().__init__(opening)
        corpus = load_corpus("synthetic", self.config)
        self.tokens = UPDATES[self.config.name] * self.config.tokens_per_step
        self._text = corpus.train[: self.tokens + 1].astype(np.int32)
        self.fingerprint = self.config.fingerprint(f"{workload.name} {corpus.sha256}", "default initializers")

    def build(self) -> None:
        """Builds and compiles the model, of the launch's seed, and the data set."""
        tf.keras.utils.set_random_seed(self.jitter)
        with tf.device(self.device):
            self._model = self._compiled()
        self._traces = runtime.traces_of(self._model, "train_step")
        inputs, targets = (part.reshape(-1, self.config.num_steps) for part in (self._text[:-1], self._text[1:]))
        data = tf.data.Dataset.from_tensor_slices((inputs, targets))
        self._data = data.shuffle(len(inputs)).batch(self.config.batch_size)

    def _compiled(self, optimizer: Any = "adam", **more: Any) -> tf.keras.Sequential:
        model = sequential(self.config)
        model.compile(optimizer, tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True), **more)
        return model

    def prepare(self, unit: int) -> tf.data.Dataset:
        """Returns the data set, which each unit shuffles anew."""
        return self._data

    def do(self, prepared: tf.data.Dataset) -> float:
        """Calls `fit` once; returns the mean loss of a token."""
        loss = self._fitted(self._model, prepared)
        if self._at_first is None:
            self._at_first = self._traces()
        return loss

    def _fitted(self, model: tf.keras.Sequential, data: tf.data.Dataset) -> float:
        with tf.device(self.device):
            return float(model.fit(data, verbose=0).history["loss"][0])

    def relocate(self) -> None:
        """Moves the weights to other memory."""
        runtime.relocate(self._model.trainable_variables)

    @property
    def retraces(self) -> int:
        """Returns how often Keras' training step was traced after the first unit.

        In that one Keras 2 traces it twice, since the optimizer makes its variables there.
        """
        return 0 if self._at_first is None else self._traces() - self._at_first

    def answers(self, case: str) -> Mapping[str, Mapping[str, Any]]:
        """Returns loss, slots and the change times m after one update of a model with given weights; or what Keras
        reports of rows that don't fill the last batch.
        """
        if case == SHORT:
            return self._reported()
        with tf.device(self.device):
            model = self._compiled()
        start = wide_weights(self.config, self.jitter)
        assign(model.trainable_variables, start)
        data = tf.data.Dataset.from_tensor_slices(batch(self.config)).batch(self.config.batch_size)
        loss = self._fitted(model, data)
        held = slots_of(model.optimizer, "adam")
        slots = {slot: dict(zip(start, values, strict=True)) for slot, values in held.items()}
        after = zip(start.items(), values_of(model.trainable_variables), strict=True)
        changes = {name: (now - value) * slots["slot m"][name] for (name, value), now in after}
        return {"loss": {"": loss}, **slots, "change times m": changes}

    def _reported(self) -> dict[str, dict[str, float]]:
        """Returns loss and accuracy by `evaluate`, and by a `fit` that changes no weight."""
        with tf.device(self.device):
            model = self._compiled(tf.keras.optimizers.SGD(0.0), metrics=["accuracy"])
            assign(model.trainable_variables, wide_weights(self.config, self.jitter))
            data = tf.data.Dataset.from_tensor_slices(rows(self.config)).batch(self.config.batch_size)
            evaluated = model.evaluate(data, verbose=0, return_dict=True)
            history = model.fit(data, verbose=0).history
        return {
            quantity: {EVALUATE: float(evaluated[quantity]), FIT: float(history[quantity][0])}
            for quantity in ("loss", "accuracy")
        }
