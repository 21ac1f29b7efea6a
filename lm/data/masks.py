"""Dropout masks from frozen NumPy streams (NEP 19), so that every TensorFlow trains with the same ones."""

import numpy as np

from lm.arrays import Masks
from lm.config import Config


def dropout_masks(config: Config, step: int) -> Masks:
    """Returns the 0/1 masks [batch, steps, width] of training step `step`, counted from 0 over the whole training.

    There is one for the embedding and one for each layer (Config.mask_shapes). Each value is 1 with probability
    keep_probability. The model divides by that probability, not the mask.
    """
    shapes = config.mask_shapes()
    if not shapes:
        return ()
    stream = np.random.RandomState([config.seed, step])
    return tuple((stream.random_sample(shape) < config.keep_probability).astype(np.float32) for shape in shapes)
