"""A micro report: the sides of a comparison of hot paths. Its launches are pytest-benchmark files in the same folder."""

import dataclasses

from bench.record.paired import Side
from bench.record.types import INCOMPLETE, Failure, Machine


@dataclasses.dataclass(frozen=True)
class MicroRun:
    """What `tfgate micro` compared, where and when."""

    schema: int
    created: str  # ISO 8601, UTC
    command: tuple[str, ...]
    machine: Machine
    reference: Side
    candidate: Side
    failure: Failure | None  # of the candidate, in a launch that the reference finished, and again when it was repeated
    warnings: tuple[str, ...]

    @property
    def incomplete(self) -> tuple[str, ...]:
        """Returns the warnings that say that launches are missing."""
        return tuple(warning for warning in self.warnings if warning.startswith(INCOMPLETE))
