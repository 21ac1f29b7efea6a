"""Workloads whose unit is loss and gradients of padded sequences: what they have in common, without TensorFlow."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lm.arrays import Array, Floats, Tokens, Weights
from lm.config import Blocks, Config, unit_plans
from lm.data.ids import random_ids
from lm.oracle.masked import Masked, masked_step
from lm.oracle.sgd import densified
from lm.training.initial import biased_weights, curved_weights
from lm.workloads import protocol
from lm.workloads.protocol import TRACED, Answers, Opening

if TYPE_CHECKING:
    import tensorflow as tf

# Cases: lengths from 1 to all steps, padded at the end, or in front; all sequences are whole.
RAGGED, FRONT, FULL = "ragged", "front", "full"
Batch = tuple[Tokens, Tokens, Tokens]  # inputs and targets [batch, steps], lengths [batch]


class Padded(protocol.Workload):
    """Implements lm.workloads.protocol.Workload by a stack of Keras' LSTMs; subclasses have other layers.

    Units are like the first case.
    """

    work = "differentiated:Differentiated"
    metrics = TRACED
    plans = unit_plans(tiny=Blocks(30, 10, 2), notebook=Blocks(10, 3, 1))
    cases: tuple[str, ...] = (RAGGED, FULL)
    mask_zero = True  # the embedding makes the mask
    jit_compile = False  # by XLA
    per_example = False  # by tf.vectorized_map, over the batch
    unroll = False  # the recurrent layers, which else are a loop over time
    dtype = "float32"  # Keras' policy for all layers but the last, which is in float32
    curved = True  # answers start from weights of which gates and logits are large
    loss_scale = 1.0  # of the loss whose gradients are taken; they are divided by it

    def answered(self, device: str) -> Sequence[str]:
        """Returns all cases; on a GPU none with padding in front, which Keras 3 refuses there in a graph."""
        return [case for case in self.cases if case != FRONT or device.startswith("cpu")]

    def weights(self, config: Config, jitter: int = 0) -> Weights:
        """Returns the weights that answers start from, named and shaped as in `shapes`."""
        draw = curved_weights if self.curved else biased_weights
        return draw(config, self.shapes(config), jitter)

    def shapes(self, config: Config) -> Mapping[str, tuple[int, ...]]:
        """Returns the weights' shapes by name, in the order of the layers' variables."""
        return config.weight_shapes()

    def widths(self, config: Config) -> Sequence[int]:
        """Returns the width of what each recurrent layer hands up."""
        return config.layer_sizes

    def states(self, config: Config) -> Sequence[str]:
        """Returns the names of the final states, in the order in which the layers return them."""
        return tuple(config.state_shapes())

    def recurrent(self, size: int) -> "tf.keras.layers.Layer":
        """Makes a recurrent layer of that size, which returns its outputs and its final state."""
        import tensorflow as tf

        return tf.keras.layers.LSTM(
            size, return_sequences=True, return_state=True, unroll=self.unroll, dtype=self.dtype
        )

    def cast(self, name: str, value: Floats, kind: type[np.floating[Any]]) -> Array:
        """Returns a weight in the type that the oracle computes in."""
        return value.astype(kind)

    def oracle(
        self, config: Config, weights: Mapping[str, Array], inputs: Tokens, targets: Tokens, lengths: Tokens
    ) -> Masked:
        """Returns a batch's results by their definition."""
        return masked_step(config, weights, inputs, targets, lengths)

    def expected(self, opening: Opening, case: str, kind: type[np.floating[Any]]) -> Answers:
        """Returns loss, logits, gradients and final state of the second batch by the oracle.

        Where a sequence lies among its padding changes only the places of its logits.
        """
        config = opening.config
        weights = {name: self.cast(name, value, kind) for name, value in self.weights(config, opening.jitter).items()}
        inputs, targets, lengths = self.batch(config, 1, RAGGED if case == FRONT else case)
        found = self.oracle(config, weights, inputs, targets, lengths)
        return {
            "logits": {"": _to_the_end(found.logits, lengths) if case == FRONT else found.logits},
            "loss": {"": np.asarray(found.loss)},
            "gradient": {name: densified(value, len(weights[name])) for name, value in found.gradients.items()},
            "state": found.state,
        }

    def batch(self, config: Config, unit: int, case: str) -> Batch:
        """Returns a unit's batch. RAGGED and FRONT: lengths from 1 to all steps, both among them; FULL: no padding."""
        shape = (config.batch_size, config.num_steps)
        lengths = np.full(shape[0], shape[1])
        if case != FULL:
            lengths = np.random.RandomState([config.seed, unit]).randint(1, shape[1] + 1, shape[0])
            lengths[0], lengths[-1] = 1, shape[1]
        kept = np.arange(shape[1]) < lengths[:, np.newaxis]
        inputs, targets = (random_ids(config, 2 * unit + number, shape, least=1) for number in (0, 1))
        inputs = np.where(kept, inputs, 0).astype(np.int32)
        if case == FRONT:
            inputs, targets = (_to_the_end(ids, lengths) for ids in (inputs, targets))
        return inputs, targets, lengths.astype(np.int32)


def _to_the_end(values: Array, lengths: Tokens) -> Array:
    """Moves each sequence of [batch, steps, …] behind its padding."""
    steps = values.shape[1]
    return np.stack([np.roll(row, steps - length, axis=0) for row, length in zip(values, lengths, strict=True)])
