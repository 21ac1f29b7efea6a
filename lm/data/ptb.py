"""The Penn Treebank text of Mikolov's archive `simple-examples.tgz`, recognised by the sums of its three files.

It is read from a directory or, in memory, from the archive. Newlines become `<eos>`; the vocabulary is the training
text's.
"""

import dataclasses
import hashlib
import os
import tarfile
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from lm.arrays import Tokens
from lm.data import corpus
from lm.data.corpus import Corpus, CorpusError

PTB_URL = "http://www.fit.vutbr.cz/~imikolov/rnnlm/simple-examples.tgz"

END_OF_SENTENCE, UNKNOWN = "<eos>", "<unk>"
REMEDY = "get it with `tfgate data --corpus ptb` or set PTB_ARCHIVE to a whole copy"
FOLDERS = ("", "data/", "simple-examples/data/")  # where the files may be, below a directory or an archive's root


@dataclasses.dataclass(frozen=True)
class Reference:
    """The name, size and sum by which one of the three files is recognised."""

    name: str
    size_bytes: int
    tokens: int  # with `<eos>`
    sha256: str


REFERENCES = {
    "train": Reference(
        "ptb.train.txt", 5_101_618, 929_589, "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf"
    ),
    "valid": Reference(
        "ptb.valid.txt", 399_782, 73_760, "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2"
    ),
    "test": Reference(
        "ptb.test.txt", 449_945, 82_430, "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0"
    ),
}


def data_directory() -> Path:
    """Returns the folder of `tfgate data`: $TFGATE_DATA, else tfgate/data in the user's cache (XDG Base Directory).

    Raises CorpusError without a home folder.
    """
    if chosen := os.environ.get("TFGATE_DATA"):
        return Path(chosen)
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        return (cache if cache.is_absolute() else Path.home() / ".cache") / "tfgate" / "data"
    except RuntimeError:
        raise CorpusError("there is no home folder for the PTB: set TFGATE_DATA or HOME") from None


def locate(path: Path | None = None) -> Path:
    """Returns the directory or archive to read: `path`, else $PTB_ARCHIVE, else the data directory.

    Raises CorpusError where that one doesn't exist.
    """
    named = path or (Path(os.environ["PTB_ARCHIVE"]) if os.environ.get("PTB_ARCHIVE") else None)
    chosen = named or data_directory()
    if not chosen.exists():
        what = "there is no such file or directory" if named else "the PTB isn't there"
        raise CorpusError(f"{chosen}: {what}; run `tfgate data --corpus ptb` or set PTB_ARCHIVE")
    return chosen


def ptb_corpus(path: Path, vocabulary_size: int) -> Corpus:
    """Returns the PTB from a directory or archive, with the `vocabulary_size` most frequent words of its 10,000.

    Raises CorpusError for missing, truncated or foreign files.
    """
    texts = {split: split_tokens(data.decode()) for split, data in read_files(path).items()}
    return corpus.make_corpus("ptb", vocabulary_size, encoded(texts, vocabulary_size))


def split_tokens(text: str) -> list[str]:
    """Returns the words of a text, with `<eos>` for each newline."""
    return text.replace("\n", f" {END_OF_SENTENCE} ").split()


def encoded(texts: Mapping[str, Sequence[str]], size: int) -> dict[str, Tokens]:
    """Returns the words' ids, [tokens] by split: their places among the `size` most frequent words of "train".

    Words of equal count are in the order of their code points. All others are read as `<unk>`, which takes the last id
    where it isn't among the first.
    """
    counts = Counter(texts["train"])
    words = sorted(counts, key=lambda word: (-counts[word], word))[:size]
    if UNKNOWN not in words:
        words[-1] = UNKNOWN
    ids = {word: id_ for id_, word in enumerate(words)}
    return {split: np.array([ids.get(word, ids[UNKNOWN]) for word in text], np.int32) for split, text in texts.items()}


def read_files(path: Path) -> dict[str, bytes]:
    """Returns the three files' contents by split, read from a directory or an archive and checked against their sums.

    Raises CorpusError naming the file, what was found, what was expected and the remedy.
    """
    try:
        return _read_directory(path) if path.is_dir() else _read_archive(path)
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror or error}); {REMEDY}") from error


def _read_directory(directory: Path) -> dict[str, bytes]:
    folders = [directory / folder for folder in FOLDERS]
    names = [reference.name for reference in REFERENCES.values()]
    folder = next((folder for folder in folders if any((folder / name).is_file() for name in names)), directory)
    files = {}
    for split, reference in REFERENCES.items():
        path = folder / reference.name
        if not path.is_file():
            raise CorpusError(f"{path}: there is no such file and the PTB needs it; {REMEDY}")
        with path.open("rb") as stream:
            files[split] = _read_verified(stream, path.stat().st_size, str(path), reference)
    return files


def _read_archive(archive: Path) -> dict[str, bytes]:
    try:
        with tarfile.open(archive, "r:gz") as tar:
            files = _read_members(tar, archive)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise CorpusError(
            f"{archive} is not a whole .tgz archive ({archive.stat().st_size} bytes); expected simple-examples.tgz or "
            f"a directory; {REMEDY}"
        ) from error
    for split, reference in REFERENCES.items():
        if split not in files:
            raise CorpusError(f"{archive}: holds no regular file {FOLDERS[-1]}{reference.name}; {REMEDY}")
    return {split: files[split] for split in REFERENCES}


def _read_members(tar: tarfile.TarFile, archive: Path) -> dict[str, bytes]:
    """Returns the first member of each of the three names, by split; links, devices and other names are ignored."""
    wanted = {folder + reference.name: split for split, reference in REFERENCES.items() for folder in FOLDERS}
    files: dict[str, bytes] = {}
    for member in tar:
        split = wanted.get(member.name.removeprefix("./"))
        if split is None or split in files or not member.isreg():
            continue
        stream = tar.extractfile(member)
        assert stream is not None  # it is a regular file
        files[split] = _read_verified(stream, member.size, f"{archive}: {member.name}", REFERENCES[split])
        if len(files) == len(REFERENCES):
            break  # the rest of the 33 MB holds nothing of ours
    return files


def _read_verified(stream: IO[bytes], size: int, where: str, reference: Reference) -> bytes:
    """Returns the whole stream. No more than is due is read into memory: an archive may claim any size."""
    data = stream.read(reference.size_bytes + 1)
    if hashlib.sha256(data).hexdigest() != reference.sha256:
        raise CorpusError(
            f"{where} is truncated or foreign: {size} bytes, expected {reference.size_bytes} bytes with sha256 "
            f"{reference.sha256[:12]}…; {REMEDY}"
        )
    return data
