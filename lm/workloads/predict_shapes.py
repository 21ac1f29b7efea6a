"""Workload `predict-shapes`: `predict`, whose sequences have 100 lengths in turn.

Its graph is traced anew where Keras thinks so: its retraces are compared with the reference's, and its memory must not
grow with the shapes that it has seen (tensorflow #38598, #40261).
"""

from lm.arrays import Tokens
from lm.config import Blocks, Config, unit_plans
from lm.data.ids import random_ids
from lm.workloads import predict
from lm.workloads.protocol import UNTRACED

LENGTHS = 100
SEQUENCES = 35  # of one call: a full batch of Keras' 32 and a short one
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

    def sequences(self, config: Config) -> dict[str, Tokens]:
        """Returns the ids that are compared, at last those of several sequences in one call."""
        together = random_ids(config, 0, (SEQUENCES, config.num_steps))
        return {**super().sequences(config), f"{SEQUENCES} sequences of {config.num_steps} steps": together}
