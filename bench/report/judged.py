"""A run with its verdict, from which every report is made: a gate, two environments in turn, one alone, or micro."""

import dataclasses
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from bench.judge.fields import unlike_variables
from bench.judge.metrics import PERPLEXITY
from bench.judge.reports import paired_runs
from bench.judge.types import Comparison, Verdict
from bench.record.command_lines import words_without
from bench.record.gate import GateRun
from bench.record.micro import Micro
from bench.record.paired import ALL_CORES, CANDIDATE, ONE_CORE, REFERENCE, PairedRun, Side
from bench.record.profile import Profile
from bench.record.types import DEFAULT_WORKLOAD, Baseline, Environment, Record, Run, Subject
from bench.report.headlines import UNNAMED, Names
from bench.stats.outcome import Outcome

AnyRun: TypeAlias = Run | PairedRun | GateRun
AnyReport: TypeAlias = AnyRun | Micro

WORST_FIRST = (Outcome.REGRESSION, Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.PASS, Outcome.NOT_GATED)
IN_TURN = ", in turn with the reference"  # follows the subject of a gate's launches that were
DEFAULT_WORK = "training steps (SGD) of a stacked LSTM"
MOST_NAMED = 2  # workloads in a headline
ON_ONE_CORE = ", on one core"  # follows the subject of launches that were pinned to one


class UnfitError(ValueError):
    """Runs, or a survey, that a format can't hold."""


@dataclasses.dataclass(frozen=True)
class Judged:
    """A run, its verdict, and what it was compared with."""

    run: AnyReport
    verdict: Verdict
    baselines: Mapping[str, Baseline] = dataclasses.field(default_factory=dict)  # by Subject.name
    # Margins.window_start, by configuration.
    window_start: Mapping[str, float] = dataclasses.field(default_factory=dict)
    profiles: tuple[Profile, Profile] | None = None  # of the reference and the candidate; they judge nothing


@dataclasses.dataclass(frozen=True)
class SideLaunch:
    """A launch of one side; a run that has no reference of its own is all candidate."""

    side: str  # REFERENCE or CANDIDATE
    launch: int  # from 0
    record: Record
    in_turn: bool  # measured in blocks, in turn with the other side
    block_seconds: tuple[float, ...]  # wall seconds a step: of each steady step, or of each block of a paired run
    cores: str = ALL_CORES  # the kind of launch

    @property
    def percentiles_ms(self) -> list[float]:
        """Returns the 5th, 25th, 50th, 75th and 95th percentile in milliseconds; none of fewer than two blocks."""
        if len(self.block_seconds) < 2:
            return []
        cuts = statistics.quantiles(self.block_seconds, n=100, method="inclusive")
        return [1000 * cuts[percent - 1] for percent in (5, 25, 50, 75, 95)]


def severity(outcome: Outcome) -> int:
    """Returns an outcome's place among all, the worst first."""
    return WORST_FIRST.index(outcome)


def by_subject(comparisons: Sequence[Comparison]) -> list[tuple[str, list[Comparison]]]:
    """Returns comparisons by subject, which has no name where it is the only one."""
    subjects = dict.fromkeys(one.subject for one in comparisons)
    return [
        (subject if len(subjects) > 1 else "", [one for one in comparisons if one.subject == subject])
        for subject in subjects
    ]


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Returns the first of the worst verdicts."""
    return min(verdicts, key=lambda one: severity(one.outcome))


def launches(run: AnyReport) -> list[SideLaunch]:
    """Returns every launch that was timed or trained, in order; of a pair the reference first; none of micro."""
    if isinstance(run, Micro):
        return []
    if isinstance(run, GateRun):
        return launches(run.numbers) + [launch for paired in run.speed for launch in launches(paired)]
    if isinstance(run, Run):
        return [
            SideLaunch(CANDIDATE, record.launch, record, in_turn=False, block_seconds=record.step_seconds)
            for record in run.records
        ]
    found = []
    for pair in run.pairs:
        for side, record in ((REFERENCE, pair.reference), (CANDIDATE, pair.candidate)):
            own = tuple(seconds for quad in pair.steps for seconds in quad.of(side))
            found.append(SideLaunch(side, pair.launch, record, in_turn=True, block_seconds=own, cores=pair.cores))
    return found


def launches_by_subject(run: AnyReport) -> dict[str, list[SideLaunch]]:
    """Returns launches by Subject.name, in the order of their first; a gate's launches in turn are apart, and those on
    one core.
    """
    groups: dict[str, list[SideLaunch]] = {}
    for launch in launches(run):
        apart = IN_TURN if isinstance(run, GateRun) and launch.in_turn else ""
        apart += ON_ONE_CORE if launch.cores == ONE_CORE else ""
        groups.setdefault(launch.record.subject.name + apart, []).append(launch)
    return groups


def records(run: AnyReport) -> Sequence[Record]:
    """Returns every record, those of the launches checked against the oracle included; none of micro."""
    return [] if isinstance(run, Micro) else run.records


def names(judged: Judged) -> Names:
    """Returns the sides as headlines call them, and what they ran."""
    run = judged.run
    versions = [tensorflow(run, side) for side in (REFERENCE, CANDIDATE)]
    subjects = {record.subject for record in records(run)}
    return dataclasses.replace(
        called(versions, [side.variables for side in asked_sides(run)]),
        work=_work(run),
        baselines=not subjects or any(map(_has_baseline, subjects)),
        oracle=not all(_has_baseline(subject) or subject.own for subject in subjects),
        own=any(subject.own for subject in subjects),
    )


def _has_baseline(subject: Subject) -> bool:
    return subject.tells(PERPLEXITY) and not subject.own


def called(versions: Sequence[str], variables: Sequence[Mapping[str, str]] = ()) -> Names:
    """Returns the reference and the candidate as headlines call them: by the versions of their TensorFlow ("": not
    known). Where these are the same, the variables that one side alone was given tell them apart, if there are any.
    """
    known = zip((REFERENCE, CANDIDATE), versions, strict=True)
    reference, candidate = (f"TensorFlow {version}" if version else f"the {side}" for side, version in known)
    if candidate == reference:
        for field in unlike_variables(*variables) if variables else ():
            reference, candidate = (f"{reference}{given and ' with '}{given}" for given in (field.one, field.other))
    return UNNAMED if candidate == reference else Names(candidate, reference)


def tensorflow(run: AnyReport, side: str) -> str:
    """Returns the version of a side's TensorFlow; "" where no launch told it."""
    if isinstance(run, Micro):
        of_side = run.reference if side == REFERENCE else run.candidate
        return of_side[0].first.tensorflow if of_side else ""
    found = environment(run, side)
    return found.tensorflow if found else ""


def _work(run: AnyReport) -> str:
    """Returns what was run: the default in plain words, other workloads by their names, many by their number."""
    found = list(dict.fromkeys(record.subject.workload for record in records(run)))
    if len(found) > MOST_NAMED:
        return f"{len(found)} workloads"
    own = {name: name if name.endswith(".py") else f"the workload {name}" for name in found}
    return " and ".join({**own, DEFAULT_WORKLOAD: DEFAULT_WORK}[name] for name in found)


def reproducing(run: AnyReport) -> tuple[str, ...]:
    """Returns the command that measures alike: that of the run in a folder of its own, with the index as it was."""
    candidate = (run.candidate,) if isinstance(run, GateRun) else ()  # of numbers alone, too
    words = words_without(run.command, ("--output",), ("--resume",))  # there may be a report already, or none
    return (*words, *as_of((*asked_sides(run), *candidate), words))


def asked_sides(run: AnyReport) -> tuple[Side, ...]:
    """Returns the reference and the candidate as they were asked for; none of a run of one environment."""
    if isinstance(run, Micro):
        return run.run.reference, run.run.candidate
    return next(((one.reference, one.candidate) for one in paired_runs(run)), ())


def as_of(sides: Sequence[Side], words: Sequence[str]) -> tuple[str, ...]:
    """Returns the option for the moment up to which the index was read, unless a command's words have one.

    An interpreter and the pinned reference take none.
    """
    moments = {side.as_of for side in sides if side.requested != REFERENCE} - {""}
    return as_of_moment(moments.pop() if len(moments) == 1 else "", words)


def as_of_moment(moment: str, words: Sequence[str]) -> tuple[str, ...]:
    """Returns the same option for one moment; none for "", which no index has."""
    given = any(word.partition("=")[0] == "--as-of" for word in words)
    return () if given or not moment else ("--as-of", moment)


def environment(run: AnyReport, side: str) -> Environment | None:
    """Returns the first environment that a side's launches told, or its part in lockstep; None if none did."""
    found = [launch.record.environment for launch in launches(run) if launch.side == side]
    for paired in paired_runs(run):
        found += [
            record.environment
            for name, record in zip((REFERENCE, CANDIDATE), paired.oracle, strict=False)
            if name == side
        ]
        if paired.lockstep:
            found.append(paired.lockstep.reference if side == REFERENCE else paired.lockstep.candidate)
    return next((environment for environment in found if environment), None)
