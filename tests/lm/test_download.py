"""Downloads from a real server on this machine: whole, broken off, taken up again, wrong."""

import dataclasses
import hashlib
import http.server
import io
import socket
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lm import download as download_module
from lm.data import ptb
from lm.data.corpus import CorpusError
from lm.download import acquire_ptb, download

CONTENT = bytes(range(256)) * 1024  # 256 KiB, four chunks
SHA256 = hashlib.sha256(CONTENT).hexdigest()
TEXTS = {"train": b" b a \n", "valid": b" a \n", "test": b" b \n"}


class Server(http.server.ThreadingHTTPServer):
    """Serves one content, as told: with ranges or without, cut short or whole, and remembers what it was asked."""

    content = CONTENT
    etag: str | None = '"one"'
    ranges = True
    stop_after: int | None = None  # bytes of the body after which the connection is closed
    status: int | None = None
    asked: list[str | None]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/file"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append(wanted)
        if server.status is not None:
            self.send_error(server.status)
            return
        same = self.headers.get("If-Range") == server.etag
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and same and server.ranges else 0
        if start >= len(server.content):
            self.send_error(416)
            return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}")
        if server.etag is not None:
            self.send_header("ETag", server.etag)
        self.end_headers()
        self.wfile.write(body[: server.stop_after])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "file"


def break_off(server: Server, target: Path, after: int = 100_000) -> None:
    """Leaves a download of which the first `after` bytes have come."""
    server.stop_after = after
    with pytest.raises(
        CorpusError, match=f"the connection closed after {after} of 262144 bytes; run the command again"
    ):
        download(server.url, target, sha256=SHA256)
    assert not target.exists()
    server.stop_after = None


def left_beside(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def test_a_whole_file(server: Server, target: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    download(server.url, target, sha256=SHA256, progress=lambda done, total: seen.append((done, total)))
    assert target.read_bytes() == CONTENT
    assert seen[-1] == (262_144, 262_144)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert left_beside(target) == ["file"]


def test_only_the_rest_is_fetched_after_a_break(server: Server, target: Path) -> None:
    break_off(server, target)
    assert left_beside(target) == ["file.part", "file.part.json"]
    seen: list[tuple[int, int | None]] = []
    download(server.url, target, sha256=SHA256, progress=lambda done, total: seen.append((done, total)))
    assert server.asked == [None, "bytes=100000-"]
    assert target.read_bytes() == CONTENT
    assert seen[0][0] > 100_000
    assert seen[-1] == (262_144, 262_144)
    assert left_beside(target) == ["file"]


def test_a_server_without_ranges_sends_all_again(server: Server, target: Path) -> None:
    server.ranges = False
    break_off(server, target)
    download(server.url, target, sha256=SHA256)
    assert target.read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_fetched_anew(server: Server, target: Path) -> None:
    break_off(server, target)
    server.content, server.etag = CONTENT[::-1], '"two"'
    download(server.url, target)
    assert target.read_bytes() == CONTENT[::-1]


def test_a_part_longer_than_the_file_is_fetched_anew(server: Server, target: Path) -> None:
    break_off(server, target)
    server.content = CONTENT[:5]
    download(server.url, target)
    assert server.asked == [None, "bytes=100000-", None]
    assert target.read_bytes() == CONTENT[:5]


def test_a_part_of_another_address_is_not_used(server: Server, target: Path) -> None:
    break_off(server, target)
    download(server.url + "?other", target)
    assert server.asked == [None, None]


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_nothing_is_kept_that_could_not_be_taken_up(server: Server, target: Path, etag: str | None) -> None:
    server.etag = etag
    break_off(server, target)
    assert left_beside(target) == []


def test_a_wrong_sum_leaves_nothing(server: Server, target: Path) -> None:
    with pytest.raises(CorpusError, match=rf"262144 bytes came with sha256 {SHA256[:12]}…, expected 000000000000…"):
        download(server.url, target, sha256="0" * 64)
    assert left_beside(target) == []


def test_a_file_that_fails_verification_leaves_nothing_and_keeps_the_old(server: Server, target: Path) -> None:
    def refuse(path: Path) -> None:
        raise CorpusError(f"{path.stat().st_size} bytes refused")

    target.parent.mkdir()
    target.write_bytes(b"old")
    with pytest.raises(CorpusError, match=r"what came is not the wanted file \(262144 bytes refused\)"):
        download(server.url, target, verify=refuse)
    assert left_beside(target) == ["file"]
    assert target.read_bytes() == b"old"


def test_a_server_error_keeps_the_part(server: Server, target: Path) -> None:
    break_off(server, target)
    server.status = 503
    with pytest.raises(CorpusError, match="the server answered 503 Service Unavailable"):
        download(server.url, target)
    server.status = None
    download(server.url, target, sha256=SHA256)
    assert server.asked[-1] == "bytes=100000-"


def test_a_server_that_is_not_there(target: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(CorpusError, match=r"cannot be reached \(.*refused.*\); check the network"):
        download(f"http://127.0.0.1:{port}/file", target)


def test_a_server_that_never_answers(target: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/file"
        with pytest.raises(CorpusError, match=r"cannot be reached \(timed out\); check the network"):
            download(url, target, timeout_seconds=0.05)


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x", "x"])
def test_other_addresses_are_refused(target: Path, url: str) -> None:
    with pytest.raises(CorpusError, match="is not an http or https address"):
        download(url, target)


def test_a_folder_that_cannot_be_made(server: Server, target: Path) -> None:
    target.parent.write_bytes(b"a file in its place")
    with pytest.raises(CorpusError, match=r"folder/file: cannot be written \(File exists\)"):
        download(server.url, target)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_one_clear_error(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def begin(part: download_module._Part, validator: str | None) -> None:
        part.path.symlink_to("/dev/full")  # takes no byte, with the error that a full disk gives

    monkeypatch.setattr(download_module._Part, "begin", begin)
    with pytest.raises(
        CorpusError, match=r"file: cannot be written \(No space left on device\); make room or choose another folder"
    ):
        download(server.url, target)
    assert left_beside(target) == []


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with three small files that take the place of the PTB's."""
    references = {
        split: dataclasses.replace(ptb.REFERENCES[split], size_bytes=len(text), sha256=hashlib.sha256(text).hexdigest())
        for split, text in TEXTS.items()
    }
    monkeypatch.setattr(ptb, "REFERENCES", references)
    ptb.store(TEXTS, tmp_path / "small")
    return tmp_path / "small"


def archive_of(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.add(folder, arcname="./simple-examples/data")
    return buffer.getvalue()


@pytest.mark.parametrize("public", [True, False])
def test_acquire_from_an_address(
    server: Server, small: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, public: bool
) -> None:
    server.content = archive_of(small)
    monkeypatch.setattr(ptb, "PTB_URL", server.url)
    done = acquire_ptb(None if public else server.url, tmp_path / "data")
    assert done[0] == f"{server.url}: downloaded"
    assert len(done) == 4
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [
        "ptb.test.txt",
        "ptb.train.txt",
        "ptb.valid.txt",
    ]
    assert "already in" in acquire_ptb(None, tmp_path / "data")[0]
    assert len(server.asked) == 1


def test_acquire_mends_a_broken_directory(
    server: Server, small: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server.content = archive_of(small)
    monkeypatch.setattr(ptb, "PTB_URL", server.url)
    ptb.store({**TEXTS, "test": b"other"}, tmp_path / "data")
    acquire_ptb(None, tmp_path / "data")
    assert ptb.read_files(tmp_path / "data") == TEXTS


def test_acquire_from_a_folder_and_from_an_archive(small: Path, tmp_path: Path) -> None:
    (tmp_path / "a.tgz").write_bytes(archive_of(small))
    for source in (small, tmp_path / "a.tgz"):
        done = acquire_ptb(str(source), tmp_path / "data")
        assert done[0].startswith("ptb.train.txt: 6 bytes, 929589 tokens, sha256 ")
        assert done[0].endswith(f"verified, copied from {source} to {tmp_path / 'data'}")
        assert ptb.read_files(tmp_path / "data") == TEXTS


def test_acquire_from_the_folder_itself_only_verifies(small: Path) -> None:
    assert acquire_ptb(str(small), small)[0].endswith(f"verified, already in {small}")


def test_acquire_refuses_a_foreign_archive_from_an_address(server: Server, small: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="what came is not the wanted file"):
        acquire_ptb(server.url, tmp_path / "data")
    assert not list((tmp_path / "data").iterdir())


def test_acquire_refuses_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="missing: there is no such file or directory; name the PTB's folder"):
        acquire_ptb(str(tmp_path / "missing"), tmp_path / "data")
