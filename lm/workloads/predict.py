"""Workload `predict`: Keras' `model.predict` in a loop, one sequence a call, each as long as the last."""

from typing import TYPE_CHECKING

from lm.arrays import Floats, Tokens
from lm.config import Blocks
from lm.workloads.parts.calls import Calls, call_plans

if TYPE_CHECKING:
    import tensorflow as tf


class Workload(Calls):
    """Implements lm.workloads.protocol.Workload."""

    name = "predict"
    plans = call_plans(
        tiny=Blocks(quads=12, steps=8, dropped=2, evaluation_quads=0, evaluation_steps=0),
        notebook=Blocks(quads=10, steps=6, dropped=1, evaluation_quads=0, evaluation_steps=0),
    )

    def call(self, model: "tf.keras.Sequential", ids: Tokens) -> Floats:
        """Returns `model.predict`'s logits."""
        logits: Floats = model.predict(ids, verbose=0)
        return logits
