"""Ids from frozen NumPy streams, for workloads that read no corpus."""

import numpy as np

from lm.arrays import Tokens
from lm.config import Config


def random_ids(config: Config, stream: int, shape: tuple[int, ...], least: int = 0) -> Tokens:
    """Draws ids of a shape, from `least` to below the vocabulary's size, by the configuration's seed and a `stream`."""
    drawn = np.random.RandomState([config.seed, stream])
    return drawn.randint(least, config.vocabulary_size, shape).astype(np.int32)
