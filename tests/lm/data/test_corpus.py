"""Vocabularies and corpora."""

import hashlib

import numpy as np
import pytest

from lm.data.corpus import CorpusError, Vocabulary, make_corpus, tokens_sha256

TEXT = ["b", "a", "b", "c", "<eos>", "<unk>", "b", "a", "d", "<eos>"]  # b 3, <eos> 2, a 2, then <unk>, c, d once each
SPLITS = {"train": np.array([0, 1, 2], np.int32), "valid": np.array([2], np.int32), "test": np.array([1, 1], np.int32)}


def test_words_come_by_falling_count_then_by_the_word() -> None:
    assert Vocabulary.from_text(TEXT).words == ("b", "<eos>", "a", "<unk>", "c", "d")


def test_words_are_encoded_by_their_place() -> None:
    ids = Vocabulary.from_text(TEXT).encode(TEXT)
    assert ids.dtype == np.int32
    assert ids.tolist() == [0, 2, 0, 4, 1, 3, 0, 2, 5, 1]


def test_a_word_outside_the_vocabulary_is_named_with_its_line() -> None:
    with pytest.raises(CorpusError, match=r"line 2: 'x' is not one of the vocabulary's 6 words"):
        Vocabulary.from_text(TEXT).encode(["a", "<eos>", "b", "x"])


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (6, ("b", "<eos>", "a", "<unk>", "c", "d")),
        (4, ("b", "<eos>", "a", "<unk>")),
        (3, ("b", "<eos>", "<unk>")),  # <unk> takes the place of the least frequent word kept
        (1, ("<unk>",)),
    ],
)
def test_a_limited_vocabulary_keeps_the_most_frequent_words_and_unk(size: int, words: tuple[str, ...]) -> None:
    limited = Vocabulary.from_text(TEXT).limited(size)
    assert limited.words == words
    expected = [word if word in words else "<unk>" for word in TEXT]
    assert [limited.words[id_] for id_ in limited.encode(TEXT)] == expected


def test_a_limited_vocabulary_still_refuses_words_it_never_saw() -> None:
    with pytest.raises(CorpusError, match="'x' is not one of the vocabulary's 3 words"):
        Vocabulary.from_text(TEXT).limited(3).encode(["x"])


@pytest.mark.parametrize("size", [0, 7])
def test_a_limit_outside_the_vocabulary_is_refused(size: int) -> None:
    with pytest.raises(CorpusError, match=f"a vocabulary of {size} words was asked for and the corpus has 6"):
        Vocabulary.from_text(TEXT).limited(size)


def test_a_word_given_twice_is_refused() -> None:
    with pytest.raises(CorpusError, match="holds 'a' 2 times"):
        Vocabulary(["a", "b", "a"])


def test_unknown_words_need_unk() -> None:
    with pytest.raises(CorpusError, match="leaves out 'b' and has no <unk>"):
        Vocabulary(["a"], unknown=["b"])


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
