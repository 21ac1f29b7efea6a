"""Workload `predict-call`: a direct call `model(x)` in a loop, one sequence a call, each as long as the last.

Since Keras 3 it takes twice as long as it did.
"""

from typing import TYPE_CHECKING

from lm.arrays import Floats, Tokens
from lm.config import Blocks
from lm.workloads.parts.calls import Calls, call_plans

if TYPE_CHECKING:
    import tensorflow as tf


class Workload(Calls):
    """Implements lm.workloads.protocol.Workload."""

    name = "predict-call"
    plans = call_plans(
        tiny=Blocks(quads=20, steps=10, dropped=2, evaluation_quads=0, evaluation_steps=0),
        notebook=Blocks(quads=10, steps=8, dropped=2, evaluation_quads=0, evaluation_steps=0),
    )

    def call(self, model: "tf.keras.Sequential", ids: Tokens) -> Floats:
        """Returns the called model's logits."""
        logits: Floats = model(ids).numpy()
        return logits
