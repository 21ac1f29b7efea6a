"""Dropout masks: the same numbers under every NumPy, at the rate that is kept."""

import dataclasses
import hashlib

import numpy as np

from lm.config import CONFIGS
from lm.data.masks import dropout_masks

TINY = CONFIGS["tiny"]
DROPOUT = dataclasses.replace(TINY, keep_probability=0.35)

MASKS_SHA256 = (
    "b62635ae7df73ca501bb0d7af269e65cd5f551a679319dfc1a749c6f17233895"  # with NumPy 1.24.3 and 2.4.6; medium, step 3
)


def test_masks_are_pinned() -> None:
    masks = dropout_masks(CONFIGS["medium"], 3)
    assert hashlib.sha256(b"".join(mask.tobytes() for mask in masks)).hexdigest() == MASKS_SHA256


def test_masks_are_zeros_and_ones_at_the_kept_rate() -> None:
    masks = [dropout_masks(DROPOUT, step) for step in range(20)]
    assert tuple(mask.shape for mask in masks[0]) == DROPOUT.mask_shapes()
    values = np.concatenate([mask.ravel() for step in masks for mask in step])
    assert values.dtype == np.float32
    assert set(np.unique(values)) == {0.0, 1.0}
    # 20 × 80 × 72 draws: five standard deviations of their mean are 5 · √(0.35 · 0.65 / 115200).
    assert abs(values.mean() - 0.35) < 5 * (0.35 * 0.65 / values.size) ** 0.5


def test_masks_differ_by_step_place_time_and_seed_and_come_again() -> None:
    first = dropout_masks(DROPOUT, 7)
    assert all(np.array_equal(mask, again) for mask, again in zip(first, dropout_masks(DROPOUT, 7), strict=True))
    assert not np.array_equal(first[0], dropout_masks(DROPOUT, 8)[0])
    assert not np.array_equal(first[0], dropout_masks(dataclasses.replace(DROPOUT, seed=1), 7)[0])
    assert not np.array_equal(first[0][:, 0], first[0][:, 1])
    assert not np.array_equal(first[0][:, :, :16], first[2])


def test_nothing_is_masked_where_everything_is_kept() -> None:
    assert dropout_masks(TINY, 0) == ()
