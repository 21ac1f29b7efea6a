"""The parts of a change between two environments: which package brought it.

A part is one package in the candidate's version among the reference's, a pair of packages together, or a switch that is
set on both sides.
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
from bench.stats.effects import WHOLE, Effects, effects

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
    """A package, a pair of packages or a switch, and what was measured with it."""

    name: str
    versions: tuple[str, str] = ("", "")  # of a package: the reference's and the candidate's
    run: PairedRun | None = None
    problem: str = ""  # why it can't be measured; "" where it can
    refused: str = ""  # why the wheels' own requirements forbid it; "" where they don't
    members: tuple[str, ...] = ()  # of a pair: its packages; of the whole, too, where nothing else differs

    @property
    def title(self) -> str:
        """Returns its name; of a whole that is a pair, the pair's."""
        return joined(self.members) or self.name

    @property
    def compared(self) -> bool:
        """Tells whether its numbers were compared to the end."""
        return self.run is not None and not self.run.incomplete and not self.problem


@dataclasses.dataclass(frozen=True)
class Blame:
    """The whole change and its parts; of a metric that launches tell their effects, of numbers their departures."""

    answer: Answer
    blamed: tuple[str, ...]  # packages and pairs, by title
    whole: Part  # the candidate
    packages: tuple[Part, ...]  # the pairs, too, after their members
    switches: tuple[Part, ...]
    effects: Effects | None = None
    departures: tuple[Comparison | None, ...] = ()  # of the whole, of packages, of switches

    @property
    def pairs(self) -> list[Part]:
        """Returns the pairs, in the order of their effects beyond their members'."""
        return pairs_of(self.whole, self.packages)


def joined(members: Sequence[str]) -> str:
    """Returns the name of a pair of packages."""
    return "+".join(members)


def pairs_of(whole: Part, packages: Sequence[Part]) -> list[Part]:
    """Returns the pairs among parts: the whole, too, where it is one."""
    return [part for part in (whole, *packages) if part.members]


def blame_by_launches(
    whole: Part, packages: Sequence[Part], switches: Sequence[Part], metric: str, margins: Margins
) -> Blame:
    """Returns what launches of a metric tell: a package is blamed whose effect is proven to be one, and a pair whose
    effect beyond its members' is.
    """

    def values(part: Part) -> list[float]:
        return [] if part.problem else values_of(part.run, metric, margins)

    pairs, places = pairs_of(whole, packages), {part.name: place for place, part in enumerate(packages)}
    members = {places.get(pair.name, WHOLE): [places[name] for name in pair.members] for pair in pairs}
    found = effects(values(whole), [values(part) for part in packages], [values(part) for part in switches], members)
    own = [(part, one) for part, one in zip(packages, found.parts, strict=True) if not part.members]
    told = [*own, *zip(pairs, found.beyond, strict=True)]
    proven = [part.title for part, one in told if one and one.is_proven]
    changed = found.whole is not None and found.whole.is_proven
    answer = Answer.BLAMED if proven else Answer.NO_PACKAGE if changed else Answer.NOT_PROVEN
    return Blame(answer, tuple(proven), whole, tuple(packages), tuple(switches), found)


def blame_by_numbers(whole: Part, packages: Sequence[Part], switches: Sequence[Part], margins: Margins) -> Blame:
    """Returns what numbers tell: a package is blamed with which alone they are a regression, and a pair with which they
    are one, but with neither member alone. A member that can't be measured shows nothing.
    """
    parts = (whole, *packages, *switches)
    found = [wrong_numbers(part.run, margins) if part.run and part.compared else None for part in parts]
    wrong = {part.name for part, one in zip(parts, found, strict=True) if one}
    unknown = {part.name for part in packages if not (part.compared or part.problem)}
    blamed = [part.name for part in packages if part.name in wrong and not part.members]
    blamed += [
        pair.title
        for pair in pairs_of(whole, packages)
        if pair.name in wrong and (wrong | unknown).isdisjoint(pair.members)
    ]
    if blamed:
        answer = Answer.BLAMED
    elif whole.compared and not found[0]:
        answer = Answer.NO_CHANGE
    else:
        answer = Answer.NO_PACKAGE if all(part.compared for part in (whole, *packages)) else Answer.NOT_PROVEN
    return Blame(answer, tuple(blamed), whole, tuple(packages), tuple(switches), departures=tuple(found))


def failure_of(run: PairedRun) -> Failure | None:
    """Returns the failure that leaves nothing to be compared; None where there is none."""
    failures: list[Failure | None] = [*run.numbers_failures]
    if failed_for_good(run.pairs):
        failures += [run.pairs[-1].reference.failure, run.pairs[-1].candidate.failure]
    return next((failure for failure in failures if failure), None)
