"""Workloads that call a model on one sequence at a time: what they have in common, without TensorFlow."""

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from lm.arrays import Floats, Tokens
from lm.config import Config
from lm.data.ids import random_ids
from lm.oracle.step import predict
from lm.training.initial import wide_weights
from lm.workloads import protocol
from lm.workloads.protocol import TRACED, Answers, Opening

if TYPE_CHECKING:
    import tensorflow as tf

LENGTHS = "lengths"  # the one case: the logits of sequences of several lengths


class Calls(protocol.Workload):
    """Implements lm.workloads.protocol.Workload, but for the way in which the model is called and how often."""

    work = "sequential:Predicting"
    metrics: tuple[str, ...] = tuple(name for name in TRACED if name not in ("trace", "graph operations"))
    cases = (LENGTHS,)

    @abstractmethod
    def call(self, model: "tf.keras.Sequential", ids: Tokens) -> Floats:
        """Calls the model on ids [batch, steps]; returns logits [batch, steps, vocabulary]."""

    def length(self, config: Config, unit: int) -> int:
        """Returns the steps of a unit's sequence."""
        return config.num_steps

    def tokens(self, config: Config) -> int:
        """Returns the predictions of a unit, on average."""
        return config.num_steps

    def compared(self, config: Config) -> tuple[int, ...]:
        """Returns the lengths of the sequences that are compared, in that order."""
        return (config.num_steps,) * 3

    def expected(self, opening: Opening, case: str, kind: type[np.floating[Any]]) -> Answers:
        """Returns the logits by the oracle, [batch, steps, vocabulary] of each call."""
        config, weights = opening.config, wide_weights(opening.config, opening.jitter, kind)
        return {"logits": {name: predict(config, weights, ids) for name, ids in self.sequences(config).items()}}

    def sequences(self, config: Config) -> dict[str, Tokens]:
        """Returns the ids [batch, steps] that are compared, by name: "sequence 1 of 20 steps"."""
        return {
            f"sequence {number} of {length} steps": random_ids(config, number, (1, length))
            for number, length in enumerate(self.compared(config), 1)
        }
