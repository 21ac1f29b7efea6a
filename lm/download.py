"""A download that can be taken up again, and the ways to get the PTB."""

import hashlib
import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from lm.data import ptb
from lm.data.corpus import CorpusError

Progress = Callable[[int, int | None], None]  # bytes here so far, bytes in all (None where the server doesn't say)

TIMEOUT_SECONDS = 30.0  # without a byte from the server
CHUNK_BYTES = 1 << 16
ARCHIVE_NAME = "simple-examples.tgz"


def acquire_ptb(source: str | None, directory: Path, progress: Progress | None = None) -> list[str]:
    """Puts the three PTB files into the directory, verified, from a directory, an archive or a URL (None: the public address).

    Files that are already there and right are left alone where no source is named. Returns a line for each thing done. Raises
    CorpusError where the files cannot be had, are not the PTB's, or cannot be written.
    """
    if source is None and _is_ptb(directory):
        return _report(f"already in {directory}")
    if source is None or source.startswith(("http://", "https://")):
        return _download_ptb(source or ptb.PTB_URL, directory, progress)
    path = Path(source)
    if not path.exists():
        raise CorpusError(
            f"{path}: there is no such file or directory; name the PTB's folder, its archive or an http address"
        )
    files = ptb.read_files(path)
    if path.is_dir() and path.resolve() == directory.resolve():
        return _report(f"already in {directory}")
    ptb.store(files, directory)
    return _report(f"copied from {path} to {directory}")


def download(
    url: str, destination: Path, *, sha256: str | None = None, verify: Callable[[Path], object] | None = None,
    progress: Progress | None = None, timeout_seconds: float = TIMEOUT_SECONDS,
) -> None:  # fmt: skip
    """Fetches an http(s) URL into the file `destination`, which appears whole and verified or not at all.

    What has come is kept beside it in `<name>.part` when the transfer breaks off, and a later call fetches only the rest, if the server
    says (ETag or Last-Modified, RFC 9110 section 13.1.5, If-Range) that the file is still the same. `sha256` and `verify` (which
    raises CorpusError) are two ways to know the file; one that fails them is thrown away. Raises CorpusError for a failed transfer, a
    wrong file and a full disk.
    """
    if not url.startswith(("http://", "https://")):
        raise CorpusError(f"{url}: is not an http or https address; name one, or a file that is already here")
    part = _Part(destination, url)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        try:
            _fetch(url, part, progress, timeout_seconds)
            _require_sha256(part, sha256)
            if verify is not None:
                _verify(verify, part)
        except BaseException:
            if not part.validator():
                part.discard()  # nothing could tell whether the rest, fetched later, belongs to it
            raise
        os.replace(part.path, destination)
        part.discard()
    except OSError as error:
        reason = error.strerror or error
        raise CorpusError(f"{destination}: cannot be written ({reason}); make room or choose another folder") from error


class _Part:
    """A file on its way: `<name>.part`, and beside it, in `<name>.part.json`, which version of which URL it is a part of."""

    def __init__(self, destination: Path, url: str) -> None:
        self.url = url
        self.path = destination.with_name(destination.name + ".part")
        self.origin = destination.with_name(destination.name + ".part.json")

    def size(self) -> int:
        """Bytes here that may be added to; 0 where there is nothing or nothing is known of it."""
        return self.path.stat().st_size if self.validator() and self.path.exists() else 0

    def validator(self) -> str | None:
        """What the server called this version of the file, if this is a part of the same URL."""
        try:
            origin = json.loads(self.origin.read_text())
            return str(origin["validator"]) if origin["url"] == self.url else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def begin(self, validator: str | None) -> None:
        """Throws away what there is and makes an empty file for the version that the server calls `validator`."""
        self.discard()
        self.path.touch()
        if validator is not None:
            self.origin.write_text(json.dumps({"url": self.url, "validator": validator}))

    def discard(self) -> None:
        """Removes both files."""
        self.path.unlink(missing_ok=True)
        self.origin.unlink(missing_ok=True)


def _fetch(url: str, part: _Part, progress: Progress | None, timeout_seconds: float) -> None:
    """Fills the part. Errors of the network become CorpusError here, so that any OSError that leaves is the disk's."""
    with _open(url, part, timeout_seconds) as response:
        if response.status != 206:
            part.begin(_validator(response))
        have = part.path.stat().st_size
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        with part.path.open("ab") as file:
            for chunk in _chunks(response, url):
                file.write(chunk)
                have += len(chunk)
                if progress is not None:
                    progress(have, total)
    if total is not None and have < total:
        raise CorpusError(
            f"{url}: the connection closed after {have} of {total} bytes; run the command again to fetch the rest"
        )


def _open(url: str, part: _Part, timeout_seconds: float) -> http.client.HTTPResponse:
    """The response to a request for the rest of the part (status 206) or, where that cannot be had, for the whole file."""
    have = part.size()
    request = urllib.request.Request(url)
    if have:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", part.validator() or "")
    try:
        response: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=timeout_seconds)
    except urllib.error.HTTPError as error:
        error.close()
        if have and error.code == 416:  # there is no rest: the part is no shorter than the file
            part.discard()
            return _open(url, part, timeout_seconds)
        message = f"{url}: the server answered {error.code} {error.reason}; check the address or name a file or folder instead"
        raise CorpusError(message) from error
    except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: no address at all
        reason = getattr(error, "reason", None) or error
        raise CorpusError(
            f"{url}: cannot be reached ({reason}); check the network or name a file or folder instead"
        ) from error
    if response.status == 206 and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        response.close()
        if not have:
            raise CorpusError(
                f"{url}: the server sends a part of the file where all of it was asked for; use another address"
            )
        part.discard()
        return _open(url, part, timeout_seconds)
    return response


def _chunks(response: http.client.HTTPResponse, url: str) -> Iterator[bytes]:
    try:
        while chunk := response.read(CHUNK_BYTES):
            yield chunk
    except (OSError, http.client.HTTPException) as error:
        raise CorpusError(
            f"{url}: the transfer broke off ({error}); run the command again to fetch the rest"
        ) from error


def _validator(response: http.client.HTTPResponse) -> str | None:
    """The strong ETag, else Last-Modified: what If-Range may hold."""
    etag = response.headers.get("ETag")
    return etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")


def _require_sha256(part: _Part, expected: str | None) -> None:
    if expected is None:
        return
    with part.path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != expected:
        size = part.path.stat().st_size
        part.discard()
        raise CorpusError(
            f"{part.url}: {size} bytes came with sha256 {found[:12]}…, expected {expected[:12]}…; use another address"
        )


def _verify(verify: Callable[[Path], object], part: _Part) -> None:
    try:
        verify(part.path)
    except CorpusError as error:
        part.discard()
        raise CorpusError(f"{part.url}: what came is not the wanted file ({error})") from error


def _download_ptb(url: str, directory: Path, progress: Progress | None) -> list[str]:
    archive = directory / ARCHIVE_NAME
    download(url, archive, verify=ptb.read_files, progress=progress)
    ptb.extract(archive, directory)
    archive.unlink()
    return [f"{url}: downloaded", *_report(f"extracted to {directory}")]


def _is_ptb(directory: Path) -> bool:
    try:
        ptb.read_files(directory)
    except CorpusError:
        return False
    return True


def _report(where: str) -> list[str]:
    return [
        f"{reference.name}: {reference.size_bytes} bytes, {reference.tokens} tokens, sha256 {reference.sha256[:12]}… verified, {where}"
        for reference in ptb.REFERENCES.values()
    ]
