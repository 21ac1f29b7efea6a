"""Puts the Penn Treebank into a folder, from a directory, an archive or an address."""

import contextlib
import http.client
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.drive.children import EXHAUSTED
from bench.drive.folders import held_folder
from bench.record.files import write_text
from lm.data import ptb
from lm.data.corpus import CorpusError

Progress = Callable[[int, int | None], None]  # bytes received; bytes in all, None where the server doesn't say

TIMEOUT_SECONDS = 30.0  # without a byte from the server
CHUNK_BYTES = 1 << 16


def acquire_ptb(source: str | None, directory: Path, progress: Progress = lambda received, total: None) -> list[str]:
    """Puts the three PTB files, verified, into the directory and returns a line for each thing done.

    `source` is a directory, an archive or a URL. Without one, files that are already there are verified, and what isn't
    the PTB is downloaded from the public address. Raises CorpusError for files that cannot be had or are not the PTB's,
    OSError for files that cannot be written.
    """
    if source is None and _is_ptb(directory):
        return _report(f"already in {directory}")
    if source is None or source.startswith(("http://", "https://")):
        url = source or ptb.PTB_URL
        _store(_download(url, progress), directory)
        return [f"{url}: downloaded", *_report(f"extracted to {directory}")]
    path = Path(source)
    if not path.exists():
        raise CorpusError(
            f"{path}: there is no such file or directory; name the PTB's folder, its archive or an http address"
        )
    files = ptb.read_files(path)
    if path.is_dir() and path.resolve() == directory.resolve():
        return _report(f"already in {directory}")
    _store(files, directory)
    return _report(f"copied from {path} to {directory}")


def _store(files: dict[str, bytes], directory: Path) -> None:
    """Writes the files by the names that we know them by, each whole or not at all. Raises OSError."""
    for split, data in files.items():
        write_text(directory / ptb.REFERENCES[split].name, data.decode(), replace=True)


def _download(url: str, progress: Progress) -> dict[str, bytes]:
    """Returns the files of the archive at the URL, recognised by their sums. Raises CorpusError."""
    with _fetched(url, progress) as archive:
        try:
            return ptb.read_files(archive)
        except CorpusError as error:
            raise CorpusError(f"{url}: the download is not the PTB's archive ({error})") from error


@contextlib.contextmanager
def _fetched(url: str, progress: Progress) -> Iterator[Path]:
    """Yields a temporary file of what the URL holds. Raises CorpusError for a failed transfer, OSError for no room."""
    with held_folder() as folder, (folder / "archive.tgz").open("wb") as file:
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
                total = response.length
                while chunk := response.read(CHUNK_BYTES):
                    file.write(chunk)
                    progress(file.tell(), total)
            file.flush()
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: no address at all
            if isinstance(error, OSError) and error.errno in EXHAUSTED:
                raise
            raise CorpusError(
                f"{url}: cannot be downloaded ({error}); check the address and the network, or name a file or folder"
            ) from error
        yield folder / "archive.tgz"


def _is_ptb(directory: Path) -> bool:
    try:
        ptb.read_files(directory)
    except CorpusError:
        return False
    return True


def _report(where: str) -> list[str]:
    return [
        f"{reference.name}: {reference.size_bytes} bytes, {reference.tokens} tokens, "
        f"sha256 {reference.sha256[:12]}… verified, {where}"
        for reference in ptb.REFERENCES.values()
    ]
