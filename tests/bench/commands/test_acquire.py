"""Getting the PTB from a local server, a folder and an archive; what is wrong or breaks off leaves nothing."""

import contextlib
import dataclasses
import errno
import hashlib
import http.server
import io
import os
import socket
import tarfile
import tempfile
import threading
import unittest.mock
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.commands import acquire
from bench.commands.acquire import acquire_ptb
from lm.data import ptb
from lm.data.corpus import CorpusError

TEXTS = {"train": b" b a \n", "valid": b" a \n", "test": b" b \n"}
NAMES = ["ptb.test.txt", "ptb.train.txt", "ptb.valid.txt"]


class Server(http.server.ThreadingHTTPServer):
    """Serves one content, whole or cut short, or an error."""

    content = b""
    stop_after: int | None = None  # bytes of the body after which the connection is closed
    status = 200
    requests = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/file"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests += 1
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()
        self.wfile.write(self.server.content[: self.server.stop_after])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(small: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server of the small archive, whose address is the public one."""
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.content = archive_of(small)
        monkeypatch.setattr(ptb, "PTB_URL", running.url)
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers are asked themselves, whatever proxy the machine has."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with three small files that take the place of the PTB's; temporary files go below the test's folder."""
    references = {
        split: dataclasses.replace(ptb.REFERENCES[split], size_bytes=len(text), sha256=hashlib.sha256(text).hexdigest())
        for split, text in TEXTS.items()
    }
    monkeypatch.setattr(ptb, "REFERENCES", references)
    for name in ("small", "temporary"):
        (tmp_path / name).mkdir()
    for split, text in TEXTS.items():
        (tmp_path / "small" / references[split].name).write_bytes(text)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "small"


def archive_of(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.add(folder, arcname="./simple-examples/data")
    return buffer.getvalue()


@pytest.mark.parametrize("public", [True, False])
def test_from_an_address(server: Server, tmp_path: Path, public: bool) -> None:
    seen: list[tuple[int, int | None]] = []
    done = acquire_ptb(None if public else server.url, tmp_path / "data", lambda *progress: seen.append(progress))
    assert done[0] == f"{server.url}: downloaded"
    assert len(done) == 4
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == NAMES
    assert ptb.read_files(tmp_path / "data") == TEXTS
    assert seen[-1] == (len(server.content), len(server.content))
    assert not list((tmp_path / "temporary").iterdir())


def test_files_that_are_there_are_not_downloaded_again(server: Server, small: Path) -> None:
    assert "already in" in acquire_ptb(None, small)[0]
    assert server.requests == 0


def test_a_damaged_directory_is_replaced(server: Server, small: Path) -> None:
    (small / "ptb.test.txt").write_bytes(b"other")
    acquire_ptb(None, small)
    assert ptb.read_files(small) == TEXTS


def test_a_link_is_replaced_rather_than_its_target(small: Path, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_bytes(b"keep")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ptb.test.txt").symlink_to(target)
    acquire_ptb(str(small), tmp_path / "data")
    assert target.read_bytes() == b"keep"
    assert (tmp_path / "data" / "ptb.test.txt").read_bytes() == TEXTS["test"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"content": b"no archive"}, "the download is not the PTB's archive"),
        ({"stop_after": 100}, "the download is not the PTB's archive"),
        ({"status": 503}, "503"),
    ],
    ids=["foreign", "cut short", "server error"],
)
def test_what_is_wrong_leaves_no_file(
    server: Server, tmp_path: Path, wrong: dict[str, bytes | int], message: str
) -> None:
    for name, value in wrong.items():
        setattr(server, name, value)
    with pytest.raises(CorpusError, match=message) as caught:
        acquire_ptb(server.url, tmp_path / "data")
    assert str(caught.value).startswith(server.url)
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "data").exists()
    assert not list((tmp_path / "temporary").iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_not_the_network_s_fault(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "archive.tgz").symlink_to("/dev/full")
    monkeypatch.setattr(acquire, "held_folder", lambda: contextlib.nullcontext(tmp_path))
    server.content = bytes(2 * acquire.CHUNK_BYTES)
    with pytest.raises(OSError, match="No space left on device"):
        acquire_ptb(server.url, tmp_path / "data")


def test_a_full_disk_at_the_end_is_no_fault_of_the_files(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr("bench.record.files.os.fsync", unittest.mock.Mock(side_effect=full))
    with pytest.raises(OSError, match=r"No space left on device: '.*ptb\.train\.txt'"):
        acquire_ptb(str(small), tmp_path / "data")
    assert not list((tmp_path / "data").iterdir())


@pytest.mark.parametrize("silent", [True, False])
def test_a_server_that_is_not_there_or_never_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, silent: bool
) -> None:
    monkeypatch.setattr(acquire, "TIMEOUT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/file"
        if not silent:
            listening.close()
        with pytest.raises(CorpusError, match="timed out" if silent else "refused"):
            acquire_ptb(url, tmp_path / "data")


def test_from_a_folder_and_from_an_archive(small: Path, tmp_path: Path) -> None:
    (tmp_path / "a.tgz").write_bytes(archive_of(small))
    for source in (small, tmp_path / "a.tgz"):
        done = acquire_ptb(str(source), tmp_path / "data")
        assert done[0].startswith("ptb.train.txt: 6 bytes, 929589 tokens, sha256 ")
        assert done[0].endswith(f"verified, copied from {source} to {tmp_path / 'data'}")
        assert ptb.read_files(tmp_path / "data") == TEXTS
        assert sorted(path.name for path in (tmp_path / "data").iterdir()) == NAMES


def test_from_the_folder_itself_only_verifies(small: Path) -> None:
    assert acquire_ptb(str(small), small)[0].endswith(f"verified, already in {small}")


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="missing: there is no such file or directory; name the PTB's folder"):
        acquire_ptb(str(tmp_path / "missing"), tmp_path / "data")
