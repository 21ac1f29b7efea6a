"""Corpora and their sums."""

import hashlib

import numpy as np
import pytest

from lm.data.corpus import make_corpus, tokens_sha256

SPLITS = {"train": np.array([0, 1, 2], np.int32), "valid": np.array([2], np.int32), "test": np.array([1, 1], np.int32)}


def test_the_sum_is_of_sizes_and_little_endian_ids() -> None:
    ids = b"".join(value.to_bytes(4, "little") for value in (0, 1, 2, 2, 1, 1))
    assert tokens_sha256(3, SPLITS) == hashlib.sha256(b"3 3 1 2\n" + ids).hexdigest()


def test_the_sum_sees_where_the_splits_are_cut() -> None:
    moved = {**SPLITS, "train": SPLITS["train"][:2], "valid": np.array([2, 2], np.int32)}
    assert tokens_sha256(3, moved) != tokens_sha256(3, SPLITS)


def test_a_corpus_is_read_only_and_apart_from_its_source() -> None:
    source = {split: tokens.copy() for split, tokens in SPLITS.items()}
    made = make_corpus("ours", 3, source)
    source["train"][0] = 2
    assert made.train.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="read-only"):
        made.train[0] = 1
