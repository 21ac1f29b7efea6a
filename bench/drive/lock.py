"""One timing job at a time on a host: two would measure each other."""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


class LockedError(RuntimeError):
    """Another timing job runs on this host."""


@contextlib.contextmanager
def host_lock(path: Path | None = None) -> Iterator[None]:
    """Holds the host's lock for the block. Raises LockedError, naming the process that holds it."""
    path = path or Path(tempfile.gettempdir()) / "tfgate.lock"
    descriptor = _open(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode(errors="replace").strip() or "unknown"
            raise LockedError(f"process {holder} measures on this host already: wait for it, or end it ({path})") from None
        with contextlib.suppress(OSError):  # another user's file
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    """A descriptor of the lock's file. One that another user left can be read at least, which is enough to lock it."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:
        return os.open(path, os.O_RDONLY)
