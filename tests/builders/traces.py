"""Traces and profiles made of numbers, for the tests of bench.profile and of its reports."""

import dataclasses
from collections.abc import Mapping, Sequence

from bench.record.profile import Line, Operation, PeakMemory, Profile, Trace, Traces
from bench.record.types import SCHEMA
from tests.builders.records import MACHINE, TINY, environment

Happened = tuple[str, int, int]  # "scope/name:Type", or what the runtime did; start and end


def trace(
    lines: Mapping[str, Sequence[Happened]],
    windows: Sequence[tuple[int, int]],
    flops: Mapping[str, int] | None = None,
    memory: Sequence[PeakMemory] = (),
) -> Trace:
    """Lines by name: `python` is the thread that calls the steps, `/device:…` are streams.

    `flops` by operations' names.
    """
    operations: dict[Operation, int] = {}
    made = []
    for line, events in lines.items():
        places = []
        for event, _, _ in events:
            name, _, kind = event.partition(":") if "::" not in event and ": " not in event else (event, "", "")
            places.append(operations.setdefault(Operation(name, kind, (flops or {}).get(name, 0)), len(operations)))
        starts, ends = tuple(start for _, start, _ in events), [end for _, _, end in events]
        durations = tuple(end - start for start, end in zip(starts, ends, strict=True))
        made.append(Line(line, line.startswith("/device:"), line == "python", tuple(places), starts, durations))
    return Trace(tuple(operations), tuple(made), tuple(windows), tuple(memory))


def two_steps(lines: Mapping[str, Sequence[Happened]], step_ns: int, flops: Mapping[str, int] | None = None) -> Trace:
    """A step that takes so long, and the same step after it."""
    both = {
        line: [(event, start + later, end + later) for later in (0, step_ns) for event, start, end in events]
        for line, events in lines.items()
    }
    return trace(both, [(0, step_ns), (step_ns, 2 * step_ns)], flops)


def profile(of: Trace, plain_seconds: float, profiled_seconds: float | None = None, **changes: object) -> Profile:
    """Four equal steps; `changes` are fields of the profile."""
    start, end = of.windows_ns[0]
    made = Profile(
        schema=SCHEMA,
        created="2026-01-02T03:04:05+00:00",
        command=("tfgate", "profile"),
        subject=TINY,
        target="step",
        environment=environment(),
        machine=MACHINE,
        trace=of,
        plain_seconds=(plain_seconds,) * 4,
        profiled_seconds=((end - start) / 1e9 if profiled_seconds is None else profiled_seconds,) * 4,
        traces=Traces(1, ("(ids)",), ()),
        hlo_problem="",
        matmul_flops_per_second=100e9,
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]  # by name
