"""Time by type of operation, or by layer: rows that add up to a step."""

import dataclasses
import statistics
from collections import defaultdict
from collections.abc import Callable

from bench.profile.timeline import Cell, Timeline, steady
from bench.record.profile import Operation, Profile

Key = Callable[[Operation], str]


@dataclasses.dataclass(frozen=True)
class Row:
    """The time of a group of operations in a step, on average over the steps that count."""

    name: str
    seconds: float  # their part of the step
    thread_seconds: float  # summed over threads and streams
    calls: float
    flops_per_second: float | None  # of their matrix products, over those' part of the step; None where not known


def table(times: Timeline, key: Key) -> list[Row]:
    """Returns a row for each value of `key`, the slowest first; then the rest of the step: executor, Python, idle."""
    groups = defaultdict(list)
    for cell in times.cells:
        groups[key(cell.operation)].append(cell)
    rows = sorted(
        (_row(name, cells, times.steps) for name, cells in groups.items()), key=lambda row: (-row.seconds, row.name)
    )
    return rows + [Row(name, time / times.steps / 1e9, 0.0, 0.0, None) for name, time in times.rest_ns.items()]


def by_kind(operation: Operation) -> str:
    """Returns a key: the operation's type."""
    return operation.kind


def typical_seconds(step_seconds: tuple[float, ...]) -> float:
    """Returns the mean of the steady ones."""
    return statistics.fmean(steady(step_seconds))


def overhead(profile: Profile) -> float:
    """Returns what recording cost, as a part of the unprofiled step: 0.1 is 10%."""
    return typical_seconds(profile.profiled_seconds) / typical_seconds(profile.plain_seconds) - 1


def accounted(profile: Profile, times: Timeline) -> float:
    """Returns the rows' sum as a part of the profiled step's own wall time, measured outside the trace."""
    return times.window_ns / times.steps / 1e9 / typical_seconds(profile.profiled_seconds)


def device_idle(profile: Profile, times: Timeline) -> float | None:
    """Returns the part of the profiled step in which no stream of a device ran anything; None without a device."""
    streams = {line.name for line in profile.trace.lines if line.device}
    busy = sum(cell.shared_ns for cell in times.cells if cell.line in streams)
    return 1 - busy / times.window_ns if streams else None


def _row(name: str, cells: list[Cell], steps: int) -> Row:
    products = [cell for cell in cells if cell.operation.flops and cell.shared_ns]
    flops = sum(cell.operation.flops * cell.calls for cell in products)
    return Row(
        name,
        sum(cell.shared_ns for cell in cells) / steps / 1e9,
        sum(cell.thread_ns for cell in cells) / steps / 1e9,
        sum(cell.calls for cell in cells) / steps,
        flops / (sum(cell.shared_ns for cell in products) / 1e9) if products else None,
    )
