"""Locks of files. One is the host's, for one timing job at a time: two would measure each other."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.record.failed import FailedError

LOCK_FILE = Path("/tmp/tfgate.lock")  # not TMPDIR's: jobs with folders of their own would measure each other
LOCK_VARIABLE = "TFGATE_LOCK"  # names another file: where /tmp can't be written, and for tests, which measure nothing


class LockedError(FailedError):
    """Another timing job runs on this host."""


def lock(descriptor: int, path: Path, *, wait: bool) -> None:
    """Locks the open file at `path`. Raises OSError, which names the file: BlockingIOError where another process holds
    it and we don't `wait`.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:  # such as a network file system without locks
        raise OSError(error.errno, error.strerror, str(path)) from None


@contextlib.contextmanager
def locked(descriptor: int, path: Path, on_busy: Callable[[], None]) -> Iterator[None]:
    """Holds the lock of the open file at `path` for the block, and closes the file. Where another process holds it,
    calls `on_busy`, which may raise, and waits.
    """
    try:
        try:
            lock(descriptor, path, wait=False)
        except BlockingIOError:
            on_busy()
            lock(descriptor, path, wait=True)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def host_lock(path: Path | None = None, tell: Callable[[str], None] | None = None) -> Iterator[None]:
    """Holds the host's lock for the block. Where another process holds it, `tell` hears which one, and it is waited
    for; without `tell`, raises LockedError.
    """
    path = path or lock_path()
    descriptor = _open(path)

    def busy() -> None:
        holder = os.read(descriptor, 20).decode(errors="replace").strip() or "unknown"
        said = f"process {holder} is already measuring on this host ({path})"
        if tell is None:
            raise LockedError(said)
        tell(said)

    with locked(descriptor, path, busy):
        with contextlib.suppress(OSError):  # a full disk: the lock holds without its holder's number
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield


def lock_path() -> Path:
    """Returns the file that all timing jobs of this host lock."""
    return Path(os.environ.get(LOCK_VARIABLE) or LOCK_FILE)


def _open(path: Path) -> int:
    """Returns a descriptor of the lock's file, which every user may write, whatever our umask."""
    with contextlib.suppress(FileNotFoundError):
        return os.open(path, os.O_RDWR | os.O_NOFOLLOW)  # Linux may refuse O_CREAT of another user's file in /tmp
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    os.fchmod(descriptor, 0o666)
    return descriptor
