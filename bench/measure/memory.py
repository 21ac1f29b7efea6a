"""Resident memory of this process, from /proc, since getrusage's peak is inherited from the parent."""

import contextlib
import ctypes
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


def _status_bytes(field: str, status: Path = Path("/proc/self/status")) -> int:
    try:
        lines = status.read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), 0)
