"""Batches by index: shapes, targets one step on, rows that go on from batch to batch."""

import dataclasses

import numpy as np
import pytest

from lm.config import CONFIGS
from lm.data.batches import batch, steps_per_epoch

CONFIG = dataclasses.replace(CONFIGS["tiny"], batch_size=2, num_steps=3)
TOKENS = np.arange(100, 118, dtype=np.int32)  # 18 tokens: two rows of 9, of which (9 − 1) // 3 = 2 batches


@pytest.mark.parametrize(
    ("tokens", "steps"),
    [
        (18, 2),  # rows of 9: 8 predictions, 2 batches of 3, 2 left over
        (14, 2),  # rows of 7: 6 predictions
        (13, 1),  # rows of 6: 5 predictions
        (8, 1),  # batch × (steps + 1): the shortest
        (7, 0),
        (0, 0),
    ],
)
def test_steps_per_epoch(tokens: int, steps: int) -> None:
    assert steps_per_epoch(tokens, CONFIG) == steps


def test_the_notebook_has_1549_steps_an_epoch() -> None:
    assert steps_per_epoch(929_589, CONFIGS["notebook"]) == 1549  # (929589 // 30 − 1) // 20 = 30985 // 20


def test_inputs_and_targets() -> None:
    inputs, targets = batch(TOKENS, CONFIG, 1)
    assert inputs.tolist() == [[103, 104, 105], [112, 113, 114]]
    assert targets.tolist() == [[104, 105, 106], [113, 114, 115]]


@pytest.mark.parametrize("array", [0, 1])
def test_arrays_are_contiguous_int32_of_their_own(array: int) -> None:
    value = batch(TOKENS, CONFIG, 0)[array]
    assert value.dtype == np.int32
    assert value.flags.c_contiguous
    assert not np.shares_memory(value, TOKENS)


def test_rows_go_on_from_batch_to_batch() -> None:
    inputs = np.concatenate(
        [batch(TOKENS, CONFIG, index)[0] for index in range(steps_per_epoch(TOKENS.size, CONFIG))], axis=1
    )
    assert inputs.tolist() == [list(range(100, 106)), list(range(109, 115))]  # row 1 starts at 18 // 2 = 9


@pytest.mark.parametrize("index", [-1, 2])
def test_an_index_outside_the_epoch_is_refused(index: int) -> None:
    with pytest.raises(IndexError, match=rf"batch {index} is outside the epoch: 18 tokens make 2 batches"):
        batch(TOKENS, CONFIG, index)
