"""What the cases of a configuration are fed, and what the oracle makes of it."""

import dataclasses
import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lm.config import CONFIGS, Config
from lm.data.batches import batch
from lm.data.load import load_corpus
from lm.data.masks import dropout_masks
from lm.oracle import step as oracle
from lm.training.initial import Weights, initial_weights, weights_sha256

BATCHES = 4  # the timed rounds rotate over so many: no round has the ids of the one before


@dataclasses.dataclass(frozen=True)
class Batch:
    """One batch: ids [batch, steps], and masks as Config.mask_shapes has them."""

    inputs: NDArray[np.int32]
    targets: NDArray[np.int32]
    masks: tuple[NDArray[np.float32], ...]


@dataclasses.dataclass(frozen=True)
class Material:
    """The first batches of the synthetic corpus, and the weights and the zero state that every round starts from."""

    config: Config
    tokens: NDArray[np.int32]
    batches: tuple[Batch, ...]
    weights: Weights
    state: dict[str, NDArray[np.float32]]
    fingerprint: str

    @property
    def inputs(self) -> NDArray[np.int32]:
        """Inputs of all batches, one below the other: [batches · batch, steps]."""
        return np.concatenate([one.inputs for one in self.batches])

    @property
    def targets(self) -> NDArray[np.int32]:
        """Targets in the same order."""
        return np.concatenate([one.targets for one in self.batches])

    @property
    def masks(self) -> tuple[NDArray[np.float32], ...]:
        """Masks in the same order, each [batches · batch, steps, width]."""
        return tuple(np.concatenate(masks) for masks in zip(*(one.masks for one in self.batches), strict=True))

    def answer(self, index: int) -> oracle.Step:
        """The oracle's training step on batch `index`, from the initial weights and the zero state."""
        return _answer(self.config.name, index)

    def evaluated(self, index: int) -> tuple[Any, dict[str, NDArray[Any]]]:
        """The oracle's (loss, new state) of batch `index` without dropout, from the initial weights and the zero state."""
        one = self.batches[index]
        return oracle.evaluate(self.config, _wide(self.weights), _wide(self.state), one.inputs, one.targets)

    def read(self) -> NDArray[Any]:
        """The oracle's logits [batches · batch, steps, vocabulary] of all batches in turn, without dropout, the state carried on."""
        weights, state, logits = _wide(self.weights), _wide(self.state), []
        for one in self.batches:
            found, state, _ = oracle.forward(self.config, weights, state, one.inputs)
            logits.append(found)
        return np.concatenate(logits)

    def trained(self) -> dict[str, NDArray[Any]]:
        """The oracle's weights after a step on each batch in turn, the state carried on."""
        return _trained(self.config.name)


@functools.cache
def material(config_name: str) -> Material:
    """The material of a reference configuration."""
    config = CONFIGS[config_name]
    corpus = load_corpus("synthetic", config)
    weights = initial_weights(config)
    state = {name: np.zeros(shape, np.float32) for name, shape in config.state_shapes().items()}
    batches = tuple(
        Batch(*batch(corpus.train, config, index), dropout_masks(config, index)) for index in range(BATCHES)
    )
    fingerprint = config.fingerprint(corpus.sha256, weights_sha256(weights))
    return Material(config, corpus.train, batches, weights, state, fingerprint)


@functools.cache
def _answer(config_name: str, index: int) -> oracle.Step:
    made = material(config_name)
    return _step(made, index, _wide(made.weights), _wide(made.state))


@functools.cache
def _trained(config_name: str) -> dict[str, NDArray[Any]]:
    made = material(config_name)
    taken = made.answer(0)
    for index in range(1, BATCHES):
        taken = _step(made, index, taken.weights, taken.state)
    return taken.weights


def _step(made: Material, index: int, weights: dict[str, NDArray[Any]], state: dict[str, NDArray[Any]]) -> oracle.Step:
    one = made.batches[index]
    rate = made.config.learning_rate
    return oracle.step(made.config, weights, state, one.inputs, one.targets, one.masks, learning_rate=rate)


def _wide(arrays: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[Any]]:
    return {name: array.astype(np.float64) for name, array in arrays.items()}
