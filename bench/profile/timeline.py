"""Attributes each instant of a profiled step to the operations running then.

An instant is shared equally among the innermost operations that run, one a thread, so that the shares of a step add up
to the step, whatever the nesting and the number of threads. Where a device's streams run any, it is theirs: the host
only waits or prepares. What no operation takes belongs to the executor (TensorFlow's scheduling, and operations too
cheap to be recorded), to an eager operation or a trace that Python's thread is in, otherwise to Python, or to nobody.
"""

import dataclasses
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TypeVar

from bench.record.profile import Line, Operation, Trace

T = TypeVar("T")

EXECUTOR, PYTHON, IDLE = "executor", "Python", "idle"
REST = (EXECUTOR, PYTHON, IDLE)
# Operations that only wait for others, which have events of their own.
CONTAINERS = {
    "PartitionedCall",
    "StatefulPartitionedCall",
    "While",
    "StatelessWhile",
    "If",
    "StatelessIf",
    "Case",
    "StatelessCase",
}
# What Python's thread does outside the graph and has a row: an eager operation (functions, whose names begin with an
# underscore, are graphs), and tf.function's tracing.
OUTSIDE_GRAPH = re.compile(r"EagerLocalExecute: (?P<eager>[A-Za-z]\w*)|tf\.function-graph_building")
WAITING = "KernelAndDeviceFunc::Run"  # what Python's thread is in while a function's graph runs
OPERATION, OUTSIDE = "operation", "outside the graph"
ROLES = (OPERATION, EXECUTOR, OUTSIDE, WAITING, PYTHON)  # what an event says about its thread

Owner = tuple[int, int]  # the places of a line and of an operation


@dataclasses.dataclass(frozen=True)
class Cell:
    """The time of one operation on one line during the steps that count."""

    line: str
    operation: Operation
    shared_ns: float  # its part of the steps' time
    thread_ns: int  # its own time on the line, whatever ran concurrently
    calls: int


@dataclasses.dataclass(frozen=True)
class Timeline:
    """The steps that count: cells and rest add up to their time."""

    steps: int
    window_ns: int  # of all steps together
    cells: tuple[Cell, ...]
    rest_ns: dict[str, float]  # by EXECUTOR, PYTHON and IDLE
    rest_events: dict[str, int]  # recorded events of each


def timeline(trace: Trace) -> Timeline:
    """Returns the steady steps of a trace, shared out.

    A step is steady that is neither of the fastest nor of the slowest quarter.
    """
    shares = _Shares(trace)
    windows = steady([(end - start, start, end) for start, end in trace.windows_ns])
    for _, start, end in windows:
        shares.add(start, end)
    cells = [
        Cell(
            trace.lines[line].name,
            named(trace.operations[place]),
            shares.shared[line, place],
            shares.thread[line, place],
            shares.calls[line, place],  # none of what began before
        )
        for line, place in sorted({*shares.calls, *shares.thread})
    ]
    return Timeline(
        len(windows), sum(window[0] for window in windows), tuple(cells), dict(shares.rest), dict(shares.rest_events)
    )


def steady(values: Iterable[T]) -> list[T]:
    """Returns the values, which can be ordered, without the smallest and the largest quarter."""
    ordered: list[T] = sorted(values)  # type: ignore[type-var]
    dropped = len(ordered) // 4
    return ordered[dropped : len(ordered) - dropped]


class _Shares:
    """Sums over windows, by line and operation."""

    def __init__(self, trace: Trace) -> None:
        self._lines = trace.lines
        self._roles = {
            (number, place): role(line, trace.operations[place])
            for number, line in enumerate(trace.lines)
            for place in set(line.operations)
        }
        # The operations that run at an instant, by role and line, in the order in which they began.
        self._running: dict[str, list[list[int]]] = {role: [[] for _ in trace.lines] for role in ROLES}
        self.shared: dict[Owner, float] = defaultdict(float)
        self.thread: dict[Owner, int] = defaultdict(int)
        self.calls: dict[Owner, int] = defaultdict(int)
        self.rest: dict[str, float] = dict.fromkeys(REST, 0.0)
        self.rest_events: dict[str, int] = dict.fromkeys(REST, 0)

    def add(self, start: int, end: int) -> None:
        """Shares out one window."""
        now = start
        for moment, begins, line, event in sorted(self._changes(start, end)):
            self._give(moment - now)
            now = moment
            place = self._lines[line].operations[event]
            running = self._running[self._roles[line, place]][line]
            if not begins:
                running.remove(place)
                continue
            running.append(place)
            if self._lines[line].starts_ns[event] >= start:
                self._count((line, place))
        self._give(end - now)

    def _changes(self, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Returns (moment, 1 at a beginning and 0 at an end, line, event) of what happens in a window, cut to it."""
        for place, line in enumerate(self._lines):
            for event, (begin, duration) in enumerate(zip(line.starts_ns, line.durations_ns, strict=True)):
                if duration and begin < end and begin + duration > start:
                    yield max(begin, start), 1, place, event
                    yield min(begin + duration, end), 0, place, event

    def _count(self, owner: Owner) -> None:
        role = self._roles[owner]
        if role in (OPERATION, OUTSIDE):
            self.calls[owner] += 1
        else:
            self.rest_events[EXECUTOR if role == EXECUTOR else PYTHON] += 1

    def _innermost(self, role: str) -> list[Owner]:
        """Returns what began last on each line where anything of the role runs."""
        return [(line, places[-1]) for line, places in enumerate(self._running[role]) if places]

    def _give(self, duration: int) -> None:
        if not duration:
            return
        operations = self._innermost(OPERATION)
        for owner in operations:
            self.thread[owner] += duration
        if owners := [one for one in operations if self._lines[one[0]].device] or operations:
            for owner in owners:
                self.shared[owner] += duration / len(owners)
        elif self._innermost(EXECUTOR):
            self.rest[EXECUTOR] += duration
        elif outside := self._innermost(OUTSIDE):
            self.shared[outside[0]] += duration
            self.thread[outside[0]] += duration
        else:
            self.rest[IDLE if self._innermost(WAITING) else PYTHON] += duration


def named(operation: Operation) -> Operation:
    """Returns the operation, with a type if it is what Python's thread does outside the graph."""
    found = None if operation.kind else OUTSIDE_GRAPH.fullmatch(operation.name)
    if found is None:
        return operation
    return dataclasses.replace(operation, kind=f"eager {found['eager']}" if found["eager"] else operation.name)


def role(line: Line, operation: Operation) -> str:
    """Returns what an event says about its line: one of ROLES."""
    if operation.kind:
        return EXECUTOR if operation.kind in CONTAINERS else OPERATION
    if operation.name == WAITING:
        return WAITING
    if line.python and OUTSIDE_GRAPH.fullmatch(operation.name):
        return OUTSIDE
    return PYTHON if line.python and not operation.name.startswith("Executor") else EXECUTOR
