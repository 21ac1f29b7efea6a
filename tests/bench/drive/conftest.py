"""Fake interpreters, which stand for workers that misbehave, and a folder of one's own for what workers leave."""

import contextlib
import errno
import gc
import os
import tempfile
import unittest.mock
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders.fake_interpreter import Fake, session_text, write_interpreter


@pytest.fixture
def fake_interpreter(tmp_path: Path) -> Fake:
    """Makes an interpreter whose workers run a piece of Python on their first request; the path to it."""

    return lambda body: write_interpreter(tmp_path / "interpreter", body)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which this process, and those that it starts, make temporary files; empty at first."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def fake_session(fake_interpreter: Fake, fake_oracle: None, forked_workers: None) -> Fake:
    """Makes an interpreter whose workers answer as a session of TensorFlow's would, with changes to the class
    `Session`; its path.
    """
    return lambda changes: fake_interpreter(session_text(changes))


@pytest.fixture
def nothing_left(temporary: Path) -> Iterator[None]:
    """After the test: no child unreaped, no temporary file, no open pipe."""
    gc.disable()  # what other tests have left to the collector must not go meanwhile
    before = _open_files()
    yield
    gc.enable()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert os.listdir(temporary) == []
    assert _open_files() <= before


@pytest.fixture
def no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process can be started."""
    refused = OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
    monkeypatch.setattr("subprocess.Popen", unittest.mock.Mock(side_effect=refused))


def _open_files() -> set[tuple[str, str]]:
    """Descriptors with what they are open on: one that was closed and given out again is another."""
    found = set()
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # the listing's own
            found.add((descriptor, os.readlink(f"/proc/self/fd/{descriptor}")))
    return found
