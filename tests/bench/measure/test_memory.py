"""Resident memory of this process."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.measure import memory
from bench.measure.memory import peak_rss_bytes, rss_bytes

ROOT = Path(__file__).resolve().parents[3]
MIB = 2**20

# A parent that once held 256 MiB, and the peak of its child.
PARENT_AND_CHILD = """
import subprocess, sys
from bench.measure.memory import peak_rss_bytes
b"x" * 2**28
child = subprocess.run([sys.executable, "-c", "from bench.measure.memory import *; print(peak_rss_bytes())"], capture_output=True)
print(peak_rss_bytes(), child.stdout.decode())
"""


def test_what_is_allocated_counts() -> None:
    before = rss_bytes()
    block = b"x" * (64 * MIB)
    held = rss_bytes()
    assert held - before > 60 * MIB
    assert peak_rss_bytes() >= held
    del block
    assert rss_bytes() < peak_rss_bytes()


def test_a_parents_peak_is_not_its_childs() -> None:
    """As it would be by getrusage's ru_maxrss."""
    printed = subprocess.run([sys.executable, "-c", PARENT_AND_CHILD], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    parent, child = map(int, printed.split())
    assert parent > 256 * MIB
    assert child < 100 * MIB


@pytest.mark.parametrize(("text", "found"), [("Name:\tx\nVmHWM:\t    1234 kB\nVmRSS:\t 1 kB\n", 1234 * 1024), ("Name:\tx\n", 0), (None, 0)])
def test_the_kernels_status_is_read(tmp_path: Path, text: str | None, found: int) -> None:
    if text is not None:
        (tmp_path / "status").write_text(text)
    assert memory._status_bytes("VmHWM", tmp_path / "status") == found
