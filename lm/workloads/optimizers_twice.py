"""Workload `optimizers-twice`: `optimizers`, whose sparse gradients name rows several times, as an embedding's do.

The oracle takes the dense gradient: values of a row are added up before they are squared, as in Keras 2. Keras 3
squares them one by one: Adam's first update of a row that is named twice is 1.41 times as large.
"""

import numpy as np

from lm.arrays import Tokens
from lm.config import Config
from lm.oracle.optimizers import OPTIMIZERS
from lm.workloads import optimizers

TIMES = 4  # that a row is named, on average


class Workload(optimizers.Workload):
    """Implements lm.workloads.protocol.Workload."""

    cases = tuple(OPTIMIZERS)  # with no clip norm: Keras 2's is that of a row's values before they are added up

    def rows(self, config: Config, stream: np.random.RandomState) -> Tokens:
        """Returns rows, most of them more than once."""
        tokens = config.tokens_per_step
        return stream.randint(0, max(tokens // TIMES, 1), tokens).astype(np.int32)
