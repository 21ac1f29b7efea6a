"""`tfgate data`: the synthetic corpus, and the PTB from a directory or an archive."""

import json
from pathlib import Path

import pytest

from bench.commands.data import VOCABULARY
from lm.data.synthetic import PINNED_SHA256
from tests.builders.commands import Tfgate, snapshot

TOKENS = {"train": 929_589, "valid": 73_760, "test": 82_430}


def test_synthetic_has_the_ptb_s_shape(tfgate: Tfgate) -> None:
    found = tfgate("data", "--corpus", "synthetic", "--json")
    plain = json.loads(found.out)
    assert (found.code, found.err) == (0, "")
    assert (plain["corpus"], plain["vocabulary"], plain["tokens"]) == ("synthetic", VOCABULARY, TOKENS)
    assert 1 < plain["ideal_perplexity"]["test"] < VOCABULARY
    assert plain["sha256"] == PINNED_SHA256[VOCABULARY]


def test_synthetic_as_a_table(tfgate: Tfgate) -> None:
    found = tfgate("data", "--corpus", "synthetic")
    assert "10,000 words" in found.out
    assert "929,589" in found.out


def test_ptb_from_an_archive_then_from_the_directory(tfgate: Tfgate, tmp_path: Path, ptb_archive: Path) -> None:
    made = tfgate("data", "--source", ptb_archive, "--output", tmp_path / "made", "--json")
    assert made.code == 0, made.err
    assert json.loads(made.out)["tokens"] == TOKENS
    assert len(snapshot(tmp_path / "made")) == 3
    copied = tfgate("data", "--source", tmp_path / "made", "--output", tmp_path / "copied")
    assert copied.code == 0
    assert "929,589" in copied.out
    assert snapshot(tmp_path / "copied") == snapshot(tmp_path / "made")


def test_a_truncated_archive(tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a CI job, whose log shows colours but no bar."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    (tmp_path / "simple-examples.tgz").write_bytes(b"\x1f\x8b\x08\x00 cut short")
    found = tfgate("data", "--source", tmp_path / "simple-examples.tgz", "--output", tmp_path / "made")
    assert found.code == 2
    assert "not a whole .tgz archive" in found.error
    assert not (tmp_path / "made").exists()
