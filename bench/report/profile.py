"""Profiles and their comparison, as text and as plain data."""

import dataclasses
import difflib
import itertools
import re
from collections.abc import Sequence
from typing import Any

from bench.profile.compare import PartDifference, ProfileComparison, layer_of
from bench.profile.table import Row, accounted, by_kind, device_idle, overhead, table, typical_seconds
from bench.profile.timeline import IDLE, PYTHON, REST, Timeline, timeline
from bench.record.codec import to_plain
from bench.record.profile import PeakMemory, Profile, Traces
from bench.report.lines import one_line
from bench.report.tables import Cell, Table, differences
from bench.report.text import table_text
from bench.report.values import Count

TOP = 20  # rows of a table; the others are one row
MEMORY_TOP = 5
COLUMNS = ("ms", "share", "thread ms", "calls", "GFLOP/s", "roofline")
ACCOUNTED_WITHIN = 0.05  # of the step by the clock; the tests of bench.measure.profile hold the windows to the same
CAVEAT = (
    "Unprofiled steps of one process each, without the cost of recording: this shows where to look, and judges nothing."
)
WAY_ON = "how to go on is in docs/profile.md, 'When Python or idle is largest'"
NOT_IN_THE_GRAPH = f"What got slower most is {{part}}, which is not in the graph: {WAY_ON}."
# In HLO, dot.12 is the twelfth instruction: one more before it, and all others differ.
COUNTED = re.compile(r"(?<=[A-Za-z_-])\.\d+\b")


def profile_text(profile: Profile) -> str:
    """Returns where a step's time went by type of operation and by layer, and TensorFlow's retraces and memory."""
    times = timeline(profile.trace)
    tables = [_table(what, rows, profile.matmul_flops_per_second) for what, rows in _tables(profile, times).items()]
    return "\n".join([*heading(profile, times), "", *(line for text in tables for line in (text, "")), *notes(profile)])


def notes(profile: Profile) -> list[str]:
    """Returns lines on retraces and memory, and why there is no HLO."""
    memory = [line for peak in profile.trace.memory for line in _memory(peak)]
    found = [*_traces(profile.traces), *(memory or ["peak memory by operation: this TensorFlow doesn't record it"])]
    return found + ([f"no HLO: {one_line(profile.hlo_problem)}"] if profile.hlo_problem else [])


def sortable(profile: Profile, times: Timeline) -> list[Table]:
    """Returns every row, by type of operation and by layer, as tables whose columns can be sorted."""
    found = []
    for what, rows in _tables(profile, times).items():
        total = sum(row.seconds for row in rows)
        cells = tuple(_cells(row, total, profile.matmul_flops_per_second) for row in rows)
        found.append(Table(f"By {what}", (what, *COLUMNS), cells))
    return found


def profile_json(profile: Profile) -> dict[str, Any]:
    """Returns the tables as plain data, with every row."""
    times = timeline(profile.trace)
    return {
        "name": profile.name,
        "environment": to_plain(profile.environment),
        "plain_seconds": typical_seconds(profile.plain_seconds),
        "profiled_seconds": typical_seconds(profile.profiled_seconds),
        "tracing_overhead": overhead(profile),
        "accounted": accounted(profile, times),
        "device_idle": device_idle(profile, times),
        "matmul_flops_per_second": profile.matmul_flops_per_second,
        **{f"by_{what}": to_plain(rows) for what, rows in _tables(profile, times).items()},
        "traces": to_plain(profile.traces),
        "memory": to_plain(profile.trace.memory),
        "hlo_problem": profile.hlo_problem,
    }


def comparison_text(reference: Profile, candidate: Profile, found: ProfileComparison) -> str:
    """Returns the whole step in a sentence, then both tables, what got slower first."""
    lines = [one_line(comparison_heading(reference, candidate, found)), *caveats(found)]
    for each in differences(dataclasses.replace(found, by_kind=_ends(found.by_kind), by_layer=_ends(found.by_layer))):
        lines += ["", table_text(each.headers, each.texts, ("left", *["right"] * 5))]
    return "\n".join(lines)


def caveats(found: ProfileComparison) -> list[str]:
    """Returns what the rows can't tell, a line each."""
    worst = max(found.by_kind, key=lambda part: part.slower_seconds)
    beyond = worst.name in (PYTHON, IDLE) and worst.slower_seconds > 0
    return [CAVEAT, *([NOT_IN_THE_GRAPH.format(part=worst.name)] if beyond else [])]


def comparison_heading(reference: Profile, candidate: Profile, found: ProfileComparison) -> str:
    """Returns both sides' whole steps in a sentence, and their threads where these differ."""
    change = found.candidate_seconds / found.reference_seconds - 1
    times = f"{_ms(found.candidate_seconds)} ms a step instead of {_ms(found.reference_seconds)}, {change:+.1%}"
    one, other = reference.environment.threads, candidate.environment.threads
    threads = "" if one == other else f"; threads: {other} instead of {one}, which may explain any difference"
    return f"{candidate.name} against {reference.name}: {times}{threads}"


def comparison_json(reference: Profile, candidate: Profile, found: ProfileComparison) -> dict[str, Any]:
    """Returns the comparison as plain data, with every row."""
    return {"reference": reference.name, "candidate": candidate.name, **to_plain(found)}


def program_diff(reference: str, candidate: str, names: tuple[str, str]) -> str:
    """Returns a unified diff of two programs (graph or HLO) without HLO's running numbers; "" where they are alike."""
    before, after = (COUNTED.sub("", text).splitlines(True) for text in (reference, candidate))
    return "".join(difflib.unified_diff(before, after, *names))


def heading(profile: Profile, times: Timeline) -> list[str]:
    """Returns what was profiled, how long a step takes, and how far to trust the rows, a line each."""
    plain, profiled = typical_seconds(profile.plain_seconds), typical_seconds(profile.profiled_seconds)
    software = f"TensorFlow {profile.environment.tensorflow}, {Count(profile.environment.threads):thread}"
    part = accounted(profile, times)
    found = [
        one_line(f"{profile.target} of {profile.subject.name}, {software}"),
        f"{_ms(profiled)} ms a step under the profiler, {_ms(plain)} ms without: "
        f"tracing overhead {overhead(profile):+.1%}",
        f"{times.steps} of {len(profile.trace.windows_ns)} steps count, without the fastest and the slowest quarter; "
        f"the rows add up to {part:.1%} of the profiled step; "
        "operations that TensorFlow calls inexpensive are counted as the executor's",
    ]
    if times.rest_ns[PYTHON] + times.rest_ns[IDLE] > times.window_ns / 2:
        found.append(f"Python and idle are more than half of the step: {WAY_ON}")
    idle = device_idle(profile, times)
    if idle is not None:
        found.append(f"{profile.subject.device} is idle in {idle:.1%} of the profiled step")
    if abs(part - 1) > ACCOUNTED_WITHIN:
        found.append(
            f"WARNING: more than {ACCOUNTED_WITHIN:.0%} from 100%: the rows are wrong; profile again with more --steps"
        )
    return found


def _tables(profile: Profile, times: Timeline) -> dict[str, list[Row]]:
    return {"operation": table(times, by_kind), "layer": table(times, layer_of(profile))}


def _table(what: str, rows: list[Row], roofline: float) -> str:
    total = sum(row.seconds for row in rows)
    body, rest = rows[: -len(REST)], rows[-len(REST) :]
    others = [_together(body[TOP:])] if len(body) > TOP else []
    shown = [[cell.text for cell in _cells(row, total, roofline)] for row in (*body[:TOP], *others, *rest)]
    shown.append(["the step", _ms(total), "100.0%", _ms(sum(row.thread_seconds for row in rows)), "", "", ""])
    return table_text([what, *COLUMNS], shown, ("left", *["right"] * 6))


def _together(rows: Sequence[Row]) -> Row:
    """Returns one row for many."""
    seconds, thread_seconds, calls = (
        sum(getattr(row, field) for row in rows) for field in ("seconds", "thread_seconds", "calls")
    )
    return Row(f"{len(rows)} others", seconds, thread_seconds, calls, None)


def _cells(row: Row, total: float, roofline: float) -> tuple[Cell, ...]:
    """Returns a row's cells; blank ones of what it doesn't have."""
    own, rate = row.name not in REST, row.flops_per_second
    numbers = (
        (1000 * row.seconds, ".3f"),
        (row.seconds / total, ".1%"),
        (1000 * row.thread_seconds if own else None, ".3f"),
        (row.calls if own else None, ".1f"),
        (rate / 1e9 if rate else None, ".1f"),
        (rate / roofline if rate else None, ".0%"),
    )
    return (Cell(row.name), *(Cell("" if value is None else format(value, form), value) for value, form in numbers))


def _ends(rows: tuple[PartDifference, ...]) -> tuple[PartDifference, ...]:
    """Returns the rows that changed most, slower ones first."""
    if len(rows) <= TOP:
        return rows
    kept = sorted(rows, key=lambda row: -abs(row.slower_seconds))[:TOP]
    return tuple(row for row in rows if row in kept)


def _traces(traces: Traces) -> list[str]:
    if traces.count == 1:
        return ["traced once: no retraces"]
    pairs = itertools.pairwise(traces.signatures)
    reasons = [
        *(f"trace {number}: {_changes(one, other)}" for number, (one, other) in enumerate(pairs, 2)),
        *traces.messages,
    ]
    return [
        f"traced {traces.count} times, {traces.count - 1} more than needed:",
        *(f"  {one_line(reason)}" for reason in reasons),
    ]


def _changes(one: str, other: str) -> str:
    """Returns the differences of two signatures, word by word, and the second whole."""
    before, after = (re.findall(r"[\w.]+|\S", signature) for signature in (one, other))
    codes = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    changes = [f"{' '.join(before[i:j])} became {' '.join(after[k:m])}" for tag, i, j, k, m in codes if tag != "equal"]
    return f"{'; '.join(changes)}, in {other}" if changes else "the same as the one before, as TensorFlow prints it"


def _memory(peak: PeakMemory) -> list[str]:
    largest = list(peak.by_operation.items())[:MEMORY_TOP]
    return [
        one_line(f"peak memory of {peak.allocator}: {peak.bytes / 2**20:.1f} MiB; of these, allocated in these steps:"),
        *(f"  {size / 2**20:.1f} MiB by {one_line(operation)}" for operation, size in largest),
    ]


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.3f}"
