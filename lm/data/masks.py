"""Dropout masks from frozen NumPy streams, so that every TensorFlow trains with the same ones."""

import numpy as np
from numpy.typing import NDArray

from lm.config import Config


def dropout_masks(config: Config, step: int) -> tuple[NDArray[np.float32], ...]:
    """The 0/1 masks of training step `step` (counted from 0 over the whole training), shaped as Config.mask_shapes.

    Each value is 1 with probability keep_probability. The model divides by that probability, not the mask.
    """
    shapes = config.mask_shapes()
    if not shapes:
        return ()
    stream = np.random.RandomState([config.seed, step])
    return tuple((stream.random_sample(shape) < config.keep_probability).astype(np.float32) for shape in shapes)
