"""A profile's events for a trace viewer (chrome://tracing, Perfetto): JSON in the Trace Event Format.

Format: "Trace Event Format" by the Chromium project; times are microseconds.
"""

from collections.abc import Iterator
from typing import Any

from bench.record.profile import Profile

PROCESS = 1  # one process: its threads, and a device's streams


def chrome_trace(profile: Profile) -> dict[str, Any]:
    """Returns the whole file as plain data."""
    return {"displayTimeUnit": "ms", "traceEvents": [*_names(profile), *_steps(profile), *_events(profile)]}


def _names(profile: Profile) -> Iterator[dict[str, Any]]:
    yield {"ph": "M", "pid": PROCESS, "name": "process_name", "args": {"name": profile.name}}
    for thread, name in enumerate(("steps", *(line.name for line in profile.trace.lines))):
        yield {"ph": "M", "pid": PROCESS, "tid": thread, "name": "thread_name", "args": {"name": name}}


def _steps(profile: Profile) -> Iterator[dict[str, Any]]:
    for number, (start, end) in enumerate(profile.trace.windows_ns):
        yield _event(f"step {number}", "step", 0, start, end - start)


def _events(profile: Profile) -> Iterator[dict[str, Any]]:
    for thread, line in enumerate(profile.trace.lines, start=1):
        for place, start, duration in zip(line.operations, line.starts_ns, line.durations_ns, strict=True):
            operation = profile.trace.operations[place]
            event = _event(
                operation.kind or operation.name, "operation" if operation.kind else "runtime", thread, start, duration
            )
            yield {**event, "args": {"name": operation.name}} if operation.kind else event


def _event(name: str, category: str, thread: int, start_ns: int, duration_ns: int) -> dict[str, Any]:
    return {
        "ph": "X",
        "pid": PROCESS,
        "tid": thread,
        "cat": category,
        "name": name,
        "ts": start_ns / 1000,
        "dur": duration_ns / 1000,
    }
