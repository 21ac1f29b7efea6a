"""Workload `train`: one training step of a stacked LSTM, batch after batch of a corpus.

The oracle takes chosen steps as well, from the same weights (docs/numerics.md).
"""

from collections.abc import Mapping

from lm.config import LAUNCH_PLANS, LaunchPlan
from lm.workloads import protocol


class Workload(protocol.Workload):
    """Implements lm.workloads.protocol.Workload; its work is Training."""

    work = "train_work:Work"
    metrics: tuple[str, ...] = ()  # all
    plans: Mapping[str, LaunchPlan] = LAUNCH_PLANS
    cases: tuple[str, ...] = ()
