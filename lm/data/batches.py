"""Batches of an epoch by index, so that a resumed training can start anywhere."""

from typing import NamedTuple

import numpy as np

from lm.arrays import Masks, Tokens
from lm.config import Config
from lm.data.masks import dropout_masks


class Batch(NamedTuple):
    """The arrays that one training step reads."""

    inputs: Tokens  # [batch, steps]
    targets: Tokens  # [batch, steps], each one token after its input
    masks: Masks = ()  # each [batch, steps, width]


def steps_per_epoch(tokens: int, config: Config) -> int:
    """Returns the number of whole batches in `tokens` tokens: (tokens // batch − 1) // steps.

    The TF PTB tutorial's reader counts alike. The token subtracted from each row is the last target.
    """
    return max(tokens // config.batch_size - 1, 0) // config.num_steps


def batch(tokens: Tokens, config: Config, index: int) -> tuple[Tokens, Tokens]:
    """Returns inputs and targets, both [batch, steps], of the epoch's batch `index`, counted from 0.

    The text [tokens] is cut into `batch` contiguous rows of equal length (a rest is left out), and batch i holds
    columns i·steps to (i + 1)·steps of them. Row r of a batch continues row r of the batch before it, so the recurrent
    state can be carried over. Raises IndexError for an index outside the epoch.
    """
    steps = steps_per_epoch(tokens.size, config)
    if not 0 <= index < steps:
        raise IndexError(
            f"batch {index} is outside the epoch: {tokens.size} tokens make {steps} batches of {config.name!r}, from 0"
        )
    row_length = tokens.size // config.batch_size
    rows = tokens[: config.batch_size * row_length].reshape(config.batch_size, row_length)
    start = index * config.num_steps
    stop = start + config.num_steps
    inputs = np.ascontiguousarray(rows[:, start:stop], dtype=np.int32)
    targets = np.ascontiguousarray(rows[:, start + 1 : stop + 1], dtype=np.int32)
    return inputs, targets


def training_batch(tokens: Tokens, config: Config, step: int) -> Batch:
    """Returns what global step `step`, counted from 0 over all epochs, reads of a text [tokens]."""
    index = step % steps_per_epoch(tokens.size, config)
    return Batch(*batch(tokens, config, index), dropout_masks(config, step))
