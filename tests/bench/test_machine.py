"""This machine, and a GPU as a fake nvidia-smi has it."""

import math
import os
import shutil
import stat
from pathlib import Path

import pytest

from bench.machine import (
    PreloadError,
    affinity,
    available_gib,
    cores_at_once,
    cpu_quota,
    require_preloaded,
    this_machine,
    usable_cores,
)
from bench.record.failed import FailedError


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script to be filled in, the first nvidia-smi of the search path."""
    tool = tmp_path / "nvidia-smi"
    tool.touch(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tool


def test_this_machine_is_described_the_same_way_each_time() -> None:
    machine = this_machine()
    assert machine == this_machine()
    assert machine.cpu_model
    assert machine.isa.split()[0] == os.uname().machine
    assert machine.cores == usable_cores() >= 1
    assert machine.memory_gib >= 1


@pytest.mark.parametrize(
    ("text", "model", "extension"),
    [
        ("model name : AMD  EPYC\nflags : avx sse4_2 avx2\n\nmodel name : other\n", "AMD EPYC", " avx2"),
        (
            "CPU implementer : 0x41\nCPU variant : 0x3\nCPU part : 0xd0c\nFeatures : fp asimd\n",
            "implementer 0x41 variant 0x3 part 0xd0c",
            " asimd",
        ),
        (
            "CPU implementer : 0x41\nCPU variant : 0x1\nCPU part : 0xd40\n",
            "implementer 0x41 variant 0x1 part 0xd40",
            "",
        ),
    ],
)
def test_a_processor_without_a_name_is_told_by_its_parts(
    text: str, model: str, extension: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Linux tells of ARM: one that is called aarch64 is any. Its widest instructions are told, too."""
    monkeypatch.setattr("bench.machine.system_text", lambda path: text)
    assert (this_machine().cpu_model, this_machine().isa) == (model, f"{os.uname().machine}{extension}")


def test_cores_are_those_that_this_process_may_use() -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert this_machine().cores == 1
    finally:
        os.sched_setaffinity(0, before)


def test_the_affinity_names_them_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {9, 2, 40})
    assert (affinity(), usable_cores()) == ((2, 9, 40), 3)


@pytest.mark.parametrize(
    ("text", "gib"),
    [("MemTotal: 1 kB\nMemAvailable:    3145728 kB\n", 3.0), ("MemTotal: 1 kB\n", math.inf), (None, math.inf)],
)
def test_the_memory_that_is_free_is_told_if_the_system_tells_it(tmp_path: Path, text: str | None, gib: float) -> None:
    if text is not None:
        put(tmp_path, "proc/meminfo", text)
    assert available_gib(tmp_path) == gib


@pytest.mark.parametrize(
    ("inner", "outer", "gib"),
    [
        (("4294967296", "0"), ("max", "1073741824"), 4.0),
        (("max", "1073741824"), ("4294967296", "3221225472"), 1.5),  # half a GiB of what is used are files
        (("34359738368", "0"), ("max", "0"), 16.0),  # more than the machine has
        (("", ""), ("", ""), 16.0),
    ],
)
def test_a_control_group_s_memory_counts(
    tmp_path: Path, inner: tuple[str, str], outer: tuple[str, str], gib: float
) -> None:
    """The least of this process' group, those around it and the machine."""
    put(tmp_path, "proc/meminfo", "MemAvailable: 16777216 kB\n")
    put(tmp_path, "proc/self/cgroup", "0::/pod/container\n")
    for group, (most, used) in (("pod/container", inner), ("pod", outer)):
        put(tmp_path, f"sys/fs/cgroup/{group}/memory.max", f"{most}\n")
        put(tmp_path, f"sys/fs/cgroup/{group}/memory.current", f"{used}\n")
    put(tmp_path, "sys/fs/cgroup/pod/memory.stat", "anon 5\nactive_file 268435456\ninactive_file 268435456\n")
    assert available_gib(tmp_path) == gib


@pytest.mark.parametrize(
    ("quota", "told", "cores"),
    [
        ("", None, 64),
        ("max 100000\n", math.inf, 64),
        ("200000 100000\n", 2.0, 2),
        ("250000 100000\n", 2.5, 2),
        ("10000 100000\n", 0.1, 2),
        ("9900000 100000\n", 99.0, 64),
    ],
)
def test_a_cpu_quota_feeds_so_many_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, told: float | None, cores: int
) -> None:
    """Of 64."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)))
    put(tmp_path, "sys/fs/cgroup/cpu.max", quota)
    assert (cpu_quota(tmp_path), cores_at_once(tmp_path)) == (told, cores)


def test_a_system_that_does_not_tell_the_cpus_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As macOS, whose Python lacks the function."""
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    with pytest.raises(FailedError, match=r"^Darwin doesn't tell a process's CPUs: measure on Linux; .*"):
        usable_cores()


def put(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_first_gpu_and_its_driver_are_named(nvidia_smi: Path) -> None:
    nvidia_smi.write_text("#!/bin/sh\necho 'NVIDIA H100 80GB HBM3, 550.54.15'\necho 'another, 1'\n")
    machine = this_machine()
    assert (machine.gpu, machine.gpu_driver) == ("NVIDIA H100 80GB HBM3", "550.54.15")


@pytest.mark.parametrize(
    "script", ["#!/bin/sh\nexit 9\n", "#!/bin/sh\n", "no program"], ids=["fails", "says nothing", "can't be run"]
)
def test_a_tool_that_finds_no_gpu_means_none(nvidia_smi: Path, script: str) -> None:
    nvidia_smi.write_text(script)
    machine = this_machine()
    assert (machine.gpu, machine.gpu_driver) == ("", "")


def libc() -> str:
    """Returns the path of the C library, which every process has loaded."""
    return next(line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "/libc" in line)


def test_what_the_linker_has_loaded_is_preloaded_by_its_name_or_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    require_preloaded()
    for value in ("", "libc.so.6", f"{libc()} :libc.so.6", f"$ORIGIN/none.so:{libc()}"):
        monkeypatch.setenv("LD_PRELOAD", value)
        require_preloaded()


def test_a_library_that_the_linker_went_without_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that isn't there, that is no library, and that is there but isn't loaded."""
    (tmp_path / "text.so").write_text("none")
    shutil.copy(libc(), tmp_path / "other.so")
    for name in ("libnone.so.2", str(tmp_path / "none.so"), str(tmp_path / "text.so"), str(tmp_path / "other.so")):
        monkeypatch.setenv("LD_PRELOAD", f"libc.so.6:{name}")
        with pytest.raises(PreloadError, match=f"^{name} of LD_PRELOAD is not loaded: name a library"):
            require_preloaded()
