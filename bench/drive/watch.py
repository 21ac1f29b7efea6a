"""Measures how much of the machine's CPU others had while something was measured.

The load average tells of it too late, and steal time of other machines alone.
"""

import os
import resource
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.machine import affinity, usable_cores
from bench.record.types import disturbs


class CpuWatch:
    """Watches the CPUs that this process may run on, from its creation on. `root` stands before /proc."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._stat = root / "proc/stat"
        self._start = (_machine_ticks(self._stat), _own_seconds())

    def others(self) -> float | None:
        """Returns the part of the machine's CPU time that went to neither this process nor its ended children, steal
        included; None if not known.
        """
        (total_before, busy_before, _), own_before = self._start
        (total, busy, _), own = _machine_ticks(self._stat), _own_seconds()
        if total <= total_before:
            return None
        elsewhere = busy - busy_before - (own - own_before) * os.sysconf("SC_CLK_TCK")
        return max(elsewhere / (total - total_before), 0.0)

    def stolen(self) -> float | None:
        """Returns the part of the machine's CPU time that the hypervisor gave to others; None if not known."""
        (total_before, _, before), _ = self._start
        total, _, stolen = _machine_ticks(self._stat)
        return (stolen - before) / (total - total_before) if total > total_before else None


def warned(
    warnings: Sequence[str], before: Mapping[str, float | None], now: Mapping[str, float | None]
) -> tuple[str, ...]:
    """Returns a run's warnings with that of what others used in its launches now, in the place of that of the launches
    before. Keys are the launches' names.
    """
    was, line = _disturbance(before), _disturbance(now)
    return (*(one for one in warnings if one != was), *([line] if line else ()))


def _disturbance(others: Mapping[str, float | None]) -> str:
    """Returns a warning that names the launches during which others used much of the CPU; "" without any."""
    cores = usable_cores()
    much = {name: share * cores for name, share in others.items() if share is not None and disturbs(share, cores)}
    if not much:
        return ""
    where = next(iter(much)) if len(much) == 1 else f"{len(much)} of {len(others)} launches"
    used = f"{'' if len(much) == 1 else 'up to '}{max(much.values()):.2f}"
    return f"{where}: other processes used {used} of {cores} CPUs, which disturbs its speed"


def _machine_ticks(stat: Path) -> tuple[int, int, int]:
    """Returns (all, all but idle and waiting for disks, stolen) of our CPUs since boot, in clock ticks; zeros where
    /proc doesn't tell.
    """
    names = {f"cpu{number}" for number in affinity()}
    try:
        lines = [line.split() for line in stat.read_text(encoding="utf-8").splitlines()]
        own = [line for line in lines if line and line[0] in names]
        if len(own) < len(names):  # lxcfs shows a container's CPUs alone, counted from 0
            own = lines[:1]  # the sum of all
        fields = [[int(field) for field in line[1:9]] for line in own]
    except (OSError, ValueError):
        return 0, 0, 0
    busy = sum(sum(line) - sum(line[3:5]) for line in fields)
    return sum(map(sum, fields)), busy, sum(sum(line[7:]) for line in fields)


def _own_seconds() -> float:
    """Returns the CPU time of this process and of its children that have been waited for."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
