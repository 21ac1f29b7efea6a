"""Workload `predict-shapes`: `predict`, whose sequences have 100 lengths in turn.

Its graph is traced anew where Keras thinks so: its retraces are compared with the reference's, and its memory must not
grow with the shapes that it has seen (tensorflow #38598, #40261).
"""

from lm.config import Blocks, Config, unit_plans
from lm.workloads import predict
from lm.workloads.protocol import UNTRACED

LENGTHS = 100
STRIDE = 37  # coprime to LENGTHS: 100 units have each length once, and neighbours differ much


class Workload(predict.Workload):
    """Implements lm.workloads.protocol.Workload."""

    metrics = UNTRACED  # its retraces aren't: as many as the reference's are allowed
    plans = unit_plans(tiny=Blocks(10, 12, 2), notebook=Blocks(10, 12, 2))

    def length(self, config: Config, unit: int) -> int:
        """Returns 1 to LENGTHS."""
        return 1 + STRIDE * unit % LENGTHS

    def tokens(self, config: Config) -> int:
        """Returns the predictions of a unit, on average over all lengths."""
        return (1 + LENGTHS) // 2

    def compared(self, config: Config) -> tuple[int, ...]:
        """Returns lengths of which the first is traced, the second traced anew, and the others taken as they come."""
        return (7, 20, 1, LENGTHS, 7)
