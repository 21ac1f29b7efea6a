"""A gate's report: what the candidate computed, and how fast it was in turn with the pinned reference."""

import dataclasses

from bench.record.codec import Amount
from bench.record.paired import PairedRun, Side
from bench.record.types import Record, Run


@dataclasses.dataclass(frozen=True)
class GateRun:
    """Everything that one gate measured, which is all that its verdict needs apart from the baselines."""

    schema: int
    created: str  # ISO 8601, UTC; dates in the ledger are compared with it
    command: tuple[str, ...]
    candidate: Side
    numbers: Run  # the candidate alone: checked against the oracle, and trained for its perplexity
    speed: tuple[PairedRun, ...]  # of each configuration whose speed was measured, reference and candidate in turn
    speed_problem: str = ""  # why speed was asked for and not measured; "" where it was measured or not asked for
    gate_stored: bool = False  # words/s gate by the baselines' stored range, as on a dedicated runner
    warnings: tuple[str, ...] = ()
    phase_seconds: dict[str, Amount] = dataclasses.field(default_factory=dict)  # wall time of each phase

    @property
    def records(self) -> list[Record]:
        """Returns the records of all launches, those of the candidate alone first."""
        return [*self.numbers.records, *(record for run in self.speed for record in run.records)]
