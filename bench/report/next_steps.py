"""The commands that go on from a verdict: they measure what a REGRESSION left open, find what brought it, or show what
it has no room for.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.judge.bisect import NUMBERS
from bench.judge.metrics import LOCKSTEP, NAMES, NUMERICS, PERPLEXITY, SEARCHED, STEP_TIMES
from bench.judge.notices import LaunchFailed
from bench.judge.reasons import FailsSometimes, OracleErrors, TooFewLaunches
from bench.judge.reports import paired_runs
from bench.judge.types import Comparison, Question, Verdict
from bench.record.command_lines import ALONE, WITH_VALUE, words_without
from bench.record.micro import Micro
from bench.record.paired import CANDIDATE, REFERENCE
from bench.record.releases import are_listed, end
from bench.record.types import DEFAULT_WORKLOAD, Subject
from bench.report.headlines import is_shifted
from bench.report.judged import AnyReport, Judged, as_of, environment
from bench.stats.outcome import Outcome

# Options that say which of its comparisons a command makes, and how: those that stand alone, and those with a value.
CHOSEN_ALONE = ("--numerics-only", "--speed-only", "--full", "--gate-stored")
CHOSEN_WITH_VALUE = ("--from", "--to", "--workload", "--config", "--metric", "--budget", "--launches")
# bisect has no such options, so it can't search between sides that set variables.
VARIABLES = ("--from-env", "--to-env")
LAST_OUTPUT = "The end of the traceback or the output"
OVER_LIMITS = "Each tensor over its limit"
REPORT = "REPORT"  # a page doesn't know where it will lie
MARGIN = ("--margin",)  # of step times alone
ALL_GIB = 8  # of memory, which the largest workload needs
RELEASED = ("tensorflow", "tensorflow-cpu")  # packages, either of which a version alone may mean
KERAS = ("keras", "keras-nightly", "tf-keras")  # packages


class Upgrade(NamedTuple):
    """An upgrade that compares the same sides in the same work."""

    reference: str
    candidate: str
    options: tuple[str, ...]


class Step(NamedTuple):
    """A command, and what it is for."""

    why: str
    command: str


def next_steps(judged: Judged, report: str = REPORT) -> list[Step]:
    """Returns the commands that go on from a REGRESSION of an upgrade or a gate, or from a PASS of training, and those
    that show more of it or of a process that failed: `report` is where the run is kept.
    """
    upgrades = _upgrades(judged.run)
    left_open = _left_open(judged.verdict, upgrades)
    return [*left_open, *_sought(judged, upgrades), *_not_compared(judged, upgrades), *_shown(judged, report)]


def _shown(judged: Judged, report: str) -> list[Step]:
    verdict, show = judged.verdict, _typed("show", report)
    if isinstance(judged.run, Micro):  # which `show` does not take
        return []
    errors = [one.reason for one in verdict.comparisons if isinstance(one.reason, OracleErrors)]
    shown = {LAST_OUTPUT: _failed(verdict), OVER_LIMITS: any(reason.over > 1 for reason in errors)}
    where = ", where REPORT is the report's folder" if report == REPORT else ""
    return [Step(f"{why}{where}", show) for why, is_there in shown.items() if is_there]


def _failed(verdict: Verdict) -> bool:
    """Tells whether a process failed: in a failed measurement, in a REGRESSION, or now and then."""
    launches = (isinstance(failure, LaunchFailed) for failure in verdict.failures)
    return any(launches) or any(one.failed or isinstance(one.reason, FailsSometimes) for one in verdict.comparisons)


def _left_open(verdict: Verdict, upgrades: Mapping[str, Upgrade]) -> list[Step]:
    """Returns the commands that measure what a REGRESSION of launches in turn left open.

    An empty list where a gate measures from what the ledger accepted: an upgrade measures from the reference. Past a
    REGRESSION that is accepted, only the same command with --resume goes on. A gate's perplexity is the baselines'.
    """
    names = {*NAMES} - ({PERPLEXITY} if verdict.question is Question.GATE else set())
    in_turn = [one for one in verdict.comparisons if one.metric.name in names]
    ended = {one.subject for one in in_turn if one.outcome is Outcome.REGRESSION}
    ended -= {one.subject for one in in_turn if is_shifted(one)}
    undecided: dict[str, list[str]] = {}
    for one in in_turn:
        if one.outcome is Outcome.INCONCLUSIVE and one.subject in ended and _has_launches_left(one):
            undecided.setdefault(one.subject, []).append(one.metric.name)
    return [
        Step(
            "The launches ended at a REGRESSION before all was decided; to measure the rest",
            _typed("upgrade", *_measuring(metrics, upgrades[subject])),
        )
        for subject, metrics in undecided.items()
        if subject in upgrades
    ]


def _measuring(metrics: Sequence[str], upgrade: Upgrade) -> list[str]:
    """Returns an upgrade's options for some metrics alone: a margin is of step times."""
    options = upgrade.options if {*metrics} & {*STEP_TIMES} else words_without(upgrade.options, MARGIN, ())
    return ["--from", upgrade.reference, "--to", upgrade.candidate, *options, *_options(dict.fromkeys(metrics))]


def _has_launches_left(comparison: Comparison) -> bool:
    """Tells whether an undecided metric has fewer launches than were planned."""
    if found := comparison.precision:
        return found.launches < found.planned
    return isinstance(comparison.reason, TooFewLaunches)


def _sought(judged: Judged, upgrades: Mapping[str, Upgrade]) -> list[Step]:
    """Returns the command that finds what brought a REGRESSION of an upgrade, by its first metric; none where it would
    find no releases.
    """
    worse = [one for one in judged.verdict.comparisons if one.outcome is Outcome.REGRESSION]
    named = [(one.subject, NUMBERS if one.metric in (NUMERICS, LOCKSTEP) else one.metric.name) for one in worse]
    subject, metric = next((one for one in named if one[1] == NUMBERS or one[1] in SEARCHED), ("", ""))
    if judged.verdict.question is not Question.UPGRADE or subject not in upgrades:
        return []
    upgrade, installed = upgrades[subject], _installed(judged.run)
    options = words_without(upgrade.options, MARGIN, ())
    good, bad = _alike(*(installed.get(side, side) for side in (upgrade.reference, upgrade.candidate)))
    if {word.partition("=")[0] for word in options} & {*VARIABLES} or good == bad:
        return []
    if not are_listed(end(good), end(bad)):
        return []
    search = _typed("bisect", "--blame", "--good", good, "--bad", bad, *options, *_options([metric]))
    there = {upgrade.reference, upgrade.candidate} & installed.keys() - {REFERENCE}
    among = ", among the index's builds of these versions (no interpreter is searched)" if there else ""
    return [Step(f"To find the release and the package that brought it{among}", search)]


def _not_compared(judged: Judged, upgrades: Mapping[str, Upgrade]) -> list[Step]:
    """Returns the command that compares the numbers of all workloads, where an upgrade passes that compared training
    alone: a mask, a saved file, `fit` or another optimizer may be wrong all the same.
    """
    verdict = judged.verdict
    chosen = any(word.partition("=")[0] == "--workload" for word in judged.run.command)
    if chosen or verdict.question is not Question.UPGRADE or verdict.outcome is not Outcome.PASS:
        return []
    return [
        Step(
            "Training alone was compared; to compare the numbers of all workloads, in some ten minutes and with "
            f"{ALL_GIB} GiB of memory",
            _typed("upgrade", *_numbers_of_all(upgrade)),
        )
        for upgrade in upgrades.values()
        if upgrade.reference != upgrade.candidate
    ]


def _numbers_of_all(upgrade: Upgrade) -> list[str]:
    options = words_without(upgrade.options, ("--config", *MARGIN), ())
    sides = ["--from", upgrade.reference, "--to", upgrade.candidate]
    return [*sides, *options, "--workload", "all", "--config", "tiny", "--numerics-only"]


def _alike(good: str, bad: str) -> tuple[str, str]:
    """Returns both sides, a version alone named by the other's package: releases are listed of one."""
    packages = [one.package for one in (end(good), end(bad)) if one.package in RELEASED]
    named = [f"{packages[0]}=={text}" if packages and end(text).version == text else text for text in (good, bad)]
    return named[0], named[1]


def _options(metrics: Iterable[str]) -> list[str]:
    return [word for name in metrics for word in ("--metric", name)]


def _typed(*words: str) -> str:
    return shlex.join(("tfgate", *words))


def _upgrades(run: AnyReport) -> dict[str, Upgrade]:
    """Returns, by Subject.name, an upgrade that compares the same again: of what `upgrade` and `gate` compared."""
    found = {}
    for paired in paired_runs(run) if run.command[1:2] in (("upgrade",), ("gate",)) else ():
        of_lockstep = paired.lockstep.subject if paired.lockstep else None
        subject = next((record.subject for record in paired.records), of_lockstep)
        if subject:
            others = words_without(run.command[2:], (*WITH_VALUE, *CHOSEN_WITH_VALUE), (*ALONE, *CHOSEN_ALONE))
            options = (*as_of((paired.reference, paired.candidate), others), *others, *_work(run.command, subject))
            found[subject.name] = Upgrade(paired.reference.requested, paired.candidate.requested, options)
    return found


def _work(command: Sequence[str], subject: Subject) -> tuple[str, ...]:
    """Returns the options that name a subject's workload, by the path that a command has, and its configuration."""
    if subject.own:
        named = (word.removeprefix("--workload=") for word in (*command, subject.workload))
        return "--workload", next(word for word in named if Path(word).name == subject.workload)
    workload = ("--workload", subject.workload) if subject.workload != DEFAULT_WORKLOAD else ()
    return *workload, "--config", subject.config


def _installed(run: AnyReport) -> dict[str, str]:
    """Returns, by its path or name, the TensorFlow and Keras of each side of launches in turn that is an interpreter or
    the pinned reference, as requirements: a bisection builds environments. An interpreter with a build that no public
    index has is left out.
    """
    found = {}
    for paired in paired_runs(run):
        for side, asked in ((REFERENCE, paired.reference), (CANDIDATE, paired.candidate)):
            within = environment(paired, side)
            named = {package.name: package.version for package in asked.packages}
            if within and within.distribution in named and (not asked.is_built or asked.requested == REFERENCE):
                wanted = {name: named[name] for name in (within.distribution, *KERAS) if name in named}
                if not any(_is_own(*one) for one in wanted.items()):
                    found[asked.requested] = " ".join(f"{name}=={version}" for name, version in wanted.items())
    return found


def _is_own(package: str, version: str) -> bool:
    """Tells whether a version shows that no public index has it: 2.22.0+acme.7, or a .dev of what is no nightly."""
    return "+" in version or ("dev" in version and "nightly" not in package)
