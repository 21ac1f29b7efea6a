"""Ratios to a fixed reference over time: where a metric's level changed, and how far it has drifted from a reference
that never moves.

Two questions, since either misses what the other finds. A change point needs a step; 1% slower with every release has
none, and each release passes against the one before it, until ten of them make 10% (keras #18971). A drift is measured
from one report for all time.

Values are logarithms, candidate/reference, each measured in turn: so a series goes on from machine to machine. Noise is
that of bench.stats.series, and of each report at least what its own launches tell.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

from bench.judge.metrics import (
    EVALUATION_STEP,
    MEAN_STEP,
    ONE_CORE_STEP_TIME,
    PEAK_MEMORY,
    PERPLEXITY,
    STEP_TIME,
)
from bench.judge.reports import Report, paired_runs, reference_label
from bench.judge.samples import differences_of, samples_of, whole_pairs
from bench.record.paired import ALL_CORES, Pair
from bench.record.types import Record
from bench.stats.outcome import Outcome
from bench.stats.sequential import mean_of
from bench.stats.series import Change, Drift, changes, drift, noise

START_UP = "start-up"  # from the start of a process to its first trained step

# How far a metric may be from the fixed reference's, as fractions: what a series of many reports can resolve.
# Perplexity's is the widest of the margins file: right versions, each the same to the last bit day by day, lie up to 2%
# apart (docs/baselines.md).
MARGINS = {
    ONE_CORE_STEP_TIME: 0.02,
    STEP_TIME: 0.05,
    MEAN_STEP: 0.25,
    EVALUATION_STEP: 0.05,
    PEAK_MEMORY: 0.10,
    START_UP: 0.20,
    PERPLEXITY: 0.02,
}
# Metrics of which a PASS takes a proof; the others are too noisy for their margins. The noise of the step time on one
# core, too, is half of its margin and more in reports/published, where a proof takes a quarter.
PROVEN = (STEP_TIME, PERPLEXITY, PEAK_MEMORY)


@dataclasses.dataclass(frozen=True)
class Point:
    """A report's value of one metric."""

    report: str  # where it was found
    created: str
    tensorflow: str  # the candidate's
    machine: str  # fingerprint
    value: float  # mean logarithm of the ratio over the launches
    error: float  # standard error of the mean; 0 where the launches tell none


class Key(NamedTuple):
    """Names comparable values: all that is chosen but the candidate, and nothing of the machine."""

    subject: str
    fingerprint: str
    reference: str  # see bench.judge.reports.reference_label
    metric: str

    @property
    def compared(self) -> tuple[str, str]:
        """Returns subject and metric, which other keys may have: of another model, or against another reference."""
        return self.subject, self.metric


Points = Mapping[Key, Point]  # of one report


@dataclasses.dataclass(frozen=True)
class Series:
    """One metric of one subject against one reference, in the order of its reports."""

    key: Key
    points: tuple[Point, ...]
    fixed_reference: float | None  # None where the report that was given as one lacks it
    margin: float  # of logarithms
    noise: float | None  # of a typical report; None for too few of them
    changes: tuple[Change, ...]
    drift: Drift | None  # None without noise to judge it by, or without a fixed reference
    ended: bool = False  # another one of its subject and metric began after its last report, and is judged now

    @property
    def two_sided(self) -> bool:
        """Tells whether the margin bounds a fall, too: perplexity has to stay equal."""
        return self.key.metric == PERPLEXITY

    @property
    def outcome(self) -> Outcome | None:
        """Returns REGRESSION where the newest reports are certainly worse than the fixed reference by more than the
        margin; None where nothing can be judged: without noise, without a fixed reference, or because it ended.
        """
        if self.drift is None or self.ended:
            return None
        if self.drift.first is not None:
            return Outcome.REGRESSION
        return Outcome.PASS if self.drift.proven else Outcome.INCONCLUSIVE


def report_points(name: str, report: Report) -> dict[Key, Point]:
    """Returns the metrics of a report that was found at `name`; launches that failed are left out.

    Raises ValueError for a damaged record.
    """
    points: dict[Key, Point] = {}
    for run in paired_runs(report):
        pairs = whole_pairs(run)
        if not pairs:
            continue
        candidate = pairs[0].candidate
        key = (candidate.subject.name, candidate.subject.fingerprint, reference_label(run))
        for metric, values in _log_ratios(pairs).items():
            value, error = _mean(values)
            if math.isfinite(value):
                point = Point(name, report.created, candidate.tensorflow, candidate.machine.fingerprint(), value, error)
                points[Key(*key, metric)] = point
    return points


def outcome(series: Iterable[Series]) -> Outcome:
    """Returns REGRESSION if a metric is worse than its fixed reference; PASS if there is step time, perplexity or
    memory, and all of it is proven.
    """
    found = [(each.key.metric, each.outcome) for each in series if not each.ended]
    if any(outcome is Outcome.REGRESSION for _, outcome in found):
        return Outcome.REGRESSION
    proven = {outcome for metric, outcome in found if metric in PROVEN}
    return Outcome.PASS if proven == {Outcome.PASS} else Outcome.INCONCLUSIVE


def histories(reports: Iterable[Points], fixed: Points | None = None) -> list[Series]:
    """Returns a series for each key that at least two reports have, or the newest one, where older ones of the same
    subject and metric have another. Its fixed reference is the oldest report's, unless one is given.

    A series that the given reference lacks has none, and isn't judged. Raises ValueError if that is so of all.
    """
    groups: dict[Key, list[Point]] = {}
    for report in reports:
        for key, point in report.items():
            groups.setdefault(key, []).append(point)
    groups = {key: sorted(points, key=lambda point: point.created) for key, points in groups.items()}
    groups = {key: points for key, points in groups.items() if len(points) > 1 or _is_newest(key, groups)}
    if fixed is not None and not fixed.keys() & groups.keys():
        raise ValueError(
            "the fixed reference has no configuration and reference environment in common with the reports: name "
            "another report by --fixed-reference"
        )
    series = [_series(key, points, points[0] if fixed is None else fixed.get(key)) for key, points in groups.items()]
    return [dataclasses.replace(each, ended=any(_follows(other, each) for other in series)) for each in series]


def _is_newest(key: Key, groups: Mapping[Key, Sequence[Point]]) -> bool:
    """Tells whether a key's points are newer than those of all others of its subject and metric, of which there are."""
    others = [points for other, points in groups.items() if other != key and other.compared == key.compared]
    return bool(others) and all(points[-1].created < groups[key][0].created for points in others)


def _follows(other: Series, one: Series) -> bool:
    """Tells whether a series is judged that began after the last report of another of its subject and metric."""
    began = other.points[0].created > one.points[-1].created
    return other.key.compared == one.key.compared and began and other.drift is not None


def _series(key: Key, points: Sequence[Point], fixed: Point | None) -> Series:
    values, margin = [point.value for point in points], math.log1p(MARGINS[key.metric])
    between = noise(values, margin)
    series = Series(key, tuple(points), fixed.value if fixed else None, margin, between, (), None)
    if between is None:
        return series
    deviations = [max(between, point.error) for point in points]
    typical = median(deviations)
    found = changes(values, typical, margin, two_sided=series.two_sided)
    series = dataclasses.replace(series, noise=typical, changes=found)
    if fixed is None:
        return series
    own = max(between, fixed.error)
    differences = [value - fixed.value for value in values]
    of_differences = [math.hypot(deviation, own) for deviation in deviations]
    return dataclasses.replace(series, drift=drift(differences, of_differences, margin, two_sided=series.two_sided))


def _log_ratios(pairs: Sequence[Pair]) -> dict[str, list[float]]:
    """Returns the log ratios by launch of each metric that has a margin here and that launches tell."""
    found = {sample.metric.name: differences_of(sample) for sample in samples_of(pairs)}
    on_all = [pair for pair in pairs if pair.cores == ALL_CORES]
    starts = [(_startup_seconds(pair.reference), _startup_seconds(pair.candidate)) for pair in on_all]
    found[START_UP] = [math.log(candidate / reference) for reference, candidate in starts if reference and candidate]
    return {metric: found[metric] for metric in MARGINS if found.get(metric)}


def _startup_seconds(record: Record) -> float:
    """Returns the seconds from the start of the process to its first trained step; 0 where it isn't known."""
    return record.startup.seconds if record.startup else 0.0


def _mean(values: Sequence[float]) -> tuple[float, float]:
    """Returns (mean, its standard error as a paired run's bounds take it); the error is 0 where it can't be told."""
    if len(values) < 2:
        return values[0], 0.0
    mean, error = mean_of(values)
    return mean, error if math.isfinite(error) else 0.0
