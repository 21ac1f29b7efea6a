"""Temporary folders that are gone when the command ends, or once the next one starts if it could not end them itself.

Each is held by a lock that the kernel lets go with the process, killed or not. By process ids the folders of a process
in another container would look as if nobody had them.
"""

import atexit
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.drive.lock import lock
from bench.record.failed import FailedError

PREFIX = "tfgate-"
HELD_FILE = ".held"  # locked while its folder is in use
SHARED_MEMORY = Path("/dev/shm")


class HeldFolder:
    """A temporary folder of this process, deleted when it ends at the latest. Raises FailedError where there is no
    place for any.
    """

    def __init__(self, directory: Path | None = None, suffix: str = "") -> None:
        try:
            directory = directory or Path(tempfile.gettempdir())
        except FileNotFoundError as error:
            raise FailedError(f"{error.strerror}: free some space, or name a folder by TMPDIR") from error
        made = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", suffix=suffix, dir=directory))
        self._lock = os.open(made / HELD_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            lock(self._lock, made / HELD_FILE, wait=True)
        except OSError:
            os.close(self._lock)
            shutil.rmtree(made, ignore_errors=True)
            raise
        self.path = made.rename(made.with_name(made.name[1:]))  # where sweep() of another command finds it locked
        atexit.register(self.remove)  # Ctrl-C may come before whoever is to delete it has it

    def remove(self) -> None:
        """Deletes the folder; what can't be deleted stays.

        The lock is closed first: NFS keeps a deleted file that is open, and with it its folder.
        """
        atexit.unregister(self.remove)
        with contextlib.suppress(OSError):
            os.close(self._lock)
        shutil.rmtree(self.path, ignore_errors=True)


@contextlib.contextmanager
def held_folder(directory: Path | None = None) -> Iterator[Path]:
    """Makes a temporary folder for the block."""
    folder = HeldFolder(directory)
    try:
        yield folder.path
    finally:
        folder.remove()


def shared_folder(size: int) -> contextlib.AbstractContextManager[Path]:
    """Makes a folder for a file of that many bytes that several processes map: in memory where there is room, else
    where TMPDIR says.
    """
    usable = os.access(SHARED_MEMORY, os.W_OK) and shutil.disk_usage(SHARED_MEMORY).free > size
    return held_folder(SHARED_MEMORY if usable else None)


def sweep() -> None:
    """Deletes the folders that killed commands of this user have left."""
    directories = {SHARED_MEMORY}
    with contextlib.suppress(OSError):  # a full disk has no place for temporary files, and `env remove` must run
        directories.add(Path(tempfile.gettempdir()))
    for directory in directories:
        with contextlib.suppress(OSError):
            for folder in directory.glob(f"{PREFIX}*/"):
                with contextlib.suppress(OSError):
                    _sweep(folder)


def _sweep(folder: Path) -> None:
    if folder.lstat().st_uid != os.getuid() or folder.is_symlink():
        return
    held = os.open(folder / HELD_FILE, os.O_RDWR | os.O_NOFOLLOW)  # without one it is another program's folder
    try:
        lock(held, folder / HELD_FILE, wait=False)  # BlockingIOError: it is in use
    finally:
        os.close(held)
    shutil.rmtree(folder, ignore_errors=True)
