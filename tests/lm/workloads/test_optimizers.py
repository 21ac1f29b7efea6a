"""The gradients of `optimizers` are those that its clip norms are made for."""

import numpy as np

from lm.config import CONFIGS
from lm.oracle.optimizers import ARGUMENTS
from lm.workloads.optimizers import UPDATES, Workload


def test_clip_norms_lie_where_they_tell() -> None:
    """Of each gradient by itself one is shortened and the other isn't; both are, together."""
    gradients = (Workload().gradients(CONFIGS["tiny"], step) for step in range(1, UPDATES[-1] + 1))
    dense, sparse = np.transpose([[np.linalg.norm(dense), np.linalg.norm(values)] for dense, _, values in gradients])
    assert sparse.max() < ARGUMENTS["clipnorm"] < dense.min()
    assert ARGUMENTS["global_clipnorm"] < np.hypot(dense, sparse).min()
