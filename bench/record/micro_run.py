"""A micro report: the sides of a comparison of hot paths. Its launches are pytest-benchmark files beside it."""

import dataclasses

from bench.record.codec import Count
from bench.record.paired import Side
from bench.record.types import Failure, Machine


@dataclasses.dataclass(frozen=True)
class MicroRun:
    """The sides that `tfgate micro` compared, where and when."""

    schema: int
    created: str  # ISO 8601, UTC
    command: tuple[str, ...]
    machine: Machine
    reference: Side
    candidate: Side
    failure: Failure | None  # of the candidate, in a launch that the reference finished, and again when it was repeated
    warnings: tuple[str, ...]
    incomplete: str = ""  # why launches are missing; "" where none is
    launches: Count = 12  # of each side, at most; so many in records that don't say
