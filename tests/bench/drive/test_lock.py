"""The host's lock, held by real processes."""

import errno
import os
import re
import subprocess
from pathlib import Path
from unittest.mock import Mock

import pytest

from bench.drive.lock import LOCK_VARIABLE, LockedError, host_lock, lock_path
from tests.builders.locks import held_by_another


def test_a_second_holder_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with held_by_another(path) as holder:
        wanted = f"process {holder.pid} is already measuring on this host ({path})"
        with pytest.raises(LockedError, match=re.escape(wanted)), host_lock(path):
            pytest.fail("held twice")
        # Being refused changed nothing.
        with pytest.raises(LockedError, match=f"process {holder.pid} "), host_lock(path):
            pytest.fail("held twice")


def test_the_lock_ends_with_the_block(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with pytest.raises(KeyboardInterrupt), host_lock(path):
        raise KeyboardInterrupt
    with held_by_another(path):
        pass
    with host_lock(path):
        assert path.read_text() == str(os.getpid())


def test_the_lock_ends_with_a_killed_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with held_by_another(path) as holder:
        holder.kill()
        holder.wait()
        assert path.read_text() == str(holder.pid)
        with host_lock(path):
            pass


def test_the_holders_children_do_not_hold_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with host_lock(path):
        child = subprocess.Popen(["sleep", "1000"])
    try:
        with host_lock(path):
            assert path.read_text() == str(os.getpid())
        assert child.poll() is None  # it lived all the while
    finally:
        child.kill()
        child.wait()


def test_a_file_that_was_left_behind_is_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text("a process id longer than ours: 12345678901234567890")
    with host_lock(path):
        assert path.read_text() == str(os.getpid())


def test_another_user_s_file_that_may_be_written_names_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under fs.protected_regular, Linux refuses O_CREAT of it in /tmp. Its old number may be any process by now."""
    path, opened = tmp_path / "lock", os.open
    path.write_text("1")

    def protected(name: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT:
            raise PermissionError(errno.EACCES, "Permission denied", str(name))
        return opened(name, flags, mode)

    monkeypatch.setattr(os, "open", protected)
    with host_lock(path):
        assert path.read_text() == str(os.getpid())


def test_other_users_can_read_what_a_strict_umask_made(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with host_lock(tmp_path / "lock"):
            assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o666
    finally:
        os.umask(before)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A name in /tmp that anyone can know: what it leads to must not be emptied."""
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"), host_lock(tmp_path / "lock"):
        pytest.fail("held a link")
    assert (tmp_path / "precious").read_text() == "precious"


def test_the_lock_is_the_hosts_unless_a_variable_names_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job with a TMPDIR of its own is refused, too."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv(LOCK_VARIABLE, str(tmp_path / "another"))
    assert lock_path() == tmp_path / "another"
    monkeypatch.delenv(LOCK_VARIABLE)
    assert lock_path() == Path("/tmp/tfgate.lock")


def test_a_file_that_can_not_be_locked_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fcntl.flock", Mock(side_effect=OSError(errno.ENOLCK, "No locks available")))
    with pytest.raises(OSError, match="No locks available") as raised, host_lock(tmp_path / "lock"):
        pass
    assert raised.value.filename == str(tmp_path / "lock")


def test_a_full_disk_loses_the_holder_s_number_and_not_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "lock"
    monkeypatch.setattr("os.pwrite", Mock(side_effect=OSError(errno.ENOSPC, "No space left on device")))
    with host_lock(lock), pytest.raises(LockedError, match="process unknown is already measuring"), host_lock(lock):
        pass
