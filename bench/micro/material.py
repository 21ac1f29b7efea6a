"""The input of a configuration's cases, and the oracle's results on it."""

import dataclasses
import functools

import numpy as np

from lm.arrays import Array, Floats, Masks, State, Tokens, Weights
from lm.config import CONFIGS, Config
from lm.data.batches import Batch, training_batch
from lm.data.load import load_corpus
from lm.oracle import step as oracle
from lm.training.initial import initial_weights, weights_sha256

BATCHES = 4  # the timed rounds rotate over so many: no round has the ids of the one before


@dataclasses.dataclass(frozen=True)
class Material:
    """The first batches of the synthetic corpus, and the weights and the zero state that every round starts from."""

    config: Config
    tokens: Tokens  # [tokens]
    batches: tuple[Batch, ...]
    weights: Weights
    state: State
    fingerprint: str

    @property
    def inputs(self) -> Tokens:
        """Returns the inputs of all batches, one below the other: [batches · batch, steps]."""
        return np.concatenate([one.inputs for one in self.batches])

    @property
    def targets(self) -> Tokens:
        """Returns the targets in the same order, [batches · batch, steps]."""
        return np.concatenate([one.targets for one in self.batches])

    @property
    def masks(self) -> Masks:
        """Returns the masks in the same order, each [batches · batch, steps, width]."""
        return tuple(np.concatenate(masks) for masks in zip(*(one.masks for one in self.batches), strict=True))

    @functools.cached_property
    def answer(self) -> oracle.Step:
        """Returns the oracle's training step on the first batch, from the initial weights and the zero state."""
        return self._step(0, _wide(self.weights), _wide(self.state))

    @functools.cached_property
    def trained(self) -> dict[str, Array]:
        """Returns the oracle's weights after a step on each batch in turn, the state carried over."""
        taken = self.answer
        for index in range(1, BATCHES):
            taken = self._step(index, taken.weights, taken.state)
        return taken.weights

    def evaluated(self) -> tuple[np.inexact, dict[str, Array]]:
        """Returns the oracle's (loss, new state) of the first batch, undropped, from initial weights and zero state."""
        first = self.batches[0]
        return oracle.evaluate(self.config, _wide(self.weights), _wide(self.state), first.inputs, first.targets)

    def read(self) -> Array:
        """Returns the oracle's logits [batches · batch, steps, vocabulary] of all batches in turn, without dropout."""
        weights, state, logits = _wide(self.weights), _wide(self.state), []
        for one in self.batches:
            found, state, _ = oracle.forward(self.config, weights, state, one.inputs)
            logits.append(found)
        return np.concatenate(logits)

    def _step(self, index: int, weights: dict[str, Array], state: dict[str, Array]) -> oracle.Step:
        return oracle.step(self.config, weights, state, *self.batches[index], learning_rate=self.config.learning_rate)


@functools.cache
def material(config_name: str) -> Material:
    """Returns the material of a reference configuration."""
    config = CONFIGS[config_name]
    corpus = load_corpus("synthetic", config)
    weights = initial_weights(config)
    state = {name: np.zeros(shape, np.float32) for name, shape in config.state_shapes().items()}
    batches = tuple(training_batch(corpus.train, config, step) for step in range(BATCHES))
    fingerprint = config.fingerprint(corpus.sha256, weights_sha256(weights))
    return Material(config, corpus.train, batches, weights, state, fingerprint)


def _wide(arrays: dict[str, Floats]) -> dict[str, Array]:
    return {name: array.astype(np.float64) for name, array in arrays.items()}
