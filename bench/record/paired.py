"""The record of a paired comparison: reference and candidate alive at once, in blocks taken in turn.

A launch is a pair of fresh processes. Its quads are four blocks each, in the order ABBA or BAAB (A the reference, B the
candidate), so that a drift of the machine cancels within a quad and a role's place cancels between two.
"""

import dataclasses
import hashlib
import math

from bench.record.codec import Amount, Count, Finite
from bench.record.lockstep import Lockstep
from bench.record.types import Failure, Record

REFERENCE, CANDIDATE = "reference", "candidate"
ALL_CORES, ONE_CORE = "all cores", "one core"  # kinds of launches
ABBA, BAAB = "ABBA", "BAAB"
LETTERS = {"A": REFERENCE, "B": CANDIDATE}


@dataclasses.dataclass(frozen=True)
class Package:
    """A distribution installed in an environment."""

    name: str
    version: str
    hashes: tuple[str, ...] = ()  # "sha256:…" of the files that the lock admits; none for what was found installed


@dataclasses.dataclass(frozen=True)
class Side:
    """One side of a comparison: what was asked for, and what was installed for it."""

    requested: str  # a version, requirement text, a wheel file or an interpreter's path, as the user gave it
    interpreter: str
    variables: dict[str, str]  # environment variables that its processes get
    # Date and time up to which the package index was read; "" for an interpreter, and an index without upload times.
    as_of: str = ""
    packages: tuple[Package, ...] = ()

    @property
    def is_built(self) -> bool:
        """Tells whether it was built: an interpreter that was there has no moment of an index, and no hashes."""
        return bool(self.as_of) or any(package.hashes for package in self.packages)

    @property
    def identity(self) -> str:
        """Returns twelve hexadecimal digits of its packages and versions."""
        return dataclasses.replace(self, variables={}).setup

    @property
    def setup(self) -> str:
        """Returns twelve hexadecimal digits of its packages, versions and variables, `identity` where there are no
        variables: ratios to references of equal setups can be compared.
        """
        lines = sorted(f"{package.name}=={package.version}" for package in self.packages)
        lines += sorted(f"{name}={value}" for name, value in self.variables.items())
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def other_builds(one: Side, other: Side) -> list[Package]:
    """Returns the packages of `other` of which `one` has another build of the same version: it has no file in common.

    An index may have gained files of a version, and of what was found installed no file is known.
    """
    known = {(package.name, package.version): package.hashes for package in one.packages}
    hashes = ((package, known.get((package.name, package.version), ())) for package in other.packages)
    return [package for package, had in hashes if had and package.hashes and set(had).isdisjoint(package.hashes)]


@dataclasses.dataclass(frozen=True)
class Quad:
    """Four blocks in the order of `order`.

    A block's value is the mean over its timed steps; those dropped after a switch don't count.
    """

    order: str  # ABBA or BAAB
    seconds: tuple[Amount, ...]  # wall seconds a step, by block
    cpu_seconds: tuple[Amount, ...]  # CPU seconds a step, all threads of the process, by block

    def of(self, side: str) -> list[float]:
        """Returns wall seconds a step of one side's blocks."""
        return [one for letter, one in zip(self.order, self.seconds, strict=True) if LETTERS.get(letter) == side]

    def log_ratio(self) -> float:
        """Returns the mean log seconds of the candidate's two blocks less those of the reference's: above 0 is slower.

        Raises ValueError for another order than ABBA and BAAB, for more or fewer than four blocks, and for a time that
        isn't above 0.
        """
        if self.order not in (ABBA, BAAB) or len(self.seconds) != len(self.order):
            raise ValueError(
                f"a quad of order {self.order!r} with {len(self.seconds)} blocks: the run is damaged, measure again"
            )
        wrong = next((seconds for seconds in self.seconds if not 0 < seconds < math.inf), None)
        if wrong is not None:
            raise ValueError(f"a block of {wrong} seconds a step: the run is damaged, measure again")
        candidate, reference = (map(math.log, self.of(side)) for side in (CANDIDATE, REFERENCE))
        return math.fsum((*candidate, *(-seconds for seconds in reference))) / 2


@dataclasses.dataclass(frozen=True)
class Pair:
    """One launch: a fresh process of each side."""

    launch: Count  # from 0
    first: str  # the side that was started first and took the first block
    reference: Record
    candidate: Record
    steps: tuple[Quad, ...]  # training steps
    evaluations: tuple[Quad, ...]  # evaluation steps
    seconds: Amount  # wall time of the launch, starting and ending its processes included
    others_cpu: Finite | None = None  # part of the machine's CPU time that others had; None if not known
    core: Count | None = None  # the CPU that both sides' one thread was pinned to; None: all cores, as users run it

    @property
    def cores(self) -> str:
        """Returns the kind of launch: ALL_CORES or ONE_CORE."""
        return ALL_CORES if self.core is None else ONE_CORE

    def of(self, side: str) -> Record:
        """Returns one side's record."""
        return self.candidate if side == CANDIDATE else self.reference

    @property
    def failures(self) -> dict[str, Failure]:
        """Returns the failures of its sides, the reference's first."""
        return {side: failure for side in (REFERENCE, CANDIDATE) if (failure := self.of(side).failure)}


@dataclasses.dataclass(frozen=True)
class PairedRun:
    """The pairs of one command, and what else it compared."""

    schema: int
    created: str  # ISO 8601, UTC
    command: tuple[str, ...]
    reference: Side
    candidate: Side
    pairs: tuple[Pair, ...]
    oracle: tuple[Record, ...]  # of each side's launch checked against the oracle, the reference's first; untimed
    lockstep: Lockstep | None
    warnings: tuple[str, ...]
    lockstep_failure: Failure | None = None  # why there is no lockstep; the candidate's failure is Lockstep.failure
    incomplete: str = ""  # why launches are missing; "" where none is
    only: tuple[str, ...] = ()  # names of the metrics that gate; none: all that have a margin
    budget_minutes: Amount | None = None  # that its launches may take; None: as many as they need
    margin: Amount | None = None  # of its step times, a fraction; None: those of the margins file

    @property
    def launches(self) -> int:
        """Returns how many launches it has: a failure and its repeat are one."""
        return len({pair.launch for pair in self.pairs})

    @property
    def records(self) -> list[Record]:
        """Returns the records of all launches, those against the oracle first."""
        return [*self.oracle, *(record for pair in self.pairs for record in (pair.reference, pair.candidate))]

    def of(self, side: str) -> list[Record]:
        """Returns the records of one side, that against the oracle first."""
        oracle = self.oracle[1:] if side == CANDIDATE else self.oracle[:1]
        return [*oracle, *(pair.of(side) for pair in self.pairs)]

    @property
    def numbers_failures(self) -> list[Failure]:
        """Returns why numbers can't be compared: failures of launches against the oracle, then of lockstep."""
        found = [record.failure for record in self.oracle]
        found += [self.lockstep_failure, self.lockstep.failure if self.lockstep else None]
        return [failure for failure in found if failure]
