"""Resident memory of this process, read from /proc (getrusage's peak is inherited from the parent), and the means to
get other pages of memory and of libraries.
"""

import contextlib
import ctypes
import os
from pathlib import Path


def peak_rss_bytes() -> int:
    """Returns the largest resident size so far (VmHWM); 0 where /proc doesn't tell."""
    return _status_bytes("VmHWM")


def rss_bytes() -> int:
    """Returns the resident size now (VmRSS); 0 where /proc doesn't tell."""
    return _status_bytes("VmRSS")


def file_rss_bytes() -> int:
    """Returns the resident size now of file-backed pages, mostly libraries (RssFile); 0 where /proc doesn't tell."""
    return _status_bytes("RssFile")


def release_free_memory() -> None:
    """Returns freed memory to the system, so that the next allocation gets other pages, where the C library can."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def forget_libraries(folder: Path) -> None:
    """Has the kernel forget the shared libraries below a folder, so that it reads them anew, into other pages.

    Those that a process has mapped stay, and all of them where the file system can't.
    """
    for library in folder.rglob("*.so*"):
        with contextlib.suppress(AttributeError, OSError), library.open("rb") as file:
            with contextlib.suppress(OSError):  # squashfs and others that are read only have nothing to write
                os.fdatasync(file.fileno())  # what isn't written yet can't be forgotten
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _status_bytes(field: str, status: Path = Path("/proc/self/status")) -> int:
    try:
        lines = status.read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), 0)
