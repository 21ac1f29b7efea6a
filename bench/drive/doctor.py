"""Looks for conditions of this machine that would disturb a measurement, as far as Linux tells."""

import dataclasses
import math
import time
from pathlib import Path

from bench.drive.environments import PYTHON_OF_LOCKS
from bench.drive.watch import CpuWatch
from bench.machine import affinity, cpu_quota, system_text, usable_cores

LOAD_LIMIT = 0.5  # processes, on any number of CPUs: an operation on all of them waits for one that is taken
STEAL_LIMIT = 0.01  # part of CPU time that the hypervisor gave to others
STEADY_GOVERNORS = ("performance", "userspace")  # under any other the clock follows the load
SAMPLE_SECONDS = 1.0


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing looked at: what was found, and whether it disturbs ("" if not)."""

    name: str
    found: str
    disturbance: str = ""


def examine(root: Path = Path("/")) -> tuple[Finding, ...]:
    """Looks at load, steal time, CPU quota, frequency governor and swap; `root` stands before /proc and /sys."""
    watch = CpuWatch(root)
    time.sleep(SAMPLE_SECONDS)
    stolen = watch.stolen()
    return (_load(watch.others(), stolen), _steal(stolen), _quota(root), _governor(root), _swap(root))


def disturbances(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """Returns the findings that disturb, a line each."""
    return tuple(finding.disturbance for finding in findings if finding.disturbance)


def python_finding(version: str) -> Finding:
    """Returns the Python of an environment, next to the reference's."""
    minor = ".".join(version.split(".")[:2])
    said = f"Python is {minor} and the reference's is {PYTHON_OF_LOCKS}: this may explain a difference"
    return Finding("Python", version, said if minor != PYTHON_OF_LOCKS else "")


def _load(others: float | None, stolen: float | None) -> Finding:
    """Returns the CPU time that other processes used just now.

    The load average would tell of our own that have ended, too.
    """
    if others is None:
        return Finding("load", "not known")
    load = max(others - (stolen or 0.0), 0.0) * usable_cores()
    said = f"background load of {load:.1f} processes: stop them, or expect wider intervals"
    return Finding("load", f"{load:.1f} processes", said if load > LOAD_LIMIT else "")


def _steal(stolen: float | None) -> Finding:
    if stolen is None:
        return Finding("steal time", "not known")
    said = f"{stolen:.1%} of the CPU goes to other machines on this host"
    return Finding("steal time", f"{stolen:.1%}", said if stolen > STEAL_LIMIT else "")


def _quota(root: Path) -> Finding:
    cores = cpu_quota(root)
    if cores is None or cores == math.inf:
        return Finding("CPU quota", "none" if cores else "not known")
    said = f"CPU quota of {cores:.2f} of {usable_cores()} cores: give whole cores instead, or expect outlier steps"
    return Finding("CPU quota", f"{cores:.2f} cores", said if cores < usable_cores() else "")


def _governor(root: Path) -> Finding:
    folders = (root / f"sys/devices/system/cpu/cpu{number}/cpufreq" for number in affinity())
    told = dict.fromkeys(system_text(folder / "scaling_governor").strip() for folder in folders)
    governors = [governor for governor in told if governor]
    saving = ", ".join(governor for governor in governors if governor not in STEADY_GOVERNORS)
    return Finding(
        "frequency governor",
        ", ".join(governors) or "not known, as on most virtual machines",
        f"frequency governor {saving}: the clock follows the load; set it to performance" if saving else "",
    )


def _swap(root: Path) -> Finding:
    sizes = dict(line.split(":", 1) for line in system_text(root / "proc/meminfo").splitlines() if ":" in line)
    if "SwapTotal" not in sizes:
        return Finding("swap", "not known")
    used = (int(sizes["SwapTotal"].split()[0]) - int(sizes["SwapFree"].split()[0])) // 1024
    said = f"{used} MiB are swapped out: free memory, or expect outlier steps"
    return Finding("swap", f"{used} MiB used", said if used else "")
