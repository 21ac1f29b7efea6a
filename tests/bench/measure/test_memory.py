"""Resident memory of this process."""

import ctypes
import errno
import mmap
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.measure import memory
from bench.measure.memory import file_rss_bytes, peak_rss_bytes, release_free_memory, rss_bytes

ROOT = Path(__file__).resolve().parents[3]
MIB = 2**20

# A parent that once held 256 MiB, and the peak of its child.
PARENT_AND_CHILD = """
import subprocess, sys
from bench.measure.memory import peak_rss_bytes
b"x" * 2**28
code = "from bench.measure.memory import *; print(peak_rss_bytes())"
child = subprocess.run([sys.executable, "-c", code], capture_output=True)
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


@pytest.fixture
def on_disk() -> Iterator[Path]:
    """A folder on the file system of the environment: /tmp may be in memory, where pages of files count otherwise."""
    with tempfile.TemporaryDirectory(dir=sys.prefix) as folder:
        yield Path(folder)


def test_a_file_in_memory_counts_as_a_file(on_disk: Path) -> None:
    path = on_disk / "library"
    path.write_bytes(b"x" * (32 * MIB))
    before = file_rss_bytes(), rss_bytes()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert sum(mapped[:: mmap.PAGESIZE]) > 0
        assert file_rss_bytes() - before[0] > 30 * MIB
        assert rss_bytes() - before[1] > 30 * MIB


def test_a_parents_peak_is_not_its_childs() -> None:
    """As it would be by getrusage's ru_maxrss."""
    printed = subprocess.run(
        [sys.executable, "-c", PARENT_AND_CHILD], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    parent, child = map(int, printed.split())
    assert parent > 256 * MIB
    assert child < 100 * MIB


@pytest.mark.parametrize(
    ("text", "found"), [("Name:\tx\nVmHWM:\t    1234 kB\nVmRSS:\t 1 kB\n", 1234 * 1024), ("Name:\tx\n", 0), (None, 0)]
)
def test_the_kernels_status_is_read(tmp_path: Path, text: str | None, found: int) -> None:
    if text is not None:
        (tmp_path / "status").write_text(text)
    assert memory._status_bytes("VmHWM", tmp_path / "status") == found


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """/proc of a process of which the kernel has counted 2 MiB less than its pages are."""
    monkeypatch.setattr(memory, "STATUS", tmp_path / "status")
    monkeypatch.setattr(memory, "ROLLUP", tmp_path / "smaps_rollup")
    monkeypatch.setattr(memory, "_largest", 0)
    (tmp_path / "status").write_text("VmHWM:\t 9216 kB\nVmRSS:\t 8192 kB\nRssFile:\t 2048 kB\n")
    (tmp_path / "smaps_rollup").write_text(
        "55d0-7ffc ---p 00000000 00:00 0   [rollup]\nRss:   10240 kB\nPss:  9 kB\nAnonymous:  7168 kB\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    ("cpus", "page_bytes", "counted"),
    [
        (2, 4096, True),  # off by 32 · 2 · 4 KiB = 256 KiB
        (8, 4096, True),  # 32 · 8 · 4 KiB = 1 MiB
        (9, 4096, False),
        (64, 4096, False),  # 128 · 64 · 4 KiB = 32 MiB
        (2, 65536, False),  # 32 · 2 · 64 KiB = 4 MiB
        (None, 4096, True),
    ],
)
def test_where_the_kernel_s_counts_are_off_by_much_its_pages_are_looked_at(
    proc: Path, monkeypatch: pytest.MonkeyPatch, cpus: int | None, page_bytes: int, counted: bool
) -> None:
    """The peak is at least what was read before."""
    monkeypatch.setattr(os, "cpu_count", lambda: cpus)
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": page_bytes}.__getitem__)
    found = [size // MIB for size in (peak_rss_bytes(), rss_bytes(), file_rss_bytes(), peak_rss_bytes())]
    assert found == ([9, 8, 2, 9] if counted else [9, 10, 3, 10])
    (proc / "smaps_rollup").write_text("Rss:   5120 kB\nAnonymous:  7168 kB\n")
    assert (rss_bytes() // MIB, peak_rss_bytes() // MIB) == ((8, 9) if counted else (5, 10))


def test_without_a_rollup_the_kernel_s_counts_are_taken(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    (proc / "smaps_rollup").unlink()
    assert [size // MIB for size in (rss_bytes(), file_rss_bytes(), peak_rss_bytes())] == [8, 2, 9]


def test_the_real_pages_are_about_as_many_as_the_kernel_has_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = rss_bytes(), file_rss_bytes()
    monkeypatch.setattr(memory, "_counts_are_off", lambda: True)
    monkeypatch.setattr(memory, "_largest", 0)
    if memory._status_bytes("Rss", memory.ROLLUP) == 0:
        pytest.skip("/proc has no smaps_rollup here")
    assert (rss_bytes(), file_rss_bytes()) == pytest.approx(counted, abs=4 * MIB)


def in_memory(path: Path) -> int:
    """Returns how many pages of a file the kernel holds."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as mapped:
        found = (ctypes.c_ubyte * (len(mapped) // mmap.PAGESIZE))()
        start = ctypes.c_char.from_buffer(mapped)
        assert (
            ctypes.CDLL(None).mincore(ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(len(mapped)), found)
            == 0
        )
        del start  # or the map can't be closed
    return sum(page & 1 for page in found)


def test_libraries_are_forgotten_and_nothing_else(on_disk: Path) -> None:
    """Also those that were just written, and are in deeper folders; what they hold stays."""
    library, other = on_disk / "deep" / "libone.so.2", on_disk / "other.py"
    library.parent.mkdir()
    for path in (library, other):
        path.write_bytes(b"x" * MIB)
    assert in_memory(library) == in_memory(other) == MIB // mmap.PAGESIZE
    memory.forget_libraries(on_disk)
    assert (in_memory(library), in_memory(other)) == (0, MIB // mmap.PAGESIZE)
    assert library.read_bytes() == other.read_bytes()


def test_libraries_of_a_file_system_that_writes_nothing_are_forgotten(
    on_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as squashfs, whose files can't be synced."""
    library = on_disk / "libone.so"
    library.write_bytes(b"x" * MIB)
    with library.open("rb") as file:
        os.fsync(file.fileno())

    def refuse(descriptor: int) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "fdatasync", refuse)
    memory.forget_libraries(on_disk)
    assert in_memory(library) == 0


def test_freed_memory_goes_back_to_the_system() -> None:
    """Small chunks below one that is still held stay with the process until it is asked for them."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "malloc_trim"):
        pytest.skip("this C library has no malloc_trim")
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    chunks = [libc.malloc(32_768) for _ in range(64 * MIB // 32_768)]
    for chunk in chunks:
        ctypes.memset(chunk, 1, 32_768)
    for chunk in chunks[:-1]:
        libc.free(chunk)
    before = rss_bytes()
    release_free_memory()
    assert before - rss_bytes() > 32 * MIB
    libc.free(chunks[-1])
