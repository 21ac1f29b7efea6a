"""Temporary folders: in memory where there is room, gone with their command or swept away by the next."""

import errno
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import unittest.mock
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.cli import main
from bench.drive.folders import HELD_FILE, SHARED_MEMORY, HeldFolder, held_folder, shared_folder, sweep
from bench.record.failed import FailedError

ROOT = Path(__file__).resolve().parents[3]
# Leaves a folder with a file in it.
KILLED = """
import os, signal
from bench.drive.folders import HeldFolder
(HeldFolder().path / "file").touch()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_shared_memory_is_used_where_there_is_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("bench.drive.folders.SHARED_MEMORY", tmp_path)
    with shared_folder(1) as folder:
        assert folder.parent == tmp_path
    with shared_folder(1 << 60) as folder:  # an exbibyte
        assert folder.parent not in (tmp_path, SHARED_MEMORY)
    monkeypatch.setattr("bench.drive.folders.SHARED_MEMORY", tmp_path / "none")
    with shared_folder(1) as folder:
        assert folder.is_dir()


def test_a_folder_goes_with_its_block(nothing_left: None) -> None:
    with held_folder() as folder:
        (folder / "file").touch()
    assert not folder.exists()


def test_a_folder_goes_with_its_process_at_the_latest(temporary: Path) -> None:
    """Ctrl-C may come before whoever is to delete it has it."""
    code = "from bench.drive.folders import HeldFolder; folder = HeldFolder(); raise KeyboardInterrupt"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True).returncode != 0
    assert os.listdir(temporary) == []


def test_what_killed_processes_have_left_is_swept_away_and_nothing_else(temporary: Path) -> None:
    mine = HeldFolder()
    for _ in range(2):
        assert subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, check=False).returncode == -9
    for name in ("tfgate-of-another-program", "other"):
        (temporary / name).mkdir()
    (temporary / "tfgate-of-another-program" / "file").touch()
    (temporary / "tfgate-link").symlink_to(mine.path)
    assert len(os.listdir(temporary)) == 6
    sweep()
    left = ["other", "tfgate-link", "tfgate-of-another-program", mine.path.name]
    assert sorted(os.listdir(temporary)) == sorted(left)
    assert os.listdir(mine.path) == [HELD_FILE]
    mine.remove()


def test_a_folder_that_is_not_locked_yet_is_not_swept_away(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:

        def late(lock: int, how: int) -> None:
            patched.undo()
            sweep()
            fcntl.flock(lock, how)

        patched.setattr(fcntl, "flock", late)
        folder = HeldFolder()
    assert folder.path.name.startswith("tfgate-")  # by which the next command finds it
    assert os.listdir(folder.path) == [HELD_FILE]
    folder.remove()
    assert os.listdir(temporary) == []


@pytest.mark.parametrize("swept", [False, True])
def test_a_folder_is_deleted_once_nothing_in_it_is_open(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, swept: bool
) -> None:
    """NFS keeps a deleted file that is open, and so its folder, for ever."""
    folder = HeldFolder()
    held: list[bool] = []

    def deleted(path: Path, ignore_errors: bool, delete: Callable[..., None] = shutil.rmtree) -> None:
        links = [os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
        held.append(str(path / HELD_FILE) in links)
        delete(path, ignore_errors=ignore_errors)

    monkeypatch.setattr("bench.drive.folders.shutil.rmtree", deleted)
    if swept:
        os.close(folder._lock)  # as the kernel does for a process that was killed
        sweep()
    else:
        folder.remove()
    assert held == [False]
    assert os.listdir(temporary) == []


def test_a_folder_that_can_not_be_locked_is_named_and_does_not_stay(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a network file system without locks."""
    monkeypatch.setattr(fcntl, "flock", unittest.mock.Mock(side_effect=OSError(errno.ENOLCK, "No locks available")))
    with pytest.raises(OSError, match="No locks available") as raised:
        HeldFolder()
    assert raised.value.errno == errno.ENOLCK
    assert Path(raised.value.filename).parent.parent == temporary
    assert os.listdir(temporary) == []


def test_the_next_command_sweeps(temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, check=False).returncode == -9
    assert len(os.listdir(temporary)) == 1
    monkeypatch.setenv("TFGATE_ENVIRONMENTS", str(tmp_path / "none"))
    assert main(["env", "list"]) == 0
    assert os.listdir(temporary) == []


def test_without_a_place_for_temporary_files_a_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`env remove` makes room on a full disk. A command that needs a place has failed, and was not called wrong."""
    missing = FileNotFoundError(errno.ENOENT, "No usable temporary directory found")
    monkeypatch.setattr(tempfile, "gettempdir", unittest.mock.Mock(side_effect=missing))
    monkeypatch.setenv("TFGATE_ENVIRONMENTS", str(tmp_path / "none"))
    assert main(["env", "list"]) == 0
    with pytest.raises(FailedError, match=r"^No usable temporary directory found: free some space"):
        HeldFolder()
