"""The commands that go on from a verdict: they measure what a REGRESSION left open, and find what brought it."""

import shlex
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bench.judge.bisect import NUMBERS
from bench.judge.metrics import LOCKSTEP, NAMES, NUMERICS, PERPLEXITY, SEARCHED, STEP_TIMES
from bench.judge.types import Comparison, Question, Verdict
from bench.record.command_lines import words_without
from bench.record.releases import are_listed, end
from bench.report.headlines import UNNAMED, Names
from bench.stats.outcome import Outcome

UNKNOWN = ("…",)  # words of a command
VARIABLES = ("--from-env", "--to-env")  # options that a bisection has not, without which it measures something else
MARGIN = ("--margin",)  # of step times alone
RELEASED = ("tensorflow", "tensorflow-cpu")  # packages, either of which a version alone may mean


class Step(NamedTuple):
    """A command, and what it is for."""

    why: str
    command: str

    def __str__(self) -> str:
        return f"{self.why}: {self.command}"


def next_steps(verdict: Verdict, names: Names = UNNAMED) -> list[Step]:
    """Returns the commands that go on from a REGRESSION, accepted or not."""
    return [*_left_open(verdict, names), *_sought(verdict, names)]


def _left_open(verdict: Verdict, names: Names) -> list[Step]:
    """Returns the commands that measure what a REGRESSION of launches in turn, accepted or not, left open."""
    if verdict.question not in (Question.UPGRADE, Question.GATE):  # stored reports end no launches
        return []
    in_turn = [one for one in verdict.comparisons if one.metric.name in NAMES and one.metric.name != PERPLEXITY]
    ended = {one.subject for one in in_turn if one.outcome is Outcome.REGRESSION or one.accepted}
    undecided: dict[str, list[str]] = {}
    for one in in_turn:
        if one.outcome is Outcome.INCONCLUSIVE and one.subject in ended and _has_launches_left(one):
            undecided.setdefault(one.subject, []).append(one.metric.name)
    regressed = any(one.outcome is Outcome.REGRESSION for one in in_turn)
    by = "The REGRESSION ended" if regressed else "A REGRESSION that the ledger accepts now had ended"
    unknown = ("--from", "reference", *UNKNOWN) if verdict.question is Question.GATE else UNKNOWN
    return [
        Step(
            f"{by} the launches before all was decided; to measure the rest",
            _typed("upgrade", *_measuring(metrics, names.measured.get(subject, unknown))),
        )
        for subject, metrics in undecided.items()
    ]


def _measuring(metrics: Sequence[str], words: Sequence[str]) -> list[str]:
    """Returns an upgrade's options for some metrics alone: a margin is of step times."""
    kept = words if {*metrics} & {*STEP_TIMES} else words_without(words, MARGIN, ())
    return [*kept, *_options(dict.fromkeys(metrics))]


def _has_launches_left(comparison: Comparison) -> bool:
    """Tells whether an undecided metric has fewer launches than were planned."""
    return comparison.precision is None or comparison.precision.launches < comparison.precision.planned


def _sought(verdict: Verdict, names: Names) -> list[Step]:
    """Returns the command that finds what brought a REGRESSION of an upgrade, by its first metric; none where it would
    find no releases.
    """
    worse = [one for one in verdict.comparisons if one.outcome is Outcome.REGRESSION]
    found = [(one, NUMBERS if one.metric in (NUMERICS, LOCKSTEP) else one.metric.name) for one in worse]
    first = next(((one, name) for one, name in found if name == NUMBERS or name in SEARCHED), None)
    if verdict.question is not Question.UPGRADE or first is None:
        return []
    subject, metric = first[0].subject, first[1]
    options = words_without(names.measured.get(subject, ()), MARGIN, ())
    if {word.partition("=")[0] for word in options} & {*VARIABLES}:
        return []
    words = ["--good", *UNKNOWN, "--bad", *UNKNOWN, "--workload", *UNKNOWN, "--config", *UNKNOWN]
    if options:
        _, good, _, bad, *others = options
        good, bad = _alike(names.installed.get(good, good), names.installed.get(bad, bad))
        if good == bad or not are_listed(end(good), end(bad)):
            return []
        words = ["--good", good, "--bad", bad, *others]
    search = _typed("bisect", "--blame", *words, *_options([metric]))
    return [Step("To find the release and the package that brought it", search)]


def _alike(good: str, bad: str) -> tuple[str, str]:
    """Returns both sides, a version alone named by the other's package: releases are listed of one."""
    packages = [one.package for one in (end(good), end(bad)) if one.package in RELEASED]
    named = [f"{packages[0]}=={text}" if packages and end(text).version == text else text for text in (good, bad)]
    return named[0], named[1]


def _options(metrics: Iterable[str]) -> list[str]:
    return [word for name in metrics for word in ("--metric", name)]


def _typed(*words: str) -> str:
    """Returns a command as it is typed, with what isn't known left open."""
    return shlex.join(("tfgate", *words)).replace(shlex.quote(*UNKNOWN), *UNKNOWN)
