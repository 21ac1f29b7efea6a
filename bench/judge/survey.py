"""A survey: which release is compared with which, what each comparison came to, and where a metric's level changed.

A release that doesn't run has no successor: the next one is compared with the last that ran.
"""

import dataclasses
import math
from collections.abc import Callable
from statistics import median

from bench.judge.notices import LaunchFailed
from bench.judge.reasons import CandidateFailed, Identical, LockstepFailed, NotCompiled, Reason
from bench.judge.samples import DEFAULT_MARGIN
from bench.judge.types import Comparison, Metric, Scale, Unit, Verdict
from bench.record.paired import CANDIDATE, PairedRun
from bench.record.survey import Survey
from bench.stats.intervals import Interval
from bench.stats.outcome import EXIT_CODES, FAILED_CODE, Outcome
from bench.stats.series import Change, changes, noise


class LeftOutError(Exception):
    """The release that was to be compared can't be had; the message says why."""


@dataclasses.dataclass(frozen=True)
class Against:
    """A release in turn with another one."""

    run: PairedRun
    verdict: Verdict

    @property
    def reference(self) -> str:
        """Returns the release that the candidate is compared with."""
        return self.run.reference.requested

    @property
    def candidate(self) -> str:
        """Returns the release that is compared."""
        return self.run.candidate.requested

    @property
    def failure(self) -> Reason | None:
        """Returns why the release doesn't run; None for one of which nothing says so."""
        reasons = (*(one.reason for one in self.verdict.comparisons), *self.verdict.failures)
        return next(filter(_says_it_fails, reasons), None)

    @property
    def whole(self) -> bool:
        """Tells whether everything was measured that was asked for."""
        return not (self.failure or self.verdict.failures or self.run.incomplete)

    def of(self, metric: str) -> Comparison | None:
        """Returns the comparison of a metric."""
        return next((one for one in self.verdict.comparisons if one.metric.name == metric), None)


@dataclasses.dataclass(frozen=True)
class Row:
    """A release in one chapter."""

    release: str
    left_out: str = ""  # why it can't be had
    before: Against | None = None  # against the last one that ran; None for the first
    fixed: Against | None = None  # against the fixed reference; None for itself
    complete: bool = False  # all comparisons that were asked for were measured to their end

    @property
    def pairs(self) -> list[Against]:
        """Returns the comparisons that are there."""
        return [one for one in (self.before, self.fixed) if one]

    @property
    def runs(self) -> bool:
        """Tells whether a comparison shows that the release runs."""
        return any(one.whole for one in self.pairs)

    @property
    def failure(self) -> Reason | None:
        """Returns why the release doesn't run; None where nothing says so, or a comparison shows that it does."""
        return None if self.runs else next((one.failure for one in self.pairs if one.failure), None)


@dataclasses.dataclass(frozen=True)
class Chapter:
    """A workload in a configuration, over all releases."""

    name: str
    rows: tuple[Row, ...]

    def metrics(self) -> list[Metric]:
        """Returns every metric that was compared of releases that run, those that gate first."""
        pairs = (pair for row in self.rows for pair in row.pairs if not pair.failure)
        compared = [one for pair in pairs for one in pair.verdict.comparisons]
        found: dict[str, Metric] = {}
        for one in sorted(compared, key=lambda one: not one.metric.gates):
            found.setdefault(one.metric.name, one.metric)
        return list(found.values())


@dataclasses.dataclass(frozen=True)
class Surveyed:
    """A survey, and what all of it came to."""

    survey: Survey
    chapters: tuple[Chapter, ...]

    @property
    def exit_code(self) -> int:
        """Returns 0 where all that was asked for was measured, 3 where something is missing, 4 where all is."""
        rows = [row for chapter in self.chapters for row in chapter.rows]
        if all(row.complete for row in rows):
            return EXIT_CODES[Outcome.PASS]
        measured = any(row.runs for row in rows)
        return EXIT_CODES[Outcome.INCONCLUSIVE] if measured else FAILED_CODE

    @property
    def compared(self) -> list[Against]:
        """Returns every comparison that is there, each once."""
        pairs = [pair for chapter in self.chapters for row in chapter.rows for pair in row.pairs]
        return list({id(pair): pair for pair in pairs}.values())


@dataclasses.dataclass(frozen=True)
class Point:
    """A metric of a release against the fixed reference, on the metric's scale."""

    place: int  # of the release, from 0
    difference: float
    interval: Interval | None  # None of the fixed reference itself, of what is equal to it, and of numbers of things


@dataclasses.dataclass(frozen=True)
class Series:
    """A metric of a chapter, release by release, against the fixed reference."""

    metric: Metric
    points: tuple[Point, ...]
    noise: float | None  # of a release; None for too few of them
    changes: tuple[tuple[int, Change], ...]  # the place of the release that brought it, and the change


def walk(survey: Survey, compare: Callable[[str, str], Against | None]) -> tuple[Row, ...]:
    """Returns a row for each release. `compare(reference, candidate)` measures or reads a comparison.

    It returns None for one that isn't there, which says nothing against its candidate, and raises LeftOutError for a
    candidate that can't be had.
    """
    rows: list[Row] = []
    last: str | None = None
    for release in survey.releases:
        row = _row(release, last, survey.reference, compare)
        rows.append(row)
        if not row.left_out and (not row.pairs or row.runs):
            last = release
    return tuple(rows)


def series_of(chapter: Chapter, reference: str) -> list[Series]:
    """Returns each metric that has a difference from the fixed reference in two releases or more, with its changes;
    none that is the same in all.
    """
    found = (_series(chapter, metric, reference) for metric in chapter.metrics())
    moved = (one for one in found if any(point.interval or point.difference for point in one.points))
    return [one for one in moved if len(one.points) > 1]


def _row(release: str, last: str | None, reference: str, compare: Callable[[str, str], Against | None]) -> Row:
    found: dict[str | None, Against] = {}
    left_out = ""
    others = dict.fromkeys(one for one in (last, reference) if one is not None and one != release)
    for other in others:
        try:
            one = compare(other, release)
        except LeftOutError as error:  # by one host, say: what another measured stays
            left_out = str(error)
            continue
        if one:
            found[other] = one
            if one.failure:
                break
    complete = not left_out and all(other in found and found[other].whole for other in others)
    return Row(release, left_out, found.get(last), found.get(reference), complete)


def _says_it_fails(reason: Reason) -> bool:
    """Tells whether a reason says of the candidate that it doesn't run."""
    if isinstance(reason, NotCompiled):
        return CANDIDATE in reason.sides
    return isinstance(reason, CandidateFailed | LockstepFailed) or (
        isinstance(reason, LaunchFailed) and reason.side == CANDIDATE
    )


def _series(chapter: Chapter, metric: Metric, reference: str) -> Series:
    points: list[Point] = []
    for place, row in enumerate(chapter.rows):
        one = row.fixed.of(metric.name) if row.fixed else None
        if one and one.interval:
            points.append(Point(place, one.interval.estimate, one.interval))
        elif one and (exact := _exact(one)) is not None:
            points.append(Point(place, exact, None))
        elif row.release == reference:
            points.append(Point(place, 0.0, None))
    margin = metric.margin or (math.log1p(DEFAULT_MARGIN) if metric.scale is Scale.LOG else None)
    differences = [point.difference for point in points]
    between = noise(differences, margin) if margin else None
    if margin is None or between is None:
        return Series(metric, tuple(points), None, ())
    typical = median(max(between, _error(point)) for point in points)
    found = changes(differences, typical, margin, least=1)  # a release stays what it is: no outlier
    return Series(metric, tuple(points), typical, tuple((points[one.first].place, one) for one in found))


def _exact(one: Comparison) -> float | None:
    """Returns the difference of what has no interval: 0 of equal numbers, else of numbers of things; None otherwise."""
    if isinstance(one.reason, Identical):
        return 0.0
    if one.metric.unit is not Unit.COUNT or one.candidate is None or one.reference is None:
        return None
    return one.candidate - one.reference


def _error(point: Point) -> float:
    return point.interval.standard_error if point.interval else 0.0
