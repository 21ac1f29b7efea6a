"""Workload `predict-shapes`: Keras' `model.predict` in a loop over 100 lengths, one sequence a call.

Its graph is traced anew where Keras thinks so: its retraces are compared with the reference's, and its memory must not
grow with the shapes that it has seen (tensorflow #38598, #40261).
"""

from typing import TYPE_CHECKING

from lm.arrays import Floats, Tokens
from lm.config import Blocks, Config, unit_plans
from lm.workloads.parts.calls import Calls

if TYPE_CHECKING:
    import tensorflow as tf

LENGTHS = 100
STRIDE = 37  # no divisor in common with LENGTHS: as many units take each length once, neighbours unlike ones


class Workload(Calls):
    """Implements lm.workloads.protocol.Workload."""

    name = "predict-shapes"
    metrics = tuple(name for name in Calls.metrics if name != "retraces")  # the reference's are allowed
    plans = unit_plans(tiny=Blocks(10, 12, 2), notebook=Blocks(10, 12, 2))

    def call(self, model: "tf.keras.Sequential", ids: Tokens) -> Floats:
        """Returns `model.predict`'s logits."""
        logits: Floats = model.predict(ids, verbose=0)
        return logits

    def length(self, config: Config, unit: int) -> int:
        """Returns 1 to LENGTHS."""
        return 1 + STRIDE * unit % LENGTHS

    def compared(self, config: Config) -> tuple[int, ...]:
        """Returns lengths of which the first is traced, the second traced anew, and the others taken as they come."""
        return (7, 20, 1, LENGTHS, 7)
