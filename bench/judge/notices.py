"""Reasons for doubting a verdict as a whole: its warnings and failures. Those of comparisons are in reasons.py."""

import dataclasses

from bench.judge.fields import Field
from bench.judge.reasons import Reason


@dataclasses.dataclass(frozen=True)
class Told(Reason):
    """A warning that the run itself holds."""

    text: str


@dataclasses.dataclass(frozen=True)
class Incomplete(Reason):
    """Launches are missing: the measurement was interrupted, or could not go on."""

    message: str


@dataclasses.dataclass(frozen=True)
class OfReport(Reason):
    """One of two reports that are compared says so."""

    side: str  # reference or candidate
    said: Reason


@dataclasses.dataclass(frozen=True)
class NumbersNotMeasured(Reason):
    """A gate holds no launch that could tell its numbers."""


@dataclasses.dataclass(frozen=True)
class LaunchFailed(Reason):
    """A launch did not finish, and tells nothing of the candidate."""

    where: str  # Subject.name, "oracle" or "lockstep"; "" where there is one subject alone
    launch: int | None  # from 0; None where it has no number
    side: str  # reference or candidate; "" where the message names what failed
    message: str
    own_code: bool = False  # what failed there is a user's own file


@dataclasses.dataclass(frozen=True)
class FailedOnce(Reason):
    """A launch failed, and its repeat did not."""

    where: str  # subject; "" where there is one alone
    launch: int  # from 0
    side: str  # reference or candidate; "" of neither: the oracle failed, or the disk was full
    message: str


@dataclasses.dataclass(frozen=True)
class LeftOpen(Reason):
    """Tensors of a user's own model that were not compared."""

    subject: str
    tensors: tuple[str, ...]
    compared: int  # other tensors
    not_finite: int = 0  # of `tensors`; float32 leaves the others' values open


@dataclasses.dataclass(frozen=True)
class Unmoved(Reason):
    """No variable of a user's own model moved in the steps that were compared."""

    subject: str


@dataclasses.dataclass(frozen=True)
class BothDepart(Reason):
    """Answers that are the same on both sides, and not the oracle's."""

    subject: str
    tensors: tuple[str, ...]
    error: float  # the largest of the candidate's
    apart: float  # the sides' answers, at most


@dataclasses.dataclass(frozen=True)
class UnlikeEnvironments(Reason):
    """The sides differ in more than TensorFlow and its packages."""

    field: Field  # one: the reference's; other: the candidate's


@dataclasses.dataclass(frozen=True)
class NotAccepted(Reason):
    """A regression that the ledger accepts no longer, not of that size, or of another file."""

    subject: str
    metric: str
    limit: float | None  # that is accepted, a relative difference; None for what is compared exactly, and old words/s
    expires: str  # ISO 8601 date
    link: str
    ended: bool  # by the report's own date
    other_file: bool = False  # of an own model that has changed since, or has the same name


@dataclasses.dataclass(frozen=True)
class ForeignReference(Reason):
    """The reference of a gate or of micro is none of the ledger's, so that nothing that was accepted counts."""

    reference: str  # as it was asked for
    setup: str  # bench.record.paired.Side.setup


@dataclasses.dataclass(frozen=True)
class Unpromised(Reason):
    """Files that no version promises to read were refused, or give something else than what was written."""

    refused: tuple[tuple[str, str], ...]  # "given .keras", and by whom it was written and what was raised
    others: tuple[str, ...]  # tensors that are not what was written
    error: float  # the largest of them


@dataclasses.dataclass(frozen=True)
class MachineDrifted(Reason):
    """The reference's typical step changed much from launch to launch."""

    fastest_seconds: float
    fastest_launch: int  # from 0
    slowest_seconds: float
    slowest_launch: int


@dataclasses.dataclass(frozen=True)
class FewThreads(Reason):
    """TensorFlow had fewer threads than cores in launches that no core was pinned for."""

    threads: int
    cores: int


@dataclasses.dataclass(frozen=True)
class UnlikeSettings(Reason):
    """TensorFlow ran with unlike settings on the two sides."""

    reference: str
    candidate: str


@dataclasses.dataclass(frozen=True)
class NothingGates(Reason):
    """None of the benchmarks gates."""

    gating: tuple[str, ...]  # targets that do


@dataclasses.dataclass(frozen=True)
class UnlikePlaces(Reason):
    """Two reports come from unlike machines or settings."""

    subject: str
    fields: tuple[Field, ...]
    between_hosts: float  # standard deviation of a ratio from host to host, as a fraction; 0 on machines that are alike


@dataclasses.dataclass(frozen=True)
class NumbersNotCompared(Reason):
    """Comparing reports compares ratios of speed and memory alone."""
