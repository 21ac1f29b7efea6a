"""The entry point that loads a corpus by name."""

import dataclasses
from pathlib import Path

import pytest

from lm.config import CONFIGS
from lm.data.corpus import CorpusError
from lm.data.load import load_corpus

TINY = CONFIGS["tiny"]


def test_load_the_synthetic_corpus() -> None:
    loaded = load_corpus("synthetic", TINY)
    assert (loaded.name, loaded.vocabulary_size) == ("synthetic", 500)
    assert loaded.ideal_perplexity is not None


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(CorpusError, match="no corpus is called 'wiki'; there are synthetic, ptb"):
        load_corpus("wiki", TINY)


def test_a_path_for_the_synthetic_corpus_is_refused() -> None:
    with pytest.raises(CorpusError, match="made, not read, yet the path x was given"):
        load_corpus("synthetic", TINY, Path("x"))


def test_a_missing_ptb_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PTB_ARCHIVE", raising=False)
    monkeypatch.setenv("TFGATE_DATA", str(tmp_path / "none"))
    with pytest.raises(CorpusError, match="run `tfgate data --corpus ptb` or set PTB_ARCHIVE"):
        load_corpus("ptb", TINY)


def test_a_split_shorter_than_a_batch_is_refused() -> None:
    need = 7376  # the tiny corpus's validation text is exactly one batch of 16 × (460 + 1)
    config = dataclasses.replace(TINY, batch_size=16, num_steps=460)
    assert load_corpus("synthetic", config).valid.size == need == 16 * 461
    longer = dataclasses.replace(config, num_steps=461)
    message = (
        r"'synthetic': split valid has 7376 tokens and one batch of configuration 'tiny' needs 7392 = 16 × \(461 \+ 1\)"
    )
    with pytest.raises(CorpusError, match=message):
        load_corpus("synthetic", longer)
