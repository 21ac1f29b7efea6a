"""TensorFlow's trace (XSpace) as a Trace: events by line, on one clock, with the operations that they belong to.

Planes: `/host:CPU` has a line a thread; `/device:GPU:0` a line a stream, whose events (kernels) name their operation in
the statistic `tf_op`. Other planes and a device's other lines say nothing new. Fields as in
tsl/profiler/protobuf/xplane.proto.
"""

import dataclasses
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bench.record.profile import INLINED, Line, Operation, PeakMemory, Trace

HOST, DEVICE, STREAM = "/host:CPU", "/device:", "Stream"
# An operation's event is `scope/name:Type`: TensorFlow's own rule, kTfOp in tsl/profiler/utils/tf_op_utils.cc.
OPERATION = re.compile(r"(?P<name>[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*):(?P<kind>[A-Z_][A-Za-z0-9_]*)")
ALLOCATED, FREED = "MemoryAllocation", "MemoryDeallocation"


@dataclasses.dataclass(frozen=True)
class _Event:
    """An event with its statistics by name."""

    name: str
    start_ns: int
    duration_ns: int
    statistics: Mapping[str, Any]

    @property
    def end_ns(self) -> int:
        return self.start_ns + self.duration_ns


@dataclasses.dataclass(frozen=True)
class _Line:
    """A thread of the host, or a stream of a device."""

    name: str
    device: bool
    events: list[_Event]


def trace_of(space: Any, window: str, flops: Mapping[str, int]) -> Trace:
    """Returns the trace of the events called `window` and of all events within them; an empty one without any.

    `flops`: of matrix products by the names of their nodes (lm.hot_paths.graphs.product_flops).
    """
    lines = list(_lines(space))
    windows = sorted((event.start_ns, event.end_ns) for line in lines for event in line.events if event.name == window)
    if not windows:
        return Trace((), (), (), ())
    start, end = windows[0][0], windows[-1][1]
    within = [
        dataclasses.replace(line, events=[one for one in line.events if one.start_ns < end and one.end_ns > start])
        for line in lines
    ]
    operations: dict[Operation, int] = {}
    made = [_line(line, window, start, flops, operations) for line in within]
    return Trace(
        tuple(operations),
        tuple(line for line in made if line.operations),
        tuple((first - start, last - start) for first, last in windows),
        tuple(peaks([event for line in within for event in line.events])),
    )


def _lines(space: Any) -> Iterator[_Line]:
    """Yields the host's threads and the devices' streams. Other planes and lines say nothing new."""
    for plane in space.planes:
        device = plane.name.startswith(DEVICE)
        for line in plane.lines:
            if plane.name == HOST or (device and line.name.startswith(STREAM)):
                yield _Line(f"{plane.name} {line.name}" if device else line.name, device, list(_events(plane, line)))


def _events(plane: Any, line: Any) -> Iterator[_Event]:
    """Yields a line's events on the trace's clock. Events that are mere counts have no time and are left out."""
    for event in line.events:
        if event.WhichOneof("data") == "num_occurrences":
            continue
        metadata = plane.event_metadata[event.metadata_id]
        statistics = {
            plane.stat_metadata[statistic.metadata_id].name: _value(plane, statistic)
            for statistic in (*metadata.stats, *event.stats)
        }
        yield _Event(metadata.name, line.timestamp_ns + event.offset_ps // 1000, event.duration_ps // 1000, statistics)


def _value(plane: Any, statistic: Any) -> Any:
    kind = statistic.WhichOneof("value")
    if kind == "ref_value":
        return plane.stat_metadata[statistic.ref_value].name
    return getattr(statistic, kind) if kind else None


def _line(line: _Line, window: str, zero: int, flops: Mapping[str, int], operations: dict[Operation, int]) -> Line:
    """Returns the line's events in order; `operations` numbers the operations that they belong to, and grows."""
    python = any(event.name == window for event in line.events)
    kept = []
    for event in sorted(line.events, key=lambda event: (event.start_ns, -event.duration_ns)):
        operation = _operation(event, line.device, flops)
        if event.name != window and event.duration_ns and operation is not None:
            kept.append((operations.setdefault(operation, len(operations)), event.start_ns - zero, event.duration_ns))
    places, starts, durations = (tuple(event[field] for event in kept) for field in range(3))
    return Line(line.name, line.device, python, places, starts, durations)


def _operation(event: _Event, device: bool, flops: Mapping[str, int]) -> Operation | None:
    """Returns the event's operation. On a device an event without one (a copy by the runtime) goes by its own name."""
    matched = OPERATION.fullmatch(str(event.statistics.get("tf_op", "")) if device else event.name)
    if matched is None:
        return Operation(event.name, event.name if device else "")
    name, kind = matched["name"], matched["kind"]
    if "MatMul" not in kind:
        return Operation(name, kind)
    return Operation(name, kind, flops.get(name) or flops.get(INLINED.sub("", name), 0))


def peaks(events: list[_Event]) -> Iterator[PeakMemory]:
    """Yields each allocator's contents at its peak, from the events of its allocations, if any were recorded."""
    by_allocator = defaultdict(list)
    for event in sorted(events, key=lambda event: event.start_ns):
        if event.name in (ALLOCATED, FREED):
            by_allocator[str(event.statistics.get("allocator_name", "allocator"))].append(event)
    for allocator, ordered in sorted(by_allocator.items()):
        fullest = max(range(len(ordered)), key=lambda place: int(ordered[place].statistics.get("bytes_allocated", 0)))
        held: dict[Any, tuple[str, int]] = {}
        for event in ordered[: fullest + 1]:
            address = event.statistics.get("addr")
            if event.name == FREED:
                held.pop(address, None)
            else:
                held[address] = (
                    str(event.statistics.get("tf_op") or "unknown"),
                    int(event.statistics.get("allocation_bytes", 0)),
                )
        yield PeakMemory(allocator, int(ordered[fullest].statistics.get("bytes_allocated", 0)), _summed(held.values()))


def _summed(parts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Returns the bytes by operation, the largest first."""
    bytes_of: dict[str, int] = defaultdict(int)
    for operation, size in parts:
        bytes_of[operation] += size
    return dict(sorted(bytes_of.items(), key=lambda item: (-item[1], item[0])))
