"""Two profiles, part by part: what got slower, the most first."""

import dataclasses
import re
from collections.abc import Sequence

from bench.profile.layers import layers
from bench.profile.overhead import without_overhead
from bench.profile.table import Key, Row, table, typical_seconds
from bench.profile.timeline import OUTSIDE, Timeline, timeline
from bench.record.profile import Operation, Profile

# In front of the types of kernels that oneDNN has: _MklMatMul does what MatMul does.
ONEDNN = re.compile(r"_Mkl(Native)?")


class UnlikeProfilesError(ValueError):
    """Profiles of different things."""


@dataclasses.dataclass(frozen=True)
class PartDifference:
    """One part of a step on both sides, recording's cost taken off. 0 where a side has no such part."""

    name: str
    reference_seconds: float
    candidate_seconds: float
    reference_calls: float
    candidate_calls: float

    @property
    def slower_seconds(self) -> float:
        """Returns how much longer the candidate takes."""
        return self.candidate_seconds - self.reference_seconds


@dataclasses.dataclass(frozen=True)
class ProfileComparison:
    """The whole step, then its parts by type of operation and by layer."""

    reference_seconds: float
    candidate_seconds: float
    by_kind: tuple[PartDifference, ...]
    by_layer: tuple[PartDifference, ...]


def compare(reference: Profile, candidate: Profile) -> ProfileComparison:
    """Compares two profiles; the parts of each table add up to the unprofiled steps.

    Raises UnlikeProfilesError.
    """
    for what, one, other in (
        ("workloads", reference.subject.workload, candidate.subject.workload),
        ("targets", reference.target, candidate.target),
        ("configurations", reference.subject.config, candidate.subject.config),
        ("corpora", reference.subject.corpus, candidate.subject.corpus),
        ("models or data", reference.subject.fingerprint, candidate.subject.fingerprint),
        ("devices", reference.subject.device, candidate.subject.device),
        ("machines", reference.machine.fingerprint(), candidate.machine.fingerprint()),
    ):
        if one != other:
            raise UnlikeProfilesError(
                f"the profiles can't be compared: their {what} are {one} and {other}; profile the same in both"
            )
    sides = (reference, candidate)
    seconds = [typical_seconds(side.plain_seconds) for side in sides]
    times = [without_overhead(timeline(side.trace), step) for side, step in zip(sides, seconds, strict=True)]
    return ProfileComparison(
        reference_seconds=seconds[0],
        candidate_seconds=seconds[1],
        by_kind=_differences(times, [_kind, _kind]),
        by_layer=_differences(times, [layer_of(side) for side in sides]),
    )


def layer_of(profile: Profile) -> Key:
    """Returns a key: the layer of the model that an operation of this profile belongs to."""
    by_name = layers([operation.name for operation in profile.trace.operations if operation.kind])
    return lambda operation: by_name.get(operation.name, OUTSIDE)


def _kind(operation: Operation) -> str:
    return ONEDNN.sub("", operation.kind)


def _differences(times: Sequence[Timeline], keys: Sequence[Key]) -> tuple[PartDifference, ...]:
    """Returns the parts of both sides, what got slower the most first."""
    one, other = ({row.name: row for row in table(*side)} for side in zip(times, keys, strict=True))
    found = []
    for name in {**one, **other}:
        old, new = (rows.get(name, Row(name, 0.0, 0.0, 0.0, None)) for rows in (one, other))
        found.append(PartDifference(name, old.seconds, new.seconds, old.calls, new.calls))
    return tuple(sorted(found, key=lambda difference: (-difference.slower_seconds, difference.name)))
