"""The default corpus: text in the PTB's shape, drawn from a known law, so that the best reachable perplexity is known.

The law. Ids 0 … K−1 are *markers*, one for each of K topics; the other ids are ordinary words. The *topic* of a
position is the last marker before it. Given the topic t and the current word w, the next word is x with probability

    P(x | t, w) = (m · [x < K]/K + a · A_t(x) + s · S_w(x) + u · U(x)) / 2^16

- m = 1638 (1/40): a marker, all K alike; it sets the topic from then on;
- a = 19661 (0.30): a topical word; each topic has its own L words, disjoint from the others', the r-th (from 1) with
  weight ∝ 1/r;
- s = 26214 (0.40): a successor; each word has 4 of them, drawn once from U, with weights 8, 4, 2, 2 of 16;
- u = 18023 (0.275): any ordinary word; the r-th has weight ∝ 1/r (Zipf's law).

Both halves of the history matter. S_w needs the word before. A_t needs the last marker, 40 words back on average,
farther than the unrolled steps of a batch: to know the topic a model must carry its state from batch to batch.

The history (t, w) can be read off the text, so P is known exactly for each token, and exp of the mean of −log P is the
perplexity of the law itself. On validation and test text no model can do better, sampling error apart: one that does
has seen its targets.

There is one stream, cut into three splits; it begins as if marker 0 had just been seen (topic 0, word 0).

Everything random is an integer drawn by `RandomState`, whose streams are frozen (NEP 19), compared with integer
thresholds: there is no rounding in which platforms could differ. The sha256 sums below pin the result.

Perplexity of the training text under the law, under the best law that knows the word before but not the topic, under
the best law that knows the topic but not the word before, and under the word frequencies alone: 87.5, 143.6, 334.4 and
833.3 for 10,000 words, 37.4, 48.1, 86.7 and 129.7 for 500.
"""

import dataclasses
import functools

import numpy as np
from numpy.typing import NDArray

from lm.arrays import Tokens
from lm.data.corpus import Corpus, CorpusError, make_corpus

Integers = NDArray[np.int64]

SEED = 19930101
PTB_TOKENS = {"train": 929_589, "valid": 73_760, "test": 82_430}

MARKER, TOPICAL, SUCCESSOR, UNIGRAM = range(4)
MIXTURE = np.array([1638, 19661, 26214, 18023], dtype=np.int64)  # m, a, s, u; they add up to 2^16
SUCCESSOR_WEIGHTS = np.array([8, 4, 2, 2], dtype=np.int64)
ZIPF_SCALE = 2**24  # the weight of rank 1: large enough for the weights of all ranks to be apart from 0

# The same with NumPy 1.23.5, 1.24.3 and 2.4.6.
PINNED_SHA256 = {
    500: "0a250c6b19fea667cc2618d8f3f401999c906f71046823cec5b1d47f52e9a34a",
    10_000: "0ab2b4e4e94e603fe68bfd752c8c920a24ef3c08019a9f39a82a498c589efca4",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Law:
    """The tables of the law in the module's docstring: K topics, L words a topic, V words in all."""

    topical_words: Integers  # [K, L] ids
    topical_weights: Integers  # [L]
    successors: Integers  # [V, 4] ids
    unigram_weights: Integers  # [V]; 0 for the markers

    @property
    def topics(self) -> int:
        """Returns K, the number of topics and of markers."""
        return len(self.topical_words)

    @property
    def vocabulary_size(self) -> int:
        """Returns V, markers included."""
        return self.unigram_weights.size

    def probability(self, topics: Integers, words: Integers, following: Integers) -> NDArray[np.float64]:
        """Returns P(following | topic, word) [n] for arrays [n]; every way to reach a word is counted."""
        topical_table = np.zeros((self.topics, self.vocabulary_size), dtype=np.int64)
        topical_table[np.arange(self.topics)[:, np.newaxis], self.topical_words] = self.topical_weights
        is_successor = self.successors[words] == following[:, np.newaxis]
        components = (
            (following < self.topics) / self.topics,
            topical_table[topics, following] / self.topical_weights.sum(),
            is_successor @ SUCCESSOR_WEIGHTS / SUCCESSOR_WEIGHTS.sum(),
            self.unigram_weights[following] / self.unigram_weights.sum(),
        )
        total = sum(weight * component for weight, component in zip(MIXTURE, components, strict=True))
        return np.asarray(total / MIXTURE.sum(), dtype=np.float64)


@functools.lru_cache(maxsize=2)
def synthetic_corpus(vocabulary_size: int) -> Corpus:
    """Returns the synthetic corpus of that many words, at least 50.

    Its length is the PTB's × max(words, 1000) / 10,000. Raises CorpusError where the text isn't the pinned one.
    """
    stream = np.random.RandomState(SEED)
    law = draw_law(stream, vocabulary_size)
    sizes = [count * max(vocabulary_size, 1000) // 10_000 for count in PTB_TOKENS.values()]
    tokens = draw_tokens(stream, law, sum(sizes))
    cuts = np.cumsum(sizes)[:-1]
    splits = dict(zip(PTB_TOKENS, np.split(tokens, cuts), strict=True))
    surprisals = dict(zip(PTB_TOKENS, np.split(surprisal(law, tokens), cuts), strict=True))
    ideal = {split: float(np.exp(values.mean())) for split, values in surprisals.items()}
    made = make_corpus("synthetic", vocabulary_size, splits, ideal)
    require_pinned(made)
    return made


def require_pinned(made: Corpus) -> None:
    """Raises CorpusError where a sha256 is pinned for the corpus's vocabulary size and the corpus has another."""
    pinned = PINNED_SHA256.get(made.vocabulary_size, made.sha256)
    if made.sha256 != pinned:
        raise CorpusError(
            f"the synthetic corpus of {made.vocabulary_size} words has sha256 {made.sha256[:12]}…, pinned is "
            f"{pinned[:12]}…: RandomState of NumPy {np.__version__} gives another stream than the frozen one; "
            "use another NumPy"
        )


def draw_law(stream: np.random.RandomState, vocabulary_size: int) -> Law:
    """Draws the law's tables for that many words (at least 50)."""
    # Few topics and few words in each, so that a model that sees 48,000 tokens (tiny's gate) has the time to learn
    # them.
    topics = 16 if vocabulary_size >= 2000 else 4
    topical = min(60, vocabulary_size // 25)
    unigram_weights = np.zeros(vocabulary_size, dtype=np.int64)
    unigram_weights[topics:] = _zipf(vocabulary_size - topics)
    # A stable sort of random keys gives a random order: unlike shuffle and permutation it needs only integer draws.
    order = np.argsort(stream.randint(0, 2**32, vocabulary_size - topics, dtype=np.int64), kind="stable")
    return Law(
        topical_words=(topics + order[: topics * topical]).reshape(topics, topical).astype(np.int64),
        topical_weights=_zipf(topical),
        successors=_draw(stream, unigram_weights, (vocabulary_size, SUCCESSOR_WEIGHTS.size)),
        unigram_weights=unigram_weights,
    )


def draw_tokens(stream: np.random.RandomState, law: Law, count: int) -> Tokens:
    """Draws the first tokens of the law's text, [count]."""
    component = _draw(stream, MIXTURE, (count,))
    marker = stream.randint(0, law.topics, count, dtype=np.int64)
    topical = _draw(stream, law.topical_weights, (count,))
    successor = _draw(stream, SUCCESSOR_WEIGHTS, (count,))
    unigram = _draw(stream, law.unigram_weights, (count,))

    tokens = np.where(component == MARKER, marker, unigram)
    topics = _topics_before(np.where(component == MARKER, marker, law.topics), law.topics)
    tokens = np.where(component == TOPICAL, law.topical_words[topics, topical], tokens)
    _follow_successors(tokens, component == SUCCESSOR, law.successors, successor)
    return tokens.astype(np.int32)


def surprisal(law: Law, tokens: Tokens) -> NDArray[np.float64]:
    """Returns −log P(token | history) [tokens], in nats, for each token of a text [tokens] that starts the stream."""
    following = tokens.astype(np.int64)
    words = np.concatenate([[0], following[:-1]])
    return np.asarray(-np.log(law.probability(_topics_before(following, law.topics), words, following)))


def _topics_before(tokens: Integers, topic_count: int) -> Integers:
    """Returns each position's topic [tokens]: the last marker (id below `topic_count`) before it, 0 for none."""
    positions = np.where(tokens < topic_count, np.arange(1, tokens.size + 1), 0)
    last = np.concatenate([[0], np.maximum.accumulate(positions)[:-1]])  # 1 + position of the last marker, 0 for none
    topics_before: Integers = np.concatenate([[0], tokens])[last]
    return topics_before


def _follow_successors(
    tokens: Integers, unresolved: NDArray[np.bool_], successors: Integers, choices: Integers
) -> None:
    """Fills in those of `tokens` [tokens] that are successors of the one before, in place, all runs at once.

    `unresolved` and `choices` are [tokens], `successors` [V, 4].
    """
    positions = np.flatnonzero(unresolved)
    unresolved = unresolved.copy()
    while positions.size:
        ready = (positions == 0) | ~unresolved[positions - 1]
        now = positions[ready]
        before = np.where(now == 0, 0, tokens[now - 1])
        tokens[now] = successors[before, choices[now]]
        unresolved[now] = False
        positions = positions[~ready]


def _zipf(count: int) -> Integers:
    """Returns integer weights [count] in proportion to 1, 1/2, 1/3 …, rounded down."""
    return np.asarray(ZIPF_SCALE // np.arange(1, count + 1, dtype=np.int64))


def _draw(stream: np.random.RandomState, weights: Integers, shape: tuple[int, ...]) -> Integers:
    """Draws indices of the given shape with probabilities in proportion to integer weights [n]."""
    thresholds = np.cumsum(weights)
    # The dtype is part of the stream: the default integer differs between platforms.
    draws = stream.randint(0, int(thresholds[-1]), shape, dtype=np.int64)
    return np.searchsorted(thresholds, draws, side="right").astype(np.int64)
