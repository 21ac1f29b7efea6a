"""The model that users write, a Keras Sequential of embedding, LSTMs and a dense layer, and work that calls it."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from lm import runtime
from lm.arrays import Floats, Tokens
from lm.config import Config
from lm.data.ids import random_ids
from lm.training.initial import weights_sha256, wide_weights
from lm.workloads.parts.on_device import OnDevice
from lm.workloads.protocol import Answering, Opening

if TYPE_CHECKING:
    from lm.workloads.parts.calls import Calls


def sequential(config: Config) -> tf.keras.Sequential:
    """Builds the model: ids [batch, steps] → logits [batch, steps, vocabulary], for any batch and number of steps."""
    return tf.keras.Sequential(
        [
            tf.keras.Input((None,), dtype="int32"),
            tf.keras.layers.Embedding(config.vocabulary_size, config.embedding_size),
            *(tf.keras.layers.LSTM(size, return_sequences=True) for size in config.layer_sizes),
            tf.keras.layers.Dense(config.vocabulary_size),
        ]
    )


def assign(variables: Iterable[Any], weights: Mapping[str, Floats]) -> None:
    """Sets Keras' trainable variables, which have the weights' order."""
    for variable, value in zip(variables, weights.values(), strict=True):
        variable.assign(value)


class Predicting(OnDevice, Answering):
    """Work that calls the model on one sequence at a time."""

    def __init__(self, calls: "Calls", opening: Opening) -> None:
        super().__init__(opening)
        self._calls = calls
        self.tokens = calls.tokens(self.config)
        self.fingerprint = self.config.fingerprint(calls.name, weights_sha256(wide_weights(self.config)))

    def build(self) -> None:
        """Builds the model."""
        with tf.device(self.device):
            self.model = sequential(self.config)
        self._traces = runtime.traces_of(self.model, "predict_step")

    def start(self) -> None:
        """Sets the weights."""
        assign(self.model.trainable_variables, wide_weights(self.config, self.jitter))

    def prepare(self, unit: int) -> Tokens:
        """Returns the unit's ids, [1, steps]."""
        return random_ids(self.config, unit, (1, self._calls.length(self.config, unit)))

    def do(self, prepared: Tokens) -> float:
        """Calls the model; returns the sum of its logits."""
        with tf.device(self.device):
            return float(self._calls.call(self.model, prepared).sum())

    def relocate(self) -> None:
        """Moves the weights to other memory."""
        runtime.relocate(self.model.trainable_variables)

    @property
    def retraces(self) -> int:
        """Returns how often Keras' predict was traced beyond the first time; 0 where it isn't called."""
        return max(self._traces() - 1, 0)

    def answers(self, case: str) -> Mapping[str, Mapping[str, Any]]:
        """Returns the logits of each sequence, in turn. The call before them has other weights, of which none may be
        kept.
        """
        sequences = self._calls.sequences(self.config)
        with tf.device(self.device):
            weights = wide_weights(self.config, self.jitter)
            assign(self.model.trainable_variables, {name: 2 * value for name, value in weights.items()})
            self._calls.call(self.model, next(iter(sequences.values())))
            self.start()
            return {"logits": {name: self._calls.call(self.model, ids) for name, ids in sequences.items()}}
