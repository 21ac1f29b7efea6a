"""Workload `mixed`: `masked` under Keras' policy `mixed_bfloat16`, with an output layer in float32.

The layers compute in bfloat16 from weights kept in float32. Their oracle takes the weights rounded so. How far off a
result may be is measured by what one rounding of the weights and of the result costs. Layers are RNNs of LSTMCells:
Keras 2's `LSTM` refuses bfloat16, since cuDNN's kernel, which it keeps at hand on a CPU as well, does.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from lm.arrays import Array, Floats
from lm.workloads.parts.padded import Padded
from lm.workloads.protocol import Answers, Opening

if TYPE_CHECKING:
    import tensorflow as tf

DROPPED_BITS = 16  # of float32's mantissa


class Workload(Padded):
    """Implements lm.workloads.protocol.Workload. A subclass has another policy."""

    dtype = "mixed_bfloat16"
    curved = False  # a loss that moves with the hidden values has a limit by luck, in that rounding
    cap = 0.1  # no limit comes near to it

    def rounded(self, value: Floats) -> Floats:
        """Returns finite values rounded to the layers' type."""
        return in_bfloat16(value)

    def recurrent(self, size: int) -> "tf.keras.layers.Layer":
        """Makes a layer that goes through the sequence cell by cell."""
        import tensorflow as tf

        cell = tf.keras.layers.LSTMCell(size, dtype=self.dtype)
        return tf.keras.layers.RNN(cell, return_sequences=True, return_state=True, dtype=self.dtype)

    def cast(self, name: str, value: Floats, kind: type[np.floating[Any]]) -> Array:
        """Returns a weight as the layers see it, and for the limits as it is."""
        limits = kind is np.float32
        seen = value if name.startswith("output/") or limits else self.rounded(value)
        return seen.astype(kind)

    def expected(self, opening: Opening, case: str, kind: type[np.floating[Any]]) -> Answers:
        """Returns the oracle's results, and for the limits those of the layers rounded to their type."""
        found, limits = super().expected(opening, case, kind), kind is np.float32
        if not limits:
            return found
        return {
            quantity: {
                name: value if name.startswith("output/") else self._as_given(quantity, value)
                for name, value in of.items()
            }
            for quantity, of in found.items()
        }

    def _as_given(self, quantity: str, value: Floats) -> Floats:
        """Returns what a layer gives, rounded to its type; a gradient is that of the scaled loss."""
        if quantity == "gradient":
            return self.rounded(value * np.float32(self.loss_scale)) / np.float32(self.loss_scale)
        return self.rounded(value) if quantity == "state" else value


def in_bfloat16(value: Floats) -> Floats:
    """Returns finite values rounded to bfloat16, to the nearest, ties to even."""
    bits = value.view(np.uint32)
    last_kept = (bits >> np.uint32(DROPPED_BITS)) & np.uint32(1)
    up = np.uint32(2 ** (DROPPED_BITS - 1) - 1) + last_kept
    kept: Floats = ((bits + up) & ~np.uint32(2**DROPPED_BITS - 1)).view(np.float32)
    return kept
