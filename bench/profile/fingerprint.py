"""The execution fingerprint of a profiled target: what a call executes, and with what, but no times.

Two sides of one fingerprint that take unlike times differ by the host or by the layout in memory. It is read from what
a profile keeps: the trace, the graph and HLO as text, and what oneDNN says of one call (ONEDNN_VERBOSE).
"""

import dataclasses
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from bench.record.profile import Profile, Trace

NODE = re.compile(r"^\s*\S+ = (\w+)\(", re.MULTILINE)  # name = Type(inputs) shapes
INSTRUCTION = re.compile(r"^\s+(?:ROOT )?%?\S+ = .*?\s([a-z][\w-]*)\(", re.MULTILINE)  # name = shape opcode(operands)
PRIMITIVE = re.compile(r"^onednn_verbose,.*?\bexec,cpu,([^,]*),([^,]*),", re.MULTILINE)  # kind, implementation
# Settings in oneDNN's and TensorFlow's words.
SAID = {
    "oneDNN": re.compile(r"^onednn_verbose,.*?info,oneDNN (v\S+)", re.MULTILINE),
    "oneDNN's instructions": re.compile(r"^onednn_verbose,.*?info,cpu,isa:(.*)", re.MULTILINE),
    "oneDNN's threads": re.compile(r"^onednn_verbose,.*?info,cpu,.*nthr:(\d+)", re.MULTILINE),
    "instructions that TensorFlow looks for": re.compile(r"following instructions: (.*?), in other", re.MULTILINE),
}
KERNELS, SETTINGS = "kernels", "settings"
RECORDED = "recorded"
# TensorFlow leaves out calls that it finds inexpensive: up to 8,000 cycles, some 3 µs (kOpIsExpensiveThresholdCycles).
# What takes this long on one side would have been recorded on the other, unless it runs three times as fast there.
SURELY_RECORDED_NS = 10_000


@dataclasses.dataclass(frozen=True)
class Fingerprint:
    """Counts by name of each kind of thing, kernels, and settings by name; a kind that wasn't kept is empty."""

    counts: Mapping[str, Mapping[str, int]]  # by kind: graph operations, HLO operations, oneDNN primitives
    kernels: Mapping[str, float]  # types of those that were recorded, each with the median nanoseconds of its calls
    settings: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Difference:
    """A count, a kernel or a setting that differs; None on a side that lacks it."""

    kind: str  # KERNELS, SETTINGS, or of what a count is
    name: str
    reference: int | str | None
    candidate: int | str | None


def fingerprint(profile: Profile, nodes: str, hlo: str, onednn: str) -> Fingerprint:
    """Returns a profile's fingerprint, from it and the texts next to it; "" of one that isn't there."""
    environment = profile.environment
    primitives = (" ".join(filter(None, found)) for found in PRIMITIVE.findall(onednn))
    counts = {
        "graph operations": Counter(NODE.findall(nodes)),
        "HLO operations": Counter(INSTRUCTION.findall(hlo)),
        "oneDNN primitives": Counter(primitives),
    }
    said = {name: found[1].strip() for name, pattern in SAID.items() if (found := pattern.search(onednn))}
    settings = {"threads": str(environment.threads), "oneDNN's kernels": "on" if environment.onednn else "off"}
    return Fingerprint(counts, _kernels(profile.trace), settings | said)


def differences(reference: Fingerprint, candidate: Fingerprint) -> tuple[Difference, ...]:
    """Returns what differs of the kinds that both sides have, the largest first of each kind; settings last."""
    found: list[Difference] = []
    for kind in compared(reference, candidate):
        if kind == KERNELS:
            found += _of_one_side(reference.kernels, candidate.kernels)
            continue
        one, other = reference.counts[kind], candidate.counts[kind]
        names = sorted(one.keys() | other.keys(), key=lambda name: (-abs(other.get(name, 0) - one.get(name, 0)), name))
        found += [Difference(kind, name, one.get(name), other.get(name)) for name in names]
    shared = [name for name in reference.settings if name in candidate.settings]
    found += [Difference(SETTINGS, name, reference.settings[name], candidate.settings[name]) for name in shared]
    return tuple(one for one in found if one.reference != one.candidate)


def compared(reference: Fingerprint, candidate: Fingerprint) -> list[str]:
    """Returns the kinds that both sides have, settings left out."""
    counted = [kind for kind in reference.counts if reference.counts[kind] and candidate.counts[kind]]
    return [*counted, KERNELS] if reference.kernels and candidate.kernels else counted


def _kernels(trace: Trace) -> dict[str, float]:
    """Returns the median nanoseconds of a recorded call, by the kernel's type."""
    calls: dict[str, list[int]] = defaultdict(list)
    for line in trace.lines:
        for place, duration in zip(line.operations, line.durations_ns, strict=True):
            if kind := trace.operations[place].kind:
                calls[kind].append(duration)
    return {kind: statistics.median(durations) for kind, durations in calls.items()}


def _of_one_side(reference: Mapping[str, float], candidate: Mapping[str, float]) -> Iterator[Difference]:
    """Yields the kernels that one side alone recorded, and not for being inexpensive."""
    for kind in sorted(reference.keys() ^ candidate.keys()):
        if max(reference.get(kind, 0.0), candidate.get(kind, 0.0)) >= SURELY_RECORDED_NS:
            one, other = (RECORDED if kind in side else None for side in (reference, candidate))
            yield Difference(KERNELS, kind, one, other)
