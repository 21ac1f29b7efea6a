"""Resident memory of this process, from /proc: getrusage's peak is inherited from the parent."""

from pathlib import Path


def peak_rss_bytes() -> int:
    """The largest resident size so far (VmHWM); 0 where /proc doesn't tell."""
    return _status_bytes("VmHWM")


def rss_bytes() -> int:
    """The resident size now (VmRSS); 0 where /proc doesn't tell."""
    return _status_bytes("VmRSS")


def _status_bytes(field: str, status: Path = Path("/proc/self/status")) -> int:
    try:
        lines = status.read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), 0)
