"""The PTB reader, on the real text where it is at hand and on three small files in its place."""

import dataclasses
import hashlib
import io
import random
import tarfile
import unittest.mock
from pathlib import Path

import numpy as np
import pytest

from lm.config import CONFIGS
from lm.data import ptb
from lm.data.batches import batch
from lm.data.corpus import CorpusError
from lm.data.load import load_corpus

TEXTS = {"train": b" b a <unk> \n b c \n", "valid": b" a \n", "test": b" c b \n"}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with three small files that take the place of the reference ones."""
    references = {}
    for split, text in TEXTS.items():
        digest = hashlib.sha256(text).hexdigest()
        references[split] = dataclasses.replace(ptb.REFERENCES[split], size_bytes=len(text), sha256=digest)
    monkeypatch.setattr(ptb, "REFERENCES", references)
    return write_texts(tmp_path / "small")


def write_texts(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for split, text in TEXTS.items():
        (folder / ptb.REFERENCES[split].name).write_bytes(text)
    return folder


def write_archive(path: Path, members: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    """A .tgz of regular files and symbolic links, whose names it takes as they are."""
    with tarfile.open(path, "w:gz") as tar:
        for name, target in (links or {}).items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def members(prefix: str = "./simple-examples/data/") -> dict[str, bytes]:
    return {f"{prefix}ptb.{split}.txt": text for split, text in TEXTS.items()}


def test_the_real_text_has_its_published_shape(ptb_archive: Path) -> None:
    corpus = load_corpus("ptb", CONFIGS["notebook"], ptb_archive)
    assert {split: tokens.size for split, tokens in corpus.splits().items()} == {
        "train": 929_589,
        "valid": 73_760,
        "test": 82_430,
    }
    assert corpus.vocabulary_size == 10_000
    inputs, targets = batch(corpus.train, CONFIGS["notebook"], 0)
    assert inputs.shape == (30, 20)
    assert inputs[0, :7].tolist() == [
        9970,
        9971,
        9972,
        9974,
        9975,
        9976,
        9980,
    ]  # the notebook's data cells print these rows
    assert inputs[1, :8].tolist() == [2654, 6, 334, 2886, 4, 1, 233, 711]
    assert inputs[2, :10].tolist() == [0, 1071, 4, 0, 185, 24, 368, 20, 31, 3109]
    assert targets[:, :-1].tolist() == inputs[:, 1:].tolist()


def test_the_real_archive_cut_short_is_refused(ptb_archive: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.tgz"
    cut.write_bytes(ptb_archive.read_bytes()[:1_000_000])
    with pytest.raises(CorpusError, match=r"cut\.tgz is not a whole \.tgz archive \(1000000 bytes\)"):
        ptb.read_files(cut)


def test_newlines_become_eos() -> None:
    assert ptb.split_tokens(" b a \nc\n") == ["b", "a", "<eos>", "c", "<eos>"]


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (6, ("b", "<eos>", "a", "<unk>", "c", "d")),  # by falling count, then by the word
        (4, ("b", "<eos>", "a", "<unk>")),
        (3, ("b", "<eos>", "<unk>")),  # <unk> takes the place of the least frequent word kept
        (1, ("<unk>",)),
    ],
)
def test_the_most_frequent_words_are_kept_and_unk(size: int, words: tuple[str, ...]) -> None:
    text = ["b", "a", "b", "c", "<eos>", "<unk>", "b", "a", "d", "<eos>"]  # b 3, <eos> 2, a 2, then <unk>, c, d once
    found = ptb.encoded({"train": text, "test": text[::-1]}, size)
    assert found["train"].dtype == np.int32
    assert [words[id_] for id_ in found["train"]] == [word if word in words else "<unk>" for word in text]
    assert found["test"].tolist() == found["train"][::-1].tolist()


def test_ids_come_from_the_training_text(small: Path) -> None:
    corpus = ptb.ptb_corpus(small, 5)
    # <eos> and b twice, then <unk>, a and c once each.
    assert corpus.train.tolist() == [1, 3, 2, 0, 1, 4, 0]
    assert corpus.test.tolist() == [4, 1, 0]


def test_the_vocabulary_is_the_configuration_s(small: Path) -> None:
    """<eos> and b come twice; <unk> stands for a and c."""
    config = dataclasses.replace(CONFIGS["tiny"], vocabulary_size=3, batch_size=1, num_steps=1)
    loaded = load_corpus("ptb", config, small)
    assert (loaded.name, loaded.vocabulary_size, loaded.ideal_perplexity) == ("ptb", 3, None)
    assert loaded.train.tolist() == [1, 2, 2, 0, 1, 2, 0]


@pytest.mark.parametrize("folder", ["", "data", "simple-examples/data"])
def test_a_directory_may_hold_them_at_three_places(small: Path, tmp_path: Path, folder: str) -> None:
    write_texts(tmp_path / "root" / folder)
    assert ptb.read_files(tmp_path / "root") == TEXTS


@pytest.mark.parametrize("prefix", ["./simple-examples/data/", "simple-examples/data/", "data/", "./", ""])
def test_an_archive_may_hold_them_at_three_places(small: Path, tmp_path: Path, prefix: str) -> None:
    assert ptb.read_files(write_archive(tmp_path / "a.tgz", members(prefix))) == TEXTS


def test_a_missing_file_is_named(small: Path) -> None:
    (small / "ptb.valid.txt").unlink()
    with pytest.raises(
        CorpusError, match=r"ptb\.valid\.txt: there is no such file and the PTB needs it; get it with `tfgate data"
    ):
        ptb.read_files(small)


def test_an_empty_directory_is_refused(small: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match=r"empty/ptb\.train\.txt: there is no such file"):
        ptb.read_files(tmp_path / "empty")


def test_a_truncated_file_is_refused(small: Path) -> None:
    (small / "ptb.test.txt").write_bytes(TEXTS["test"][:3])
    due = hashlib.sha256(TEXTS["test"]).hexdigest()[:12]
    with pytest.raises(
        CorpusError, match=rf"ptb\.test\.txt is truncated or foreign: 3 bytes, expected 6 bytes with sha256 {due}…"
    ):
        ptb.read_files(small)


@pytest.mark.parametrize("text", [b" b c \n", b" c b d \n"])
def test_a_well_formed_file_of_other_words_is_refused(small: Path, text: bytes) -> None:
    (small / "ptb.test.txt").write_bytes(text)
    with pytest.raises(CorpusError, match=rf"ptb\.test\.txt is truncated or foreign: {len(text)} bytes"):
        ptb.read_files(small)


def test_errors_are_one_line(small: Path) -> None:
    (small / "ptb.test.txt").write_bytes(b"")
    with pytest.raises(CorpusError) as caught:
        ptb.read_files(small)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"no archive", b"\x1f\x8bbroken gzip"])
def test_a_file_that_is_no_archive_is_refused(small: Path, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.tgz").write_bytes(data)
    found = rf"a\.tgz is not a whole \.tgz archive \({len(data)} bytes\)"
    with pytest.raises(CorpusError, match=rf"{found}; expected simple-examples\.tgz or a directory; get it with"):
        ptb.read_files(tmp_path / "a.tgz")


def test_an_archive_that_is_damaged_beyond_its_beginning_is_refused(small: Path, tmp_path: Path) -> None:
    first = {"first": random.Random(0).randbytes(200_000)}
    archive = write_archive(tmp_path / "a.tgz", {**first, **members()})
    archive.write_bytes(archive.read_bytes()[:100_000] + b"\xff" * 100_000)
    with pytest.raises(CorpusError, match=r"a\.tgz is not a whole \.tgz archive \(200000 bytes\)"):
        ptb.read_files(archive)


def test_an_archive_without_one_of_them_is_refused(small: Path, tmp_path: Path) -> None:
    some = members()
    del some["./simple-examples/data/ptb.valid.txt"]
    archive = write_archive(tmp_path / "a.tgz", some)
    with pytest.raises(CorpusError, match=r"a\.tgz: holds no regular file simple-examples/data/ptb\.valid\.txt"):
        ptb.read_files(archive)


@pytest.mark.parametrize(
    "prefix", ["../", "/", "simple-examples/data/../../../", "simple-examples/../simple-examples/data/", "other/"]
)
def test_no_other_names_are_taken(small: Path, tmp_path: Path, prefix: str) -> None:
    archive = write_archive(tmp_path / "a.tgz", members(prefix))
    with pytest.raises(CorpusError, match="holds no regular file"):
        ptb.read_files(archive)


def test_links_and_other_names_in_an_archive_are_ignored(small: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    links = {"simple-examples/data": str(outside), "simple-examples/data/ptb.test.txt": "/etc/hostname"}
    archive = write_archive(tmp_path / "a.tgz", {**members(), "simple-examples/data/ptb.char.txt": b"more"}, links)
    assert ptb.read_files(archive) == TEXTS
    assert not list(outside.iterdir())


def test_an_archive_with_one_wrong_file_is_refused(small: Path, tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.tgz", {**members(), "./simple-examples/data/ptb.test.txt": b" b c \n"})
    with pytest.raises(CorpusError, match=r"a\.tgz: \./simple-examples/data/ptb\.test\.txt is truncated or foreign"):
        ptb.read_files(archive)


def test_where_the_data_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PTB_ARCHIVE", raising=False)
    monkeypatch.delenv("TFGATE_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says the XDG specification
    assert ptb.data_directory() == tmp_path / ".cache" / "tfgate" / "data"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert ptb.data_directory() == tmp_path / "cache" / "tfgate" / "data"
    monkeypatch.setenv("TFGATE_DATA", str(tmp_path))
    assert ptb.locate() == ptb.data_directory() == tmp_path


def test_without_a_home_folder_the_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PTB_ARCHIVE", "TFGATE_DATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", unittest.mock.Mock(side_effect=RuntimeError("Could not determine home")))
    with pytest.raises(CorpusError, match="set TFGATE_DATA or HOME"):
        ptb.locate()


def test_a_named_path_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PTB_ARCHIVE", str(tmp_path / "missing"))
    with pytest.raises(CorpusError, match=r"missing: there is no such file or directory; run `tfgate data"):
        ptb.locate()
    assert ptb.locate(tmp_path) == tmp_path  # a path given goes before the environment
