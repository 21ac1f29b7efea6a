"""Workload `masked`: loss and gradients of sequences of several lengths, padded with 0, whose mask Keras makes.

The embedding's `mask_zero` makes the mask, which goes with the values from layer to layer. There is no update.
"""

from lm.workloads.parts.padded import FRONT, FULL, RAGGED, Padded


class Workload(Padded):
    """Implements lm.workloads.protocol.Workload."""

    cases = (RAGGED, FRONT, FULL)
