"""A run with its verdict: what every report is made of, whether the run was held against baselines or against another environment."""

import dataclasses
import statistics
from collections.abc import Mapping

from bench.judge.types import Verdict
from bench.record.paired import CANDIDATE, REFERENCE, PairedRun
from bench.record.profile import Profile
from bench.record.types import Baseline, Environment, Record, Run


@dataclasses.dataclass(frozen=True)
class Judged:
    """A run, what the judge found, and what it was held against: baselines by Subject.name, none for a paired run."""

    run: Run | PairedRun
    verdict: Verdict
    baselines: Mapping[str, Baseline] = dataclasses.field(default_factory=dict)
    window_start: Mapping[str, float] = dataclasses.field(default_factory=dict)  # Margins.window_start, by configuration
    profiles: tuple[Profile, Profile] | None = None  # of the reference and the candidate: they explain, and judge nothing


@dataclasses.dataclass(frozen=True)
class Measured:
    """A launch of one side; a run that has no reference of its own is all candidate."""

    side: str  # REFERENCE or CANDIDATE
    launch: int  # from 0
    record: Record
    block_seconds: tuple[float, ...]  # wall seconds a step: of each steady step, or of each block of a paired run

    @property
    def percentiles_ms(self) -> list[float]:
        """The 5th, 25th, 50th, 75th and 95th percentile in milliseconds; none of fewer than two."""
        if len(self.block_seconds) < 2:
            return []
        cuts = statistics.quantiles(self.block_seconds, n=100, method="inclusive")
        return [1000 * cuts[percent - 1] for percent in (5, 25, 50, 75, 95)]


def measured(run: Run | PairedRun) -> list[Measured]:
    """Every launch that was timed or trained, in order; of a pair the reference first."""
    if isinstance(run, Run):
        return [Measured(CANDIDATE, record.launch, record, record.step_seconds) for record in run.records]
    found = []
    for pair in run.pairs:
        for side, letter, record in ((REFERENCE, "A", pair.reference), (CANDIDATE, "B", pair.candidate)):
            blocks = [s for quad in pair.steps for role, s in zip(quad.order, quad.seconds, strict=True) if role == letter]
            found.append(Measured(side, pair.launch, record, tuple(blocks)))
    return found


def by_subject(launches: list[Measured]) -> dict[str, list[Measured]]:
    """Launches by what they measured (Subject.name), in the order of their first."""
    groups: dict[str, list[Measured]] = {}
    for launch in launches:
        groups.setdefault(launch.record.subject.name, []).append(launch)
    return groups


def records(run: Run | PairedRun) -> list[Record]:
    """Every record, those of the launches held against the oracle included."""
    return [launch.record for launch in measured(run)] + (list(run.oracle) if isinstance(run, PairedRun) else [])


def environment(run: Run | PairedRun, side: str) -> Environment | None:
    """The first environment that a side's launches told, or its part in lockstep; None if none did."""
    found = [launch.record.environment for launch in measured(run) if launch.side == side]
    if isinstance(run, PairedRun):
        found += [record.environment for name, record in zip((REFERENCE, CANDIDATE), run.oracle, strict=False) if name == side]
        if run.lockstep:
            found.append(run.lockstep.reference if side == REFERENCE else run.lockstep.candidate)
    return next((environment for environment in found if environment), None)
