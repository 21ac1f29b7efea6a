"""The ledger: how fast every accepted TensorFlow was, as a ratio to the reference of its time, and which regressions
are accepted.

Ratios are logarithms, candidate/reference: above 0 is slower or larger. They travel between machines where seconds
don't.
"""

import dataclasses

from bench.record.codec import Amount, Count, Logarithm


@dataclasses.dataclass(frozen=True)
class Ratio:
    """One metric of one subject, as a paired run measured it."""

    subject: str  # Subject.name, or a micro-benchmark's
    metric: str
    estimate: Logarithm  # logarithm, candidate/reference
    # Of the estimate, by the launches' deviation alone: bench.judge.ledger.ratio_interval widens it. 0 where the
    # TensorFlow is the reference.
    standard_error: Amount
    launches: Count  # that it rests on; 0 where the TensorFlow is the reference
    fingerprint: str = ""  # Subject.fingerprint of an own model; "" of others, and where it was made before it was kept


@dataclasses.dataclass(frozen=True)
class Entry:
    """A TensorFlow that was accepted, or to which the reference was moved."""

    created: str  # ISO 8601, UTC: of the run that measured it
    tensorflow: str
    environment: str  # Side.setup of what was accepted
    reference: str  # Side.setup of the reference that it was measured against
    machine: str  # Machine.fingerprint of the host that it was measured on
    host: str  # the same for people: "AMD EPYC, 2 cores"; "" where the report doesn't tell
    reason: str
    ratios: tuple[Ratio, ...]
    becomes_reference: bool = False  # later entries are measured against this one's environment
    reference_tensorflow: str = ""  # its version; "" in entries that were made before it was kept


@dataclasses.dataclass(frozen=True)
class AcceptedRegression:
    """A regression that verdicts name and let pass until a date."""

    subject: str
    metric: str
    # Largest difference that is accepted, relative to the ratio accepted last, or of words/s to the stored range: 0.08
    # is 8%. None for what is compared exactly, and for memory growth.
    limit: Amount | None
    reason: str
    link: str
    expires: str  # ISO 8601 date: the last day on which it holds, compared with the report's own date
    fingerprint: str = ""  # as a Ratio's


@dataclasses.dataclass(frozen=True)
class Ledger:
    """The whole file, in the order of acceptance."""

    schema: int
    entries: tuple[Entry, ...]
    regressions: tuple[AcceptedRegression, ...] = ()
