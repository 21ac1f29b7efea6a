"""The execution fingerprint of a profiled target: what a call executes, and with what, but no times.

Two sides of one fingerprint that take unlike times differ by the host or by the layout in memory. It is read from what
a profile keeps: the graph and HLO as text, and what oneDNN says of one call (ONEDNN_VERBOSE).
"""

import dataclasses
import re
from collections import Counter
from collections.abc import Mapping

from bench.record.profile import Profile

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
SETTINGS = "settings"


@dataclasses.dataclass(frozen=True)
class Fingerprint:
    """Counts by name of each kind of thing, and settings by name; a kind that wasn't kept is empty."""

    counts: Mapping[str, Mapping[str, int]]  # by kind: graph operations, HLO operations, oneDNN primitives
    settings: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Difference:
    """A count or a setting that differs; None on a side that lacks it."""

    kind: str  # SETTINGS, or of what a count is
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
    return Fingerprint(counts, settings | said)


def differences(reference: Fingerprint, candidate: Fingerprint) -> tuple[Difference, ...]:
    """Returns what differs of the kinds that both sides have, the largest first of each kind; settings last."""
    found = []
    for kind in compared(reference, candidate):
        one, other = reference.counts[kind], candidate.counts[kind]
        names = sorted(one.keys() | other.keys(), key=lambda name: (-abs(other.get(name, 0) - one.get(name, 0)), name))
        found += [Difference(kind, name, one.get(name), other.get(name)) for name in names]
    shared = [name for name in reference.settings if name in candidate.settings]
    found += [Difference(SETTINGS, name, reference.settings[name], candidate.settings[name]) for name in shared]
    return tuple(one for one in found if one.reference != one.candidate)


def compared(reference: Fingerprint, candidate: Fingerprint) -> list[str]:
    """Returns the kinds of counts that both sides have."""
    return [kind for kind in reference.counts if reference.counts[kind] and candidate.counts[kind]]
