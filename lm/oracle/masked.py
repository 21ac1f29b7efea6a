"""The oracle's gradients on sequences of several lengths, padded at their ends.

Padding after a sequence's end changes nothing before it. So the layers run over it, the cost leaves it out, and the
final state is the one after the last token.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from lm.arrays import Array
from lm.config import Config
from lm.oracle.sgd import Gradients
from lm.oracle.step import backward, cross_entropy, forward, zero_state


@dataclasses.dataclass(frozen=True)
class Masked:
    """The results on a padded batch, named and shaped as its weights and states are."""

    loss: np.inexact  # the cross-entropy summed over the tokens that are no padding, divided by the batch size
    logits: Array  # [batch, steps, vocabulary]; 0 where there is padding
    gradients: Gradients  # the embedding's as SparseRows
    state: dict[str, Array]  # of each sequence after its last token


def masked_step(config: Config, weights: Mapping[str, Array], inputs: Array, targets: Array, lengths: Array) -> Masked:
    """Computes the results on ids `inputs` and `targets` [batch, steps], from a zero state.

    `lengths` [batch] are the tokens of each sequence, at least 1, that come before its padding.
    """
    batch, steps = inputs.shape
    kept = np.arange(steps) < lengths[:, np.newaxis]
    logits, _, tape = forward(config, weights, zero_state(config, weights, batch), inputs)
    loss, gradient = padded_loss(logits, targets, kept)
    state = {}
    for name in config.state_shapes():
        layer, part = name.split("/")
        own = tape.layers[int(layer.removeprefix("lstm"))]
        state[name] = (own.outputs if part == "h" else own.cells)[lengths, np.arange(batch)]
    shown = np.where(kept[:, :, np.newaxis], logits, logits.dtype.type(0))
    return Masked(loss, shown, backward(config, weights, tape, gradient), state)


def padded_loss(logits: Array, targets: Array, kept: Array) -> tuple[np.inexact, Array]:
    """Returns (cost, its gradient by the logits) of logits [batch, steps, vocabulary], where `kept` [batch, steps]."""
    size = logits.dtype.type(len(logits))
    loss, kept_gradient = cross_entropy(logits[kept][np.newaxis], targets[kept][np.newaxis])
    gradient = np.zeros_like(logits)
    gradient[kept] = kept_gradient[0] / size
    return loss / size, gradient
