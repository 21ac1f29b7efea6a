"""Workload `train-without-onednn`: `train` by TensorFlow's own kernels (TF_ENABLE_ONEDNN_OPTS=0).

Builds of TensorFlow differ in whether oneDNN is on, and so do processors (tensorflow #56350). It has no replicates of
its own, so perplexity is `train`'s to tell.
"""

from collections.abc import Mapping

from lm.config import LAUNCH_PLANS, LaunchPlan
from lm.workloads import train


class Workload(train.Workload):
    """Implements lm.workloads.protocol.Workload; its work is Training."""

    metrics = (
        "step time on one core", "step time", "mean step", "evaluation step", "peak memory", "memory growth",
        "retraces", "cpu time", "import", "build", "trace", "first step", "graph operations",
    )  # fmt: skip
    plans: Mapping[str, LaunchPlan] = {name: LAUNCH_PLANS[name] for name in ("tiny", "notebook")}
    variables: Mapping[str, str] = {"TF_ENABLE_ONEDNN_OPTS": "0"}
