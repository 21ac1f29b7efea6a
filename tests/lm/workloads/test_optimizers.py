"""The gradients of `optimizers` are those that its clip norms are made for."""

import numpy as np

from lm.config import CONFIGS
from lm.oracle.optimizers import ARGUMENTS
from lm.workloads.optimizers import UPDATES, ZERO, Workload


def test_clip_norms_lie_where_they_tell() -> None:
    """Of each gradient by itself one is shortened and the other isn't; both are, together. Those of one are 0."""
    steps = sorted({*range(1, UPDATES[-1] + 1)} - {ZERO})
    gradients = (Workload().gradients(CONFIGS["tiny"], step) for step in steps)
    dense, sparse = np.transpose([[np.linalg.norm(dense), np.linalg.norm(values)] for dense, _, values in gradients])
    assert sparse.max() < ARGUMENTS["clipnorm"] < dense.min()
    assert ARGUMENTS["global_clipnorm"] < np.hypot(dense, sparse).min()
    dense, _, sparse = Workload().gradients(CONFIGS["tiny"], ZERO)
    assert not dense.any()
    assert not sparse.any()
