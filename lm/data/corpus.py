"""Corpora: three splits of word ids."""

import dataclasses
import hashlib
from collections.abc import Mapping

import numpy as np

from lm.arrays import Tokens

CORPORA = ("synthetic", "ptb")
SPLITS = ("train", "valid", "test")


class CorpusError(ValueError):
    """A corpus that cannot be read, made or used; the message names it, what was found and the remedy."""


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
