"""The parts of a change between two environments: which package brought it.

A part is one package in the candidate's version among the reference's, or a switch that is set on both sides.
"""

import dataclasses
import enum
from collections.abc import Sequence

from bench.judge.bisect import values_of, wrong_numbers
from bench.judge.margins import Margins
from bench.judge.types import Comparison
from bench.record.paired import PairedRun
from bench.record.repeats import failed_for_good
from bench.record.types import Failure
from bench.stats.effects import Effects, effects

ONEDNN, THREADS = "onednn", "threads"  # switches: without oneDNN's kernels, on one thread
SWITCHES = (ONEDNN, THREADS)


class Answer(enum.Enum):
    """The end of a search for parts."""

    BLAMED = "blamed"
    NO_PACKAGE = "no package alone"  # there is a change, and no package is proven to bring any of it alone
    NOT_PROVEN = "not proven"  # launches prove neither the whole change nor any part's; or numbers are missing
    NO_CHANGE = "no change"  # the candidate's numbers are right, and so are the parts'


@dataclasses.dataclass(frozen=True)
class Part:
    """A package or a switch, and what was measured with it."""

    name: str
    versions: tuple[str, str] = ("", "")  # of a package: the reference's and the candidate's
    run: PairedRun | None = None
    problem: str = ""  # why it can't be measured; "" where it can
    refused: str = ""  # why the wheels' own requirements forbid it; "" where they don't

    @property
    def compared(self) -> bool:
        """Tells whether its numbers were compared to the end."""
        return self.run is not None and not self.run.incomplete and not self.problem


@dataclasses.dataclass(frozen=True)
class Blame:
    """The whole change and its parts; of a metric that launches tell their effects, of numbers their departures."""

    answer: Answer
    blamed: tuple[str, ...]  # names of packages
    whole: Part  # the candidate
    packages: tuple[Part, ...]
    switches: tuple[Part, ...]
    effects: Effects | None = None
    departures: tuple[Comparison | None, ...] = ()  # of the whole, of packages, of switches


def blame_by_launches(
    whole: Part, packages: Sequence[Part], switches: Sequence[Part], metric: str, margins: Margins
) -> Blame:
    """Returns what launches of a metric tell: a package is blamed whose effect is proven to be one."""

    def values(part: Part) -> list[float]:
        return [] if part.problem else values_of(part.run, metric, margins)

    found = effects(values(whole), [values(part) for part in packages], [values(part) for part in switches])
    proven = [part.name for part, one in zip(packages, found.parts, strict=True) if one and one.is_proven]
    changed = found.whole is not None and found.whole.is_proven
    answer = Answer.BLAMED if proven else Answer.NO_PACKAGE if changed else Answer.NOT_PROVEN
    return Blame(answer, tuple(proven), whole, tuple(packages), tuple(switches), found)


def blame_by_numbers(whole: Part, packages: Sequence[Part], switches: Sequence[Part], margins: Margins) -> Blame:
    """Returns what numbers tell: a package is blamed with which alone they are a regression."""
    found = [
        wrong_numbers(part.run, margins) if part.run and part.compared else None
        for part in (whole, *packages, *switches)
    ]
    wrong = [part.name for part, one in zip(packages, found[1:], strict=False) if one]
    if wrong:
        answer = Answer.BLAMED
    elif whole.compared and not found[0]:
        answer = Answer.NO_CHANGE
    else:
        answer = Answer.NO_PACKAGE if all(part.compared for part in (whole, *packages)) else Answer.NOT_PROVEN
    return Blame(answer, tuple(wrong), whole, tuple(packages), tuple(switches), departures=tuple(found))


def failure_of(run: PairedRun) -> Failure | None:
    """Returns the failure that leaves nothing to be compared; None where there is none."""
    failures: list[Failure | None] = [*run.numbers_failures]
    if failed_for_good(run.pairs):
        failures += [run.pairs[-1].reference.failure, run.pairs[-1].candidate.failure]
    return next((failure for failure in failures if failure), None)
