"""Reasons for an outcome, or for doubting one: an enum whose members have parameters, one frozen dataclass each.

Numbers, names and messages of the measured software alone; bench.report.sentences turns each into English.
"""

import dataclasses
import re

from bench.judge.fields import Field
from bench.record.types import STEP


@dataclasses.dataclass(frozen=True)
class Reason:
    """The base of all."""

    @property
    def kind(self) -> str:
        """Returns its name in JSON: too_few_launches."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()


# Launches that were compared by a statistic.


@dataclasses.dataclass(frozen=True)
class Decided(Reason):
    """The comparison's interval against its margin made the outcome."""

    launches: int  # that it rests on
    accepted: float = 0.0  # what the ledger accepted last, from which the interval is measured, on the metric's scale
    across_hosts: bool = False  # the interval holds the deviation of a ratio from host to host
    two_environments: bool = False  # of replicates, so that launches hardly narrow the interval


@dataclasses.dataclass(frozen=True)
class TooFewLaunches(Reason):
    """The first look has not been reached."""

    launches: int
    needed: int


@dataclasses.dataclass(frozen=True)
class LaunchesLackIt(Reason):
    """Some launches did not tell the metric."""

    lacking: int
    launches: int


@dataclasses.dataclass(frozen=True)
class NoSpread(Reason):
    """All launches gave one value, so that their spread is unknown."""

    launches: int


@dataclasses.dataclass(frozen=True)
class NotANumber(Reason):
    """A launch's value is no finite number."""

    value: float


@dataclasses.dataclass(frozen=True)
class Identical(Reason):
    """Both sides were the same to the last bit in every launch."""

    launches: int


@dataclasses.dataclass(frozen=True)
class NotGated(Reason):
    """Nothing is decided by the metric."""

    difference: float  # mean of the launches, on the metric's scale; NaN where none tells


# Compared exactly.


@dataclasses.dataclass(frozen=True)
class OracleErrors(Reason):
    """Errors against the oracle: the first over its limit, or the nearest to it."""

    quantity: str
    tensor: str  # "" for a quantity without tensors
    step: int
    error: float
    limit: float
    over: int  # tensors over their limits, of all quantities
    checked: int  # steps; of a workload's cases, answers; of a user's own model, tensors
    source: str = STEP  # of bench.record.types.NumericError, as `case` is
    case: str = ""
    kinds: tuple[tuple[str, int], ...] = ()  # tensors by case; of a user's own model losses, gradients, updates


@dataclasses.dataclass(frozen=True)
class FileRefused(Reason):
    """A file that versions promise to read can't be read."""

    case: str  # whose it is, and its format: "given .keras"
    message: str  # by whom it was written, and what was raised


@dataclasses.dataclass(frozen=True)
class NotRepeated(Reason):
    """The same steps from the same start left another tensor in a process that read nothing between them."""

    tensor: str
    steps: int
    error: float  # normwise and relative


@dataclasses.dataclass(frozen=True)
class WeightsChanged(Reason):
    """Evaluation changed the weights."""

    launch: int  # from 0


@dataclasses.dataclass(frozen=True)
class NoOracleStep(Reason):
    """No step was checked against the oracle."""


@dataclasses.dataclass(frozen=True)
class NotComparable(Reason):
    """The numbers of a user's own model could not be compared."""

    why: str  # of bench.record.types.Unchecked
    detail: str


@dataclasses.dataclass(frozen=True)
class MostlyOpen(Reason):
    """More tensors of a user's own model were left open than could be compared."""

    left_open: int
    compared: int
    not_finite: int = 0  # of those left open; float32 leaves the others open


@dataclasses.dataclass(frozen=True)
class ReferenceDeparts(Reason):
    """The reference departs from the oracle as well: nobody can say who is right."""

    candidate: Reason
    reference: Reason


@dataclasses.dataclass(frozen=True)
class DepartAlike(Reason):
    """Both sides depart from the oracle in the same answers, which are the same on both."""

    candidate: Reason
    apart: float  # the answers of the two sides, normwise and relative: those nearest to their limit


@dataclasses.dataclass(frozen=True)
class DepartApart(Reason):
    """Both sides depart from the oracle in an answer, and from each other."""

    candidate: Reason
    reference: Reason
    apart: float


@dataclasses.dataclass(frozen=True)
class Retraces(Reason):
    """The comparison's values count how often the step was traced again."""


@dataclasses.dataclass(frozen=True)
class GraphChanges(Reason):
    """Operations of the step's graph, by type, those that changed most first."""

    changes: tuple[tuple[str, int], ...]  # (type, candidate − reference)


@dataclasses.dataclass(frozen=True)
class CandidateFailed(Reason):
    """The candidate failed where the reference runs."""

    launch: int | None  # from 0; None: the one checked against the oracle, or one of a gate's numbers
    message: str


@dataclasses.dataclass(frozen=True)
class FailsSometimes(Reason):
    """The candidate failed in more launches than the reference, though each ran when it was repeated."""

    failed: int  # launches in which the candidate failed
    reference: int  # launches in which the reference did
    launches: int
    message: str  # of the candidate's last


@dataclasses.dataclass(frozen=True)
class NotCompiled(Reason):
    """XLA can't compile a side's graph."""

    sides: tuple[str, ...]  # whose graph it can't compile: reference, candidate
    alone: bool  # it compiles the other side's
    message: str  # of the last of them


@dataclasses.dataclass(frozen=True)
class Diverged(Reason):
    """The candidate's training diverged."""

    message: str


# Lockstep.


@dataclasses.dataclass(frozen=True)
class LockstepAgrees(Reason):
    """All tensors of all steps are within their limits."""

    steps: int
    tensors: int
    nearest: str  # the tensor that came nearest to its limit; "" where all are equal to the last bit
    nearest_step: int


@dataclasses.dataclass(frozen=True)
class LockstepDeparts(Reason):
    """A tensor left its limit."""

    tensor: str
    step: int
    others: int  # tensors that left theirs at the same step
    right: str  # the side that the oracle sides with: reference or candidate; "" for neither
    reference_error: float  # from the float64 oracle, normwise and relative
    candidate_error: float


@dataclasses.dataclass(frozen=True)
class LockstepFailed(Reason):
    """The candidate failed in lockstep where the reference runs."""

    step: int | None  # None: before the first
    message: str


@dataclasses.dataclass(frozen=True)
class UnlikeFingerprints(Reason):
    """The sides of a lockstep comparison have unlike corpora or initial weights."""

    reference: str
    candidate: str


@dataclasses.dataclass(frozen=True)
class ReferenceDiverged(Reason):
    """The reference's loss is not finite."""

    loss: float
    step: int


@dataclasses.dataclass(frozen=True)
class LockstepUnfinished(Reason):
    """Fewer steps were compared than were asked for."""

    done: int
    steps: int


# Perplexity against replicates.


@dataclasses.dataclass(frozen=True)
class NoBaseline(Reason):
    """There is no baseline of the subject."""


@dataclasses.dataclass(frozen=True)
class UnlikeBaseline(Reason):
    """The baseline is of another subject."""

    fields: tuple[Field, ...]  # one: the baseline's; other: the run's


@dataclasses.dataclass(frozen=True)
class NoMargin(Reason):
    """The margins file has no margin of the metric."""

    subject: str  # configuration, or Subject.name


@dataclasses.dataclass(frozen=True)
class SameTrainings(Reason):
    """Every training is one of the baseline's, bit for bit."""

    trainings: int


@dataclasses.dataclass(frozen=True)
class TooFewReplicates(Reason):
    """The baseline holds too few trainings to tell a spread."""

    trainings: int


@dataclasses.dataclass(frozen=True)
class OneEnvironment(Reason):
    """The baseline's one environment can't tell how environments differ."""


# Words a second.


@dataclasses.dataclass(frozen=True)
class NoStoredSpeed(Reason):
    """The baseline has no words a second of this model, data and machine that were measured alike."""


@dataclasses.dataclass(frozen=True)
class Disturbed(Reason):
    """Other processes used the CPU beside every launch, so that none tells words a second."""

    launches: int


@dataclasses.dataclass(frozen=True)
class StoredRange(Reason):
    """The range of the stored launches on this machine."""

    place: str  # of the candidate: below, within or above
    low: float  # words a second
    high: float
    launches: int
    first_day: str  # ISO 8601
    last_day: str


# Gates, reports and the ledger.


@dataclasses.dataclass(frozen=True)
class SpeedNotMeasured(Reason):
    """Speed was asked for and could not be measured."""

    message: str


@dataclasses.dataclass(frozen=True)
class Accepted(Reason):
    """A REGRESSION that the ledger accepts."""

    expires: str  # ISO 8601 date, the last day
    why: str
    link: str
    regression: Reason


@dataclasses.dataclass(frozen=True)
class NotTimed(Reason):
    """A report lacks the subject."""

    side: str  # reference or candidate
    subjects: tuple[str, ...]  # that it timed
    message: str  # why it timed none; "" if it does not say


@dataclasses.dataclass(frozen=True)
class UnlikeReferences(Reason):
    """Two reports' ratios are to unlike references."""

    reference: str
    candidate: str


@dataclasses.dataclass(frozen=True)
class UnlikeReports(Reason):
    """Two reports are of unlike subjects."""

    fields: tuple[Field, ...]  # one: the reference report's; other: the candidate report's


FAILED = (CandidateFailed, LockstepFailed, NotCompiled)  # of a process, or of a graph's compilation
