"""Metric, Sample, Comparison and Verdict: what passes through the judge, in numbers."""

import dataclasses
import enum
import math

from bench.judge.reasons import FAILED, Accepted, Reason
from bench.record.paired import ALL_CORES
from bench.stats.intervals import Interval, decide_once
from bench.stats.outcome import EXIT_CODES, Outcome
from bench.stats.power import Precision
from bench.stats.sequential import USUAL, LookPlan


class Unit(enum.Enum):
    """The unit of a Comparison's values."""

    SECONDS = "s"
    SECONDS_PER_STEP = "s/step"
    BYTES = "bytes"
    BYTES_PER_STEP = "bytes/step"
    PERPLEXITY = "perplexity"
    NATS = "nats a token"
    WORDS_PER_SECOND = "words/s"
    COUNT = "count"
    RELATIVE_ERROR = "relative error"  # the candidate's error, and in the reference's place its limit
    RATIO = "ratio"  # to a reference
    NONE = ""  # no values


class Direction(enum.Enum):
    """The better direction."""

    LOWER = "lower"
    HIGHER = "higher"
    EQUAL = "equal"  # of what is computed from numbers alone: a difference either way is another computation


class Estimator(enum.Enum):
    """The statistic by which a launch gives its one value."""

    TRIMMED_QUADS = "20% trimmed mean of the quads' log ratios"
    MEAN_BLOCK = "mean of the blocks"
    LATER_HALF = "20% trimmed mean of the later half's quads, over that of the earlier half's"
    MEAN_LOSS = "mean loss of the window's steps"
    FIRST_UNITS = "mean loss of the first 8 units"
    TRIMMED_STEPS = "20% trimmed mean of the steps' log seconds"
    TRIMMED_GROWTH = "20% trimmed mean of the blocks' growth"
    MEDIAN_ROUND = "median round"
    VALUE = "the value itself"
    EXACT = "compared exactly"


class Scale(enum.Enum):
    """The scale on which intervals and margins are differences."""

    LOG = "logarithms"  # a relative difference
    LINEAR = "values"


@dataclasses.dataclass(frozen=True)
class Metric:
    """A metric: its name and unit, and how it is judged."""

    name: str
    unit: Unit
    direction: Direction
    estimator: Estimator
    scale: Scale = Scale.LOG
    margin: float | None = None  # on `scale`; None without one
    gates: bool = True  # False: it is shown, and decides nothing

    def natural(self, value: float | None) -> float | None:
        """Returns a value on `scale` in the metric's unit; infinity where it is too large to hold."""
        if value is None or self.scale is Scale.LINEAR:
            return value
        return math.exp(value) if value < 700 else math.inf


def outcome_of(found: Interval, metric: Metric) -> Outcome:
    """Returns what an interval proves of a metric's margin: of one that is to stay equal, in either direction."""
    if metric.margin is None:
        return Outcome.INCONCLUSIVE
    return decide_once(found, metric.margin, two_sided=metric.direction is Direction.EQUAL)


@dataclasses.dataclass(frozen=True)
class Sample:
    """One metric of one subject by launch, in the order measured, on the metric's scale; None where a launch doesn't
    tell.
    """

    subject: str
    metric: Metric
    candidate: tuple[float | None, ...]
    reference: tuple[float | None, ...]
    difference: tuple[float | None, ...]  # candidate − reference, less `accepted`
    accepted: float = 0.0  # what the ledger accepted last
    cores: str = ALL_CORES  # the kind of launches
    plan: LookPlan = USUAL  # of the run's launches of that kind


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One metric of one subject against its reference."""

    subject: str
    metric: Metric
    outcome: Outcome
    reason: Reason
    candidate: float | None = None  # in the metric's unit
    reference: float | None = None
    interval: Interval | None = None  # of the difference, on the metric's scale
    precision: Precision | None = None  # of the interval
    improved: bool = False  # better by more than the margin, with the certainty of a REGRESSION

    @property
    def failed(self) -> bool:
        """Tells whether a process failed, or XLA can't compile a graph."""
        return isinstance(self.reason, FAILED)

    @property
    def accepted(self) -> bool:
        """Tells whether it is a REGRESSION that the ledger accepts."""
        return isinstance(self.reason, Accepted)

    @property
    def unaccepted(self) -> "Comparison":
        """Returns the comparison as it was before the ledger accepted it: a REGRESSION."""
        if not isinstance(self.reason, Accepted):
            return self
        return dataclasses.replace(self, outcome=Outcome.REGRESSION, reason=self.reason.regression)

    @property
    def is_within(self) -> bool:
        """Tells whether an inconclusive comparison's bounds alone would prove a PASS, which takes more launches."""
        found, undecided = self.interval, self.outcome is Outcome.INCONCLUSIVE
        return undecided and found is not None and outcome_of(found, self.metric) is Outcome.PASS

    @property
    def has_pass_bounds(self) -> bool:
        """Tells whether `bounds` are those of a PASS, which are narrower: an improvement has those of a REGRESSION."""
        return self.is_within or (self.outcome is Outcome.PASS and not self.improved)

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Returns the ends of the interval that the outcome rests on; None without an interval."""
        found = self.interval
        if found is None:
            return None
        return (found.pass_low, found.pass_high) if self.has_pass_bounds else (found.low, found.high)


class Scope(enum.Enum):
    """The part that was measured: a PASS must not sound wider."""

    ALL = "numbers and speed"
    NUMBERS = "numbers"
    SPEED = "speed and memory"
    NAMED = "the named metrics"


class Question(enum.Enum):
    """The question that a verdict answers, and its evidence."""

    GATE = "gate"  # a candidate by oracle, replicates and a pinned reference in turn
    RUN = "run"  # one environment by oracle and replicates
    UPGRADE = "upgrade"  # two environments
    LOCKSTEP = "lockstep"  # two environments, step by step
    MICRO = "micro"  # hot paths of two environments
    REPORTS = "reports"  # two reports with one reference


@dataclasses.dataclass(frozen=True)
class Verdict:
    """All comparisons of a run, and what they come to."""

    question: Question
    comparisons: tuple[Comparison, ...]
    warnings: tuple[Reason, ...]
    failures: tuple[Reason, ...] = ()  # launches that did not finish
    scope: Scope = Scope.ALL

    @property
    def outcome(self) -> Outcome:
        """Returns REGRESSION if any comparison is; else FAILED if a launch did not finish; PASS only if all comparisons
        that gate are, and there is one; else INCONCLUSIVE.
        """
        outcomes = {comparison.outcome for comparison in self.comparisons}
        if Outcome.REGRESSION in outcomes:
            return Outcome.REGRESSION
        if self.failures:
            return Outcome.FAILED
        passed = Outcome.PASS in outcomes and Outcome.INCONCLUSIVE not in outcomes
        return Outcome.PASS if passed else Outcome.INCONCLUSIVE

    @property
    def exit_code(self) -> int:
        """Returns the exit code of a command that gives this verdict."""
        return EXIT_CODES[self.outcome]

    @property
    def decisive(self) -> list[Comparison]:
        """Returns the comparisons that made the outcome, the furthest beyond its margin first. An empty list for a
        PASS and for a failed measurement.
        """
        outcome = self.outcome
        if outcome is Outcome.PASS:
            return []
        found = [comparison for comparison in self.comparisons if comparison.outcome is outcome]
        return sorted(found, key=_margins_off, reverse=True)

    def ruled_out(self, metric: str) -> dict[str, float]:
        """Returns, by subject, the margins of a gating metric that a PASS excludes. An empty dict unless every
        subject's margin is excluded, and none of it is accepted.
        """
        found = [one for one in self.comparisons if one.metric.name == metric and one.metric.gates]
        margins = {
            one.subject: one.metric.margin
            for one in found
            if one.interval and one.metric.margin and not one.accepted and one.interval.pass_high < one.metric.margin
        }
        return margins if self.outcome is Outcome.PASS and len(margins) == len(found) else {}


def _margins_off(comparison: Comparison) -> float:
    """Returns how many margins a comparison is worse; one that was compared exactly is worse by any number."""
    metric = comparison.metric
    if comparison.interval is None or not metric.margin:
        return math.inf
    worse = comparison.interval.estimate / metric.margin
    return {Direction.LOWER: worse, Direction.HIGHER: -worse, Direction.EQUAL: abs(worse)}[metric.direction]
