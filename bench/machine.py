"""This machine and its clock, as far as the operating system tells."""

import contextlib
import ctypes
import datetime
import math
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Collection
from pathlib import Path

from bench.record.failed import FailedError
from bench.record.types import Machine

EXTENSIONS = ("avx512f", "avx2", "avx", "sse4_2", "asimd")  # the widest first


class PreloadError(RuntimeError):
    """A library of LD_PRELOAD that this process goes without."""


def this_machine() -> Machine:
    """Returns the machine that this process runs on."""
    cpu = _cpu_info()
    flags = f"{cpu.get('flags', '')} {cpu.get('Features', '')}".split()
    extension = next((name for name in EXTENSIONS if name in flags), "")
    parts = [f"{name} {cpu[f'CPU {name}']}" for name in ("implementer", "variant", "part") if f"CPU {name}" in cpu]
    model = cpu.get("model name") or " ".join(parts) or platform.processor() or "unknown"  # ARM has no model name
    gpu, driver = _gpu()
    return Machine(
        cpu_model=" ".join(model.split()),
        cores=usable_cores(),
        isa=f"{platform.machine()} {extension}".strip(),
        memory_gib=round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
        gpu=gpu,
        gpu_driver=driver,
    )


def now() -> str:
    """Returns the time as records are dated: ISO 8601 to the second, UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def available_gib(root: Path = Path("/")) -> float:
    """Returns the memory that processes could get now, in GiB, of the machine and of the control groups around this
    process (see control_groups); infinity where the system doesn't tell. `root` stands before /proc and /sys.
    """
    lines = system_text(root / "proc/meminfo").splitlines()
    found = [int(line.split()[1]) / 2**20 for line in lines if line.startswith("MemAvailable:")]  # given in KiB
    for group in control_groups(root):
        most, used = (system_text(group / f"memory.{name}").strip() for name in ("max", "current"))
        if most.isdecimal() and used.isdecimal():  # not "max"
            counts = (line.split() for line in system_text(group / "memory.stat").splitlines())
            cached = sum(int(count) for name, count in counts if name in ("active_file", "inactive_file"))
            found.append((int(most) - int(used) + cached) / 2**30)  # files in memory make room, as in MemAvailable
    return min(found, default=math.inf)


def control_groups(root: Path) -> list[Path]:
    """Returns the folders of this process' control group and of those around it (version 2; a container sees its own as
    the outermost).
    """
    top, own = root / "sys/fs/cgroup", system_text(root / "proc/self/cgroup").splitlines()
    inner = top / next((line[3:] for line in own if line.startswith("0::")), "/").strip("/")
    return [inner, *(folder for folder in inner.parents if folder.is_relative_to(top))]


def cpu_quota(root: Path = Path("/")) -> float | None:
    """Returns the CPUs whose time the control groups around this process allow it; infinity without a limit, None where
    the system doesn't tell. `root` stands before /proc and /sys.
    """
    quotas = [system_text(group / "cpu.max").split() for group in control_groups(root)]
    limits = [int(quota[0]) / int(quota[1]) for quota in quotas if len(quota) == 2 and quota[0] != "max"]
    return min(limits, default=math.inf if any(quotas) else None)


def cores_at_once(root: Path = Path("/")) -> int:
    """Returns the number of cores that processes side by side have: those that this process may run on; under a CPU
    quota as many whole ones as it feeds, but at least two of them. `root` stands before /proc and /sys.
    """
    return int(min(usable_cores(), max(cpu_quota(root) or math.inf, 2)))


def system_text(path: Path) -> str:
    """Returns the text of a file of /proc or /sys; "" where there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def usable_cores() -> int:
    """Returns the number of cores that this process may run on."""
    return len(affinity())


def affinity() -> tuple[int, ...]:
    """Returns the numbers of the CPUs that this process may run on, sorted.

    Raises FailedError on a system that doesn't tell them: nothing can be measured there.
    """
    if not hasattr(os, "sched_getaffinity"):
        raise FailedError(
            f"{platform.system()} doesn't tell a process's CPUs: measure on Linux; check, report and show work here"
        )
    return tuple(sorted(os.sched_getaffinity(0)))


def pin(cores: Collection[int]) -> None:
    """Has every thread of this process run on these CPUs alone, those included that its libraries started.

    Raises OSError for CPUs that it may not run on.
    """
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(ProcessLookupError):  # a thread that has just ended
            os.sched_setaffinity(int(thread.name), cores)


def require_preloaded() -> None:
    """Raises PreloadError unless all of LD_PRELOAD is loaded. The dynamic linker goes on without what it can't load."""
    for name in re.findall("[^ :]+", os.environ.get("LD_PRELOAD", "")):
        try:
            if "ORIGIN" not in name:  # a folder of ours, where this process asks
                ctypes.CDLL(name, os.RTLD_NOLOAD)
        except OSError as error:
            raise PreloadError(
                f"{name} of LD_PRELOAD is not loaded: name a library that is there and of this machine's kind"
            ) from error


def _cpu_info() -> dict[str, str]:
    """Returns the first processor's block of /proc/cpuinfo; empty where there is none."""
    first = system_text(Path("/proc/cpuinfo")).split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
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
