"""The synthetic corpus: pinned, and drawn from the law that it says."""

import math

import numpy as np
import pytest

from lm.data import synthetic
from lm.data.corpus import Corpus, CorpusError, make_corpus
from lm.data.synthetic import Law, draw_law, require_pinned, synthetic_corpus


@pytest.fixture(scope="module")
def small() -> Corpus:
    return synthetic_corpus(500)


@pytest.fixture(scope="module")
def law() -> Law:
    return draw_law(np.random.RandomState(synthetic.SEED), 500)


def dictionary_law(law: Law, topic: int, word: int) -> dict[int, float]:
    """P(· | topic, word) word by word, straight from the module's docstring, with none of its code."""
    probabilities = dict.fromkeys(range(500), 0.0)
    for marker in range(4):
        probabilities[marker] += 1638 / 2**16 / 4
    harmonic = sum(2**24 // rank for rank in range(1, 21))
    for rank, topical in enumerate(law.topical_words[topic].tolist(), start=1):
        probabilities[topical] += 19661 / 2**16 * (2**24 // rank) / harmonic
    for successor, weight in zip(law.successors[word].tolist(), (8, 4, 2, 2), strict=True):
        probabilities[successor] += 26214 / 2**16 * weight / 16
    zipf = sum(2**24 // rank for rank in range(1, 497))
    for rank in range(1, 497):
        probabilities[3 + rank] += 18023 / 2**16 * (2**24 // rank) / zipf
    return probabilities


def conditional(law: Law, topic: int, word: int) -> np.ndarray:
    """P(· | topic, word) by the law, [vocabulary]."""
    every = np.arange(law.vocabulary_size)
    return law.probability(np.full_like(every, topic), np.full_like(every, word), every)


def test_sizes_of_the_smallest_vocabulary() -> None:
    made = synthetic_corpus(50)
    assert tuple(tokens.size for tokens in made.splits().values()) == (92_958, 7_376, 8_243)
    assert made.vocabulary_size == 50
    assert 0 <= made.train.min() <= made.train.max() < 50


def test_the_default_has_the_shape_of_the_ptb_and_is_the_pinned_one() -> None:
    made = synthetic_corpus(10_000)
    assert (made.train.size, made.valid.size, made.test.size) == (929_589, 73_760, 82_430)
    assert made.sha256 == "0ab2b4e4e94e603fe68bfd752c8c920a24ef3c08019a9f39a82a498c589efca4"
    assert made.ideal_perplexity == pytest.approx({"train": 87.497, "valid": 87.663, "test": 88.982}, abs=0.001)


def test_the_small_one_is_the_pinned_one(small: Corpus) -> None:
    assert small.sha256 == "0a250c6b19fea667cc2618d8f3f401999c906f71046823cec5b1d47f52e9a34a"
    assert small.ideal_perplexity == pytest.approx({"train": 37.356, "valid": 40.107, "test": 37.237}, abs=0.001)


def test_a_corpus_with_one_other_token_is_refused(small: Corpus) -> None:
    require_pinned(small)
    splits = {split: tokens.copy() for split, tokens in small.splits().items()}
    splits["test"][-1] = (splits["test"][-1] + 1) % 500
    with pytest.raises(
        CorpusError, match=r"500 words has sha256 .*, pinned is 0a250c6b19fe….*another stream than the frozen one"
    ):
        require_pinned(make_corpus("synthetic", 500, splits))


def test_another_seed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "SEED", synthetic.SEED + 1)
    synthetic_corpus.cache_clear()
    with pytest.raises(CorpusError, match="pinned is"):
        synthetic_corpus(500)


def test_the_mixture_is_of_2_to_the_16() -> None:
    assert synthetic.MIXTURE.sum() == 1638 + 19661 + 26214 + 18023 == 2**16


def test_topics_have_words_of_their_own(law: Law) -> None:
    assert law.topical_words.shape == (4, 20)
    assert len(set(law.topical_words.flat)) == 80
    assert law.topical_words.min() >= 4  # no markers


@pytest.mark.parametrize(("topic", "word"), [(0, 0), (1, 4), (2, 250), (3, 499)])
def test_probabilities_are_those_of_the_docstring_and_sum_to_1(law: Law, topic: int, word: int) -> None:
    found = conditional(law, topic, word)
    assert found.sum() == pytest.approx(1, abs=1e-12)
    assert found == pytest.approx(list(dictionary_law(law, topic, word).values()), rel=1e-12)


def test_surprisal_is_that_of_a_slow_walk_through_the_text(small: Corpus, law: Law) -> None:
    tokens = small.train[:2000]
    topic, word, expected = 0, 0, []
    known: dict[tuple[int, int], dict[int, float]] = {}
    for token in tokens.tolist():
        if (topic, word) not in known:
            known[topic, word] = dictionary_law(law, topic, word)
        expected.append(-math.log(known[topic, word][token]))
        word = token
        topic = token if token < 4 else topic
    assert synthetic.surprisal(law, tokens) == pytest.approx(expected, rel=1e-9)


def test_a_split_starts_with_the_history_of_the_one_before(small: Corpus, law: Law) -> None:
    stream = np.concatenate(list(small.splits().values()))
    values = synthetic.surprisal(law, stream)[small.train.size : small.train.size + small.valid.size]
    assert small.ideal_perplexity is not None
    assert small.ideal_perplexity["valid"] == pytest.approx(math.exp(values.mean()), rel=1e-12)


def test_words_follow_each_other_as_often_as_the_law_says(small: Corpus, law: Law) -> None:
    """Words that follow word w in topic t, for the most frequent (t, w): within 4 standard errors sqrt(p(1 − p)/n)."""
    tokens = small.train.astype(np.int64)
    word = 4  # w0, the most frequent ordinary word
    markers = np.flatnonzero(tokens < 4)
    topics = np.zeros(tokens.size, dtype=np.int64)
    for start, stop in zip(markers, [*markers[1:], tokens.size], strict=True):
        topics[start:stop] = tokens[start]
    for topic in range(4):
        following = tokens[1:][(tokens[:-1] == word) & (topics[:-1] == topic)]
        p = conditional(law, topic, word)
        error = np.sqrt(p * (1 - p) / following.size)
        frequency = np.bincount(following, minlength=500) / following.size
        likely = p > 0.02
        assert following.size > 500
        assert likely.sum() >= 5
        assert np.all(np.abs(frequency - p)[likely] < 4 * error[likely])
