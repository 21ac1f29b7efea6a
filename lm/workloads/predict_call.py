"""Workload `predict-call`: a direct call `model(x)` in a loop, one sequence a call, each as long as the last.

Since Keras 3 it takes twice as long as it did.
"""

from typing import TYPE_CHECKING

from lm.arrays import Floats, Tokens
from lm.config import Blocks, unit_plans
from lm.workloads.parts.calls import Calls
from lm.workloads.protocol import UNTRACED

if TYPE_CHECKING:
    import tensorflow as tf


class Workload(Calls):
    """Implements lm.workloads.protocol.Workload."""

    metrics = UNTRACED
    plans = unit_plans(tiny=Blocks(20, 10, 2), notebook=Blocks(10, 8, 2))

    def call(self, model: "tf.keras.Sequential", ids: Tokens) -> Floats:
        """Returns the called model's logits."""
        logits: Floats = model(ids).numpy()
        return logits
