"""Resident memory of this process, from /proc: getrusage's peak is inherited from the parent. And other memory for what comes."""

import contextlib
import ctypes
from pathlib import Path


def peak_rss_bytes() -> int:
    """The largest resident size so far (VmHWM); 0 where /proc doesn't tell."""
    return _status_bytes("VmHWM")


def rss_bytes() -> int:
    """The resident size now (VmRSS); 0 where /proc doesn't tell."""
    return _status_bytes("VmRSS")


def file_rss_bytes() -> int:
    """The resident size now of pages that files back, libraries above all (RssFile); 0 where /proc doesn't tell."""
    return _status_bytes("RssFile")


def release_free_memory() -> None:
    """Gives memory that was freed back to the system, so that the next allocation gets other pages; nothing where the C library can't."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def _status_bytes(field: str, status: Path = Path("/proc/self/status")) -> int:
    try:
        lines = status.read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), 0)
