"""Workload `mixed-float16`: `mixed` under Keras' policy `mixed_float16`, with a loss that is scaled up.

float16 has three digits more than bfloat16, but no numbers below 6e-8. So gradients are those of the loss times a fixed
scale, divided by it in float32, as by Keras' `LossScaleOptimizer`.
"""

import numpy as np

from lm.arrays import Floats
from lm.workloads import mixed


class Workload(mixed.Workload):
    """Implements lm.workloads.protocol.Workload."""

    dtype = "mixed_float16"
    loss_scale = 2.0**15  # where `LossScaleOptimizer` begins

    def rounded(self, value: Floats) -> Floats:
        """Returns finite values rounded to float16, to the nearest, ties to even."""
        return value.astype(np.float16).astype(np.float32)
