"""Vocabularies and corpora."""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from lm.arrays import Tokens

CORPORA = ("synthetic", "ptb")

SPLITS = ("train", "valid", "test")
END_OF_SENTENCE = "<eos>"
UNKNOWN = "<unk>"


class CorpusError(ValueError):
    """A corpus that cannot be read, made or used; the message names it, what was found and the remedy."""


class Vocabulary:
    """A one-to-one mapping between words and the ids 0, 1, 2 …"""

    def __init__(self, words: Sequence[str], unknown: Iterable[str] = ()) -> None:
        """Gives the word at position i the id i.

        The words of `unknown` are read as `<unk>`, which must then be among `words`. Raises CorpusError for a word
        given twice, or for unknown words without `<unk>`.
        """
        self.words = tuple(words)
        self._ids = {word: id_ for id_, word in enumerate(self.words)}
        if len(self._ids) != len(self.words):
            word, count = Counter(self.words).most_common(1)[0]
            raise CorpusError(f"the vocabulary holds {word!r} {count} times; give every word once")
        unknown = list(unknown)
        if unknown and UNKNOWN not in self._ids:
            raise CorpusError(
                f"the vocabulary leaves out {unknown[0]!r} and has no {UNKNOWN} to stand for it; add {UNKNOWN}"
            )
        self._ids.update((word, self._ids[UNKNOWN]) for word in unknown)

    @classmethod
    def from_text(cls, tokens: Iterable[str]) -> "Vocabulary":
        """Returns the words of a text by falling count, words of equal count in the order of their code points."""
        counts = Counter(tokens)
        return cls(sorted(counts, key=lambda word: (-counts[word], word)))

    def __len__(self) -> int:
        """Returns the number of ids."""
        return len(self.words)

    def limited(self, size: int) -> "Vocabulary":
        """Returns the vocabulary of the first (most frequent) `size` words; the others are read as `<unk>`.

        `<unk>` is always among them: where it isn't one of the first `size` words, it takes the last id. Raises
        CorpusError where this vocabulary holds fewer than `size` words.
        """
        if not 1 <= size <= len(self):
            raise CorpusError(
                f"a vocabulary of {size} words was asked for and the corpus has {len(self)}; ask for 1 to {len(self)}"
            )
        kept = self.words[:size]
        if size < len(self) and UNKNOWN not in kept:
            kept = (*kept[:-1], UNKNOWN)
        return Vocabulary(kept, unknown=set(self._ids) - set(kept))

    def encode(self, tokens: Sequence[str]) -> Tokens:
        """Returns the ids [tokens].

        Raises CorpusError, which names a word outside the vocabulary and its line in the text.
        """
        try:
            return np.array([self._ids[token] for token in tokens], dtype=np.int32)
        except KeyError as error:
            position = list(tokens).index(error.args[0])
            line = 1 + list(tokens[:position]).count(END_OF_SENTENCE)
            raise CorpusError(
                f"line {line}: {error.args[0]!r} is not one of the vocabulary's {len(self)} words; "
                f"write {UNKNOWN} for it"
            ) from None


@dataclasses.dataclass(frozen=True, eq=False)
class Corpus:
    """Three splits of word ids and what is known about them. Two corpora with the same sha256 are the same."""

    name: str
    vocabulary_size: int
    train: Tokens  # [tokens], read-only; so are the next two
    valid: Tokens
    test: Tokens
    sha256: str  # of the ids, the vocabulary size and the lengths: see tokens_sha256
    ideal_perplexity: dict[str, float] | None  # by split: that of the law that made the text, where there is one

    def splits(self) -> dict[str, Tokens]:
        """Returns the three splits by name, in order, each [tokens]."""
        return {"train": self.train, "valid": self.valid, "test": self.test}


def make_corpus(
    name: str, vocabulary_size: int, splits: Mapping[str, Tokens], ideal_perplexity: dict[str, float] | None = None
) -> Corpus:
    """Returns a Corpus of the `splits` (train, valid, test: ids, [tokens]), read-only and with their sha256."""
    frozen = {}
    for split in SPLITS:
        frozen[split] = np.array(splits[split], dtype=np.int32)
        frozen[split].flags.writeable = False
    return Corpus(
        name=name,
        vocabulary_size=vocabulary_size,
        **frozen,
        sha256=tokens_sha256(vocabulary_size, frozen),
        ideal_perplexity=ideal_perplexity,
    )


def tokens_sha256(vocabulary_size: int, splits: Mapping[str, Tokens]) -> str:
    """Returns the sha256 of a line "vocabulary train valid test" (sizes, in decimal) and then each split's ids.

    The ids, [tokens] by split, are summed as little-endian int32.
    """
    sizes = [vocabulary_size, *(splits[split].size for split in SPLITS)]
    digest = hashlib.sha256((" ".join(str(size) for size in sizes) + "\n").encode())
    for split in SPLITS:
        digest.update(np.ascontiguousarray(splits[split], dtype="<i4").tobytes())
    return digest.hexdigest()
