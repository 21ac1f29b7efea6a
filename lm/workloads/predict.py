"""Workload `predict`: Keras' `model.predict` in a loop, one sequence a call, each as long as the last."""

from typing import TYPE_CHECKING

from lm.arrays import Floats, Tokens
from lm.config import Blocks, unit_plans
from lm.workloads.parts.calls import Calls

if TYPE_CHECKING:
    import tensorflow as tf


class Workload(Calls):
    """Implements lm.workloads.protocol.Workload."""

    plans = unit_plans(tiny=Blocks(12, 8, 2), notebook=Blocks(10, 6, 1))

    def call(self, model: "tf.keras.Sequential", ids: Tokens) -> Floats:
        """Returns `model.predict`'s logits."""
        logits: Floats = model.predict(ids, verbose=0)
        return logits
