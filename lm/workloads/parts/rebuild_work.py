"""Work of `rebuild`: Keras models, built and deleted one after the other."""

import gc
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from lm.arrays import Floats, Tokens
from lm.training.initial import weights_sha256, wide_weights
from lm.workloads.parts.on_device import OnDevice
from lm.workloads.parts.sequential import assign, sequential
from lm.workloads.protocol import Answering, Opening
from lm.workloads.rebuild import RATE, Workload, batch


class Work(OnDevice, Answering):
    """Builds a model in each unit, from the same weights. Each has a graph of its own, so none is traced again."""

    def __init__(self, workload: Workload, opening: Opening) -> None:
        super().__init__(opening)
        self.tokens = self.config.tokens_per_step
        self._initial = wide_weights(self.config, self.jitter)
        self.fingerprint = self.config.fingerprint(workload.name, weights_sha256(wide_weights(self.config)))

    def prepare(self, unit: int) -> tuple[Tokens, Tokens]:
        """Returns the unit's batch."""
        return batch(self.config, unit)

    def do(self, prepared: tuple[Tokens, Tokens]) -> float:
        """Builds a model, fits it to the batch, deletes it; returns the loss."""
        return self._fitted(*prepared)[0]

    def _fitted(self, inputs: Tokens, targets: Tokens, *, after: bool = False) -> tuple[float, Floats | None]:
        """Returns the loss, and the logits `after` the update if they are asked for."""
        with tf.device(self.device):
            model = sequential(self.config)
            assign(model.trainable_variables, self._initial)
            loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile(tf.keras.optimizers.SGD(RATE), loss)
            history = model.fit(inputs, targets, batch_size=len(inputs), epochs=1, verbose=0)
            logits = model(inputs).numpy() if after else None
        found = float(history.history["loss"][0])
        del model, history
        tf.keras.backend.clear_session()
        gc.collect()
        return found, logits

    def answers(self, case: str) -> Mapping[str, Mapping[str, Any]]:
        """Returns the loss and the later logits of the third model."""
        for unit in (0, 1):
            self.do(self.prepare(unit))
        loss, logits = self._fitted(*self.prepare(2), after=True)
        return {"loss": {"": np.asarray(loss)}, "logits": {"": logits}}
