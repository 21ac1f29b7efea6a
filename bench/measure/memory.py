"""Resident memory of this process, read from /proc (getrusage's peak is inherited from the parent), and the means to
get other pages of memory and of libraries.
"""

import contextlib
import ctypes
import os
from pathlib import Path

STATUS = Path("/proc/self/status")  # VmHWM, VmRSS and RssFile are what the kernel has counted
ROLLUP = Path("/proc/self/smaps_rollup")  # Rss and Anonymous are of the pages themselves, but take milliseconds
COUNTS_OFF = 2**20  # bytes: where the kernel's counts may be off by more, we look at the pages

_largest = 0  # of the resident sizes so far, of pages


def peak_rss_bytes() -> int:
    """Returns the largest resident size so far (VmHWM), at least that of any pages that were looked at; 0 where /proc
    doesn't tell.
    """
    return max(_status_bytes("VmHWM", STATUS), _largest)


def rss_bytes() -> int:
    """Returns the resident size now; 0 where /proc doesn't tell."""
    global _largest
    size = _status_bytes("Rss", ROLLUP) if _counts_are_off() else 0
    _largest = max(_largest, size)
    return size or _status_bytes("VmRSS", STATUS)


def file_rss_bytes() -> int:
    """Returns the resident size now of file-backed pages, mostly libraries; 0 where /proc doesn't tell.

    Of pages that were looked at, shared memory counts as well.
    """
    size = _status_bytes("Rss", ROLLUP) if _counts_are_off() else 0
    return size - _status_bytes("Anonymous", ROLLUP) if size else _status_bytes("RssFile", STATUS)


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


def _counts_are_off() -> bool:
    """Tells whether the kernel's counts of our pages may be off by much.

    Since Linux 6.2 each CPU keeps up to max(32, 2 · CPUs) pages of a count to itself (percpu_counter_batch).
    """
    cpus = os.cpu_count() or 1
    return max(32, 2 * cpus) * cpus * os.sysconf("SC_PAGE_SIZE") > COUNTS_OFF


def _status_bytes(field: str, status: Path) -> int:
    try:
        lines = status.read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), 0)
