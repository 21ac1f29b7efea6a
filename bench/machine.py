"""This machine and its clock, as far as the operating system tells."""

import contextlib
import datetime
import math
import os
import platform
import shutil
import subprocess
from collections.abc import Collection
from pathlib import Path

from bench.record.types import Machine

EXTENSIONS = ("avx512f", "avx2", "avx", "sse4_2", "asimd")  # the widest first


def this_machine() -> Machine:
    """Returns the machine that this process runs on."""
    cpu = _cpu_info()
    flags = f"{cpu.get('flags', '')} {cpu.get('Features', '')}".split()
    extension = next((name for name in EXTENSIONS if name in flags), "")
    gpu, driver = _gpu()
    return Machine(
        cpu_model=" ".join(cpu.get("model name", platform.processor() or "unknown").split()),
        cores=usable_cores(),
        isa=f"{platform.machine()} {extension}".strip(),
        memory_gib=round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
        gpu=gpu,
        gpu_driver=driver,
    )


def now() -> str:
    """Returns the time as records are dated: ISO 8601 to the second, UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def available_gib() -> float:
    """Returns the memory that processes could get now, in GiB; infinity where the system doesn't tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return math.inf
    found = (int(line.split()[1]) / 2**20 for line in lines if line.startswith("MemAvailable:"))  # given in KiB
    return next(found, math.inf)


def usable_cores() -> int:
    """Returns the number of cores that this process may run on."""
    return len(affinity()) or os.cpu_count() or 1


def affinity() -> tuple[int, ...]:
    """Returns the numbers of the CPUs that this process may run on, sorted; none where the system doesn't tell."""
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


def pin(cores: Collection[int]) -> None:
    """Has every thread of this process run on these CPUs alone, those included that its libraries started.

    Raises OSError for CPUs that it may not run on.
    """
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(ProcessLookupError):  # a thread that has just ended
            os.sched_setaffinity(int(thread.name), cores)


def _cpu_info() -> dict[str, str]:
    """Returns the first processor's block of /proc/cpuinfo; empty where there is none."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _gpu() -> tuple[str, str]:
    """Returns the name and driver of the first NVIDIA GPU, or two empty strings."""
    tool = shutil.which("nvidia-smi")
    if not tool:
        return "", ""
    query = [tool, "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        lines = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return "", ""
    name, _, driver = lines[0].partition(",") if lines else ("", "", "")
    return name.strip(), driver.strip()
