"""Workload `rebuild`: a model is built, compiled, fitted to one batch and deleted, over and over (tensorflow #61791).

What a model leaves behind shows as memory growth, and as step time growth if it slows down the next ones. Each unit
ends as Keras' documentation advises, with `clear_session`, and with a collection of garbage, since models refer to
themselves.
"""

import dataclasses
import gc
from collections.abc import Mapping
from typing import Any

import numpy as np

from lm.arrays import Floats, Tokens
from lm.config import Blocks, Config, LaunchPlan, unit_plans
from lm.data.ids import random_ids
from lm.oracle.sgd import apply_sgd
from lm.oracle.step import mean_loss, predict
from lm.training.initial import weights_sha256, wide_weights
from lm.workloads import protocol
from lm.workloads.parts.untraced import Untraced
from lm.workloads.protocol import Answers, Opening

THIRD = "third"  # the one case: the third of models built one after the other, on a batch each
RATE = 10.0  # of gradient descent
SHORT, LONG = Blocks(10, 1, 0), Blocks(24, 1, 0)  # 23 models, and 51: what they leave behind is measured on all cores


class Workload(protocol.Workload):
    """Implements lm.workloads.protocol.Workload."""

    metrics: tuple[str, ...] = (
        *("step time on one core", "step time", "peak memory", "memory growth", "step time growth"),
        *("cpu time", "import", "first step"),
    )
    plans: Mapping[str, LaunchPlan] = {
        config: dataclasses.replace(plan, blocks=LONG)
        for config, plan in unit_plans(tiny=SHORT, notebook=SHORT).items()
    }
    cases = (THIRD,)

    def open(self, opening: Opening) -> "Work":
        """Returns the work. Raises DeviceError."""
        return Work(opening)

    def expected(self, opening: Opening, case: str, kind: type[np.floating[Any]]) -> Answers:
        """Returns the loss of the third batch, and its logits after the update, by the oracle."""
        config, weights = opening.config, wide_weights(opening.config, opening.jitter, kind)
        inputs, targets = batch(config, 2)
        loss, gradients = mean_loss(config, weights, inputs, targets)
        after = apply_sgd(weights, gradients, RATE)
        return {"loss": {"": np.asarray(loss)}, "logits": {"": predict(config, after, inputs)}}


def batch(config: Config, unit: int) -> tuple[Tokens, Tokens]:
    """Returns a unit's inputs and targets, each [batch, steps]."""
    shape = (config.batch_size, config.num_steps)
    return random_ids(config, 2 * unit, shape), random_ids(config, 2 * unit + 1, shape)


class Work(Untraced):
    """Implements lm.workloads.protocol.Answering."""

    retraces = 0  # each model has a graph of its own

    def __init__(self, opening: Opening) -> None:
        import tensorflow as tf

        from lm.runtime import require_device

        require_device(opening.device)
        self._tf, self.config, self.device = tf, opening.config, opening.device
        self.tokens = self.config.tokens_per_step
        self._initial = wide_weights(self.config, opening.jitter)
        self.fingerprint = self.config.fingerprint("rebuild", weights_sha256(wide_weights(self.config)))

    def build(self) -> None:
        """Does nothing: units build."""

    def start(self) -> None:
        """Does nothing: units start from the same weights."""

    def prepare(self, unit: int) -> tuple[Tokens, Tokens]:
        """Returns the unit's batch."""
        return batch(self.config, unit)

    def do(self, prepared: tuple[Tokens, Tokens]) -> float:
        """Builds a model, fits it to the batch, deletes it; returns the loss."""
        return self._fitted(*prepared)[0]

    def _fitted(self, inputs: Tokens, targets: Tokens, *, after: bool = False) -> tuple[float, Floats | None]:
        """Returns the loss, and the logits `after` the update if they are asked for."""
        from lm.workloads.parts.sequential import assign, sequential

        keras = self._tf.keras
        with self._tf.device(self.device):
            model = sequential(self.config)
            assign(model.trainable_variables, self._initial)
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile(keras.optimizers.SGD(RATE), loss)
            history = model.fit(inputs, targets, batch_size=len(inputs), epochs=1, verbose=0)
            logits = model(inputs).numpy() if after else None
        found = float(history.history["loss"][0])
        del model, history
        keras.backend.clear_session()
        gc.collect()
        return found, logits

    def relocate(self) -> None:
        """Does nothing: each model lies elsewhere."""

    def answers(self, case: str) -> Mapping[str, Mapping[str, Any]]:
        """Returns the loss and the later logits of the third model."""
        for unit in (0, 1):
            self.do(self.prepare(unit))
        loss, logits = self._fitted(*self.prepare(2), after=True)
        return {"loss": {"": np.asarray(loss)}, "logits": {"": logits}}
