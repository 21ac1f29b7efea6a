"""The parts of a change between two environments: which package brought it.

A part is one package in the candidate's version among the reference's, a pair of packages together, or a switch that is
set on both sides.
"""

import dataclasses
import enum
from collections.abc import Sequence

from bench.judge.bisect import doubted_numbers, values_of
from bench.judge.margins import Margins
from bench.judge.paired import judge_paired
from bench.judge.types import Comparison
from bench.record.paired import PairedRun
from bench.record.repeats import failed_for_good, last_settled
from bench.record.types import Failure
from bench.stats.effects import WHOLE, effects
from bench.stats.outcome import Outcome
from bench.stats.pooled import Bounded

ONEDNN, THREADS = "onednn", "threads"  # switches: without oneDNN's kernels, on one thread
SWITCHES = (ONEDNN, THREADS)


class Answer(enum.Enum):
    """The end of a search for parts."""

    BLAMED = "blamed"
    NO_PACKAGE = "no package alone"  # there is a change, and no package is proven to bring any of it alone
    NOT_PROVEN = "not proven"  # launches prove neither the whole change nor any part's; or numbers tell nothing
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
class Found:
    """A part and what was found of it: by launches its effect, by numbers its departure."""

    part: Part
    measured: bool  # its effect is known, or whether its numbers are right
    effect: Bounded | None = None
    beyond: Bounded | None = None  # of a pair: its effect beyond its members'
    gone: Bounded | None = None  # of a switch: what it takes away of the whole change
    departure: Comparison | None = None
    undecided: Comparison | None = None  # why its numbers are neither right nor wrong, where they were compared

    @property
    def blamed_for(self) -> Bounded | None:
        """Returns the effect for which it is blamed: of a pair, that beyond its members'."""
        return self.beyond if self.part.members else self.effect


@dataclasses.dataclass(frozen=True)
class Blame:
    """The whole change and its parts."""

    answer: Answer
    blamed: tuple[Found, ...]  # packages and pairs
    whole: Found  # the candidate
    packages: tuple[Found, ...]  # the pairs, too, after their members
    switches: tuple[Found, ...]
    by_launches: bool
    unexplained: Bounded | None = None  # by launches: the rest of the whole change

    @property
    def pairs(self) -> list[Found]:
        """Returns the pairs; the whole, too, where it is one."""
        return [one for one in (*self.packages, self.whole) if one.part.members]


def joined(members: Sequence[str]) -> str:
    """Returns the name of a pair of packages."""
    return "+".join(members)


def blame_by_launches(
    whole: Part, packages: Sequence[Part], switches: Sequence[Part], metric: str, margins: Margins
) -> Blame:
    """Returns what launches of a metric tell: a package is blamed whose effect is proven to be one, and a pair whose
    effect beyond its members' is.
    """

    def values(part: Part) -> list[float]:
        return [] if part.problem else values_of(part.run, metric, margins)

    pairs = [part for part in (*packages, whole) if part.members]
    places = {part.name: place for place, part in enumerate(packages)}
    members = {places.get(pair.name, WHOLE): [places[name] for name in pair.members] for pair in pairs}
    told = effects(values(whole), [values(part) for part in packages], [values(part) for part in switches], members)
    beyond = {pair.name: one for pair, one in zip(pairs, told.beyond, strict=True)}

    def found(part: Part, effect: Bounded | None, gone: Bounded | None = None) -> Found:
        return Found(part, effect is not None, effect, beyond.get(part.name), gone)

    change, rows = found(whole, told.whole), tuple(map(found, packages, told.parts))
    blamed = tuple(one for one in _suspects(change, rows) if one.blamed_for and one.blamed_for.is_proven)
    changed = told.whole is not None and told.whole.is_proven
    answer = Answer.BLAMED if blamed else Answer.NO_PACKAGE if changed else Answer.NOT_PROVEN
    switched = tuple(map(found, switches, told.left, told.gone))
    return Blame(answer, blamed, change, rows, switched, by_launches=True, unexplained=told.unexplained)


def blame_by_numbers(whole: Part, packages: Sequence[Part], switches: Sequence[Part], margins: Margins) -> Blame:
    """Returns what numbers tell: a package is blamed with which alone they are a regression, and a pair with which they
    are one, but with neither member alone. A member that can't be built, or that fails, shows nothing. Numbers that are
    inconclusive are as those that were not compared.
    """

    def found(part: Part) -> Found:
        doubted = doubted_numbers(part.run, margins) if part.run and part.compared else None
        if doubted and doubted.outcome is Outcome.INCONCLUSIVE:
            return Found(part, measured=False, undecided=doubted)
        return Found(part, part.compared, departure=doubted)

    def unknown(one: Found) -> bool:
        run = one.part.run
        return bool(one.undecided or judge_paired(run, margins).failures) if run else not one.part.problem

    change, rows = found(whole), tuple(map(found, packages))
    alone = {one.part.name for one in rows if one.departure or unknown(one)}  # or may be
    blamed = tuple(one for one in _suspects(change, rows) if one.departure and alone.isdisjoint(one.part.members))
    if blamed:
        answer = Answer.BLAMED
    elif change.measured and not change.departure:
        answer = Answer.NO_CHANGE
    else:
        answer = Answer.NO_PACKAGE if all(one.measured for one in (change, *rows)) else Answer.NOT_PROVEN
    return Blame(answer, blamed, change, rows, tuple(map(found, switches)), by_launches=False)


def _suspects(whole: Found, packages: Sequence[Found]) -> list[Found]:
    """Returns what can be blamed: packages and pairs; the whole, too, where it is a pair."""
    return [*packages, *([whole] if whole.part.members else [])]


def failures_of(run: PairedRun) -> list[Failure]:
    """Returns the failures that leave nothing to be compared: those of numbers, then of the last launch in turn."""
    last = last_settled(run.pairs).failures.values() if failed_for_good(run.pairs) else ()
    return [*run.numbers_failures, *last]


def failure_of(run: PairedRun) -> Failure | None:
    """Returns the first of `failures_of`; None where there is none."""
    return next(iter(failures_of(run)), None)
