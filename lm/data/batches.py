"""Batches of an epoch by index, so that a training taken up again can start anywhere."""

import numpy as np

from lm.config import Config
from lm.data.corpus import Tokens


def steps_per_epoch(tokens: int, config: Config) -> int:
    """Number of whole batches in a split of that many tokens: (tokens // batch − 1) // steps, as in the TF PTB tutorial's reader.

    The one token taken off each row is the last target.
    """
    return max(tokens // config.batch_size - 1, 0) // config.num_steps


def batch(tokens: Tokens, config: Config, index: int) -> tuple[Tokens, Tokens]:
    """Inputs and targets of the epoch's batch `index`, counted from 0; both int32 [batch, steps], the targets one token on.

    The split is cut in `batch` contiguous rows of equal length (a rest is left out), and batch i holds columns i·steps to
    (i + 1)·steps of them: row r of a batch goes on where row r of the batch before it ended, which is why the recurrent state can
    be carried. Raises IndexError for an index outside the epoch.
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
