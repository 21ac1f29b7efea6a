"""The entry point that loads a corpus by name."""

from pathlib import Path

import pytest

from lm.config import CONFIGS, Config
from lm.data import ptb
from lm.data.batches import steps_per_epoch
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


@pytest.mark.parametrize("config", CONFIGS.values(), ids=list(CONFIGS))
def test_both_corpora_have_a_batch_of_each_split_and_the_words_of_each_configuration(config: Config) -> None:
    sizes = [tokens.size for tokens in load_corpus("synthetic", config).splits().values()]
    sizes += [reference.tokens for reference in ptb.REFERENCES.values()]
    assert all(steps_per_epoch(size, config) > 0 for size in sizes)
    assert 50 <= config.vocabulary_size <= 10_000  # 50: of the synthetic law's markers and topics; the PTB has 10,000
