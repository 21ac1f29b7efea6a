"""Workload `bidirectional`: `masked` by Keras' Bidirectional LSTMs, whose backward direction begins in the padding.

Each layer hands up both directions' outputs, next to each other (keras #18971).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lm.arrays import Array, Tokens
from lm.config import Config
from lm.oracle.bidirectional import DIRECTIONS, PARTS, bidirectional_step
from lm.oracle.masked import Masked
from lm.workloads.parts.padded import FRONT, FULL, RAGGED, Padded

if TYPE_CHECKING:
    import tensorflow as tf


class Workload(Padded):
    """Implements lm.workloads.protocol.Workload."""

    cases = (RAGGED, FRONT, FULL)

    def shapes(self, config: Config) -> Mapping[str, tuple[int, ...]]:
        """Returns the weights' shapes by name: each direction has its own."""
        shapes: dict[str, tuple[int, ...]] = {"embedding": (config.vocabulary_size, config.embedding_size)}
        width = config.embedding_size
        for layer, size in enumerate(config.layer_sizes):
            for direction in DIRECTIONS:
                of_parts = (width, 4 * size), (size, 4 * size), (4 * size,)
                shapes |= {f"lstm{layer}/{direction}/{part}": of for part, of in zip(PARTS, of_parts, strict=True)}
            width = 2 * size
        return shapes | {"output/kernel": (width, config.vocabulary_size), "output/bias": (config.vocabulary_size,)}

    def widths(self, config: Config) -> Sequence[int]:
        """Returns twice the layers' sizes."""
        return tuple(2 * size for size in config.layer_sizes)

    def states(self, config: Config) -> Sequence[str]:
        """Returns the names of the forward states, then the backward ones, layer by layer."""
        layers = range(len(config.layer_sizes))
        return tuple(f"lstm{layer}/{direction}/{part}" for layer in layers for direction in DIRECTIONS for part in "hc")

    def recurrent(self, size: int) -> "tf.keras.layers.Layer":
        """Makes a layer of two directions."""
        import tensorflow as tf

        return tf.keras.layers.Bidirectional(super().recurrent(size))

    def oracle(
        self, config: Config, weights: Mapping[str, Array], inputs: Tokens, targets: Tokens, lengths: Tokens
    ) -> Masked:
        """Returns a batch's results by their definition."""
        return bidirectional_step(len(config.layer_sizes), weights, inputs, targets, lengths)
