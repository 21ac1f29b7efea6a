"""Workload `per-example`: each sequence's gradients by `tf.vectorized_map`, and their mean.

The mean is the batch's gradient. One release took 2 minutes for what its forerunner did in 15 s (tensorflow #44917).
Layers are unrolled: neither 2.12.1 nor 2.21.0 can map the gradient of a loop ("`dtype` variant is not compatible").
"""

from lm.workloads.parts.padded import FULL, Padded


class Workload(Padded):
    """Implements lm.workloads.protocol.Workload."""

    cases = (FULL,)
    mask_zero = False
    per_example = True
    unroll = True
