"""Runs over time: where a metric's level changed, and how far it has drifted from a fixed anchor.

Two questions, since either misses what the other finds. A change point needs a step; 1% slower with every release has none, and each
release passes against the one before it, until ten of them make 10% (keras #18971). A drift is measured from a run that never moves.

Values are logarithms. Noise is the deviation between runs next to each other, by the median absolute deviation of their differences:
neither steps nor a steady drift widen it. Runs are of different days: what was measured beside their times limits what those prove, as
in every comparison that isn't paired (bench.judge.noninferiority).
"""

import dataclasses
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

import numpy as np
import ruptures

from bench.judge.noninferiority import Doubt, company_doubt, explained, stall_doubt, yardstick_doubt
from bench.judge.summary import by_subject, launch_speed, log_perplexity, others_cpu, stalls
from bench.judge.types import Outcome
from bench.record.types import Baseline, LaunchSpeed, Record, Run

# How far a metric may be from the anchor's, as fractions. Finer than a stored baseline's margins: a history has many sessions. Perplexity's
# is the widest there: right versions, each the same to the last bit day by day, lie up to 2% apart (docs/baselines.md).
MARGINS = {"step time": 0.05, "perplexity": 0.02, "peak memory": 0.10, "start-up": 0.20, "evaluation": 0.05}
PROVEN = ("step time", "perplexity", "peak memory")  # metrics of which a PASS takes a proof; the others are too noisy to give one
# Metrics that another host or other processes change. The yardstick's response is measured for steps, and taken for the others as well.
TIMES = ("step time", "start-up", "evaluation")
LEAST_RUNS = 6  # below that a series has no noise to speak of
LEAST_LEVEL = 2  # runs that a level must last: one run alone is an outlier
# Penalty for a change point, in units of σ² log n. Unchanged series of Gaussian noise, σ estimated as here, show a change in 14% of
# series of 10 runs, 5% of 30, 1% of 100 (tests/bench/judge/test_history.py); of those only changes beyond the margin are called worse.
PENALTY = 4.0
CERTAINTY = 2.58  # standard errors beyond the margin: 0.5% of single runs at exactly the margin
CONSISTENCY = 1.4826  # of the median absolute deviation with Gaussian noise
FINEST = 50.0  # a noise is at least the margin over this: runs may be equal to the last bit, and changes that small matter to nobody


@dataclasses.dataclass(frozen=True)
class Beside:
    """What was measured beside times, the mean over a run's launches or over runs."""

    yardstick: float | None = None  # its logarithm; None where it was not measured
    others_cpu: float = 0.0  # the part of the CPU that other processes had
    stalls: float = 0.0  # see bench.judge.summary.stalls

    def doubts(self, before: "Beside", noise: float) -> tuple[Doubt, ...]:
        """How much of the difference from times with `before` beside them may not be TensorFlow's.

        `noise`: how far the yardstick of two runs on one host differs.
        """
        change = None if self.yardstick is None or before.yardstick is None else self.yardstick - before.yardstick
        return (
            yardstick_doubt(change, noise),
            company_doubt(self.others_cpu, before.others_cpu),
            stall_doubt(self.stalls, before.stalls),
        )


UNKNOWN = Beside()  # of what no time is


class Value(NamedTuple):
    """A run's value of one metric: the mean of its launches' logarithms, and what it was measured beside."""

    logarithm: float
    beside: Beside = UNKNOWN


@dataclasses.dataclass(frozen=True)
class Point:
    """A run's value of one metric, in a series."""

    run: str  # where it was found
    created: str
    tensorflow: str
    value: float  # a logarithm
    beside: Beside = UNKNOWN


@dataclasses.dataclass(frozen=True)
class Change:
    """The level of a metric changed with a run."""

    first: int  # position of the first run of the new level
    difference: float  # of the levels' logarithms, new − old
    worse: bool  # by more than the margin and what was measured beside it may explain


@dataclasses.dataclass(frozen=True)
class Drift:
    """How far the newest run is from the anchor."""

    difference: float  # of logarithms
    first: int | None  # position of the run since which every run is certainly beyond the margin; None if the newest isn't, or it alone
    proven: bool  # that the newest run is not worse by as much as the margin
    doubt: str = ""  # what stands against the outcome that there were otherwise
    doubted: int | None = None  # position of the run beside which that was measured

    @property
    def beyond(self) -> bool:
        """Whether the newest runs are certainly worse by more than the margin."""
        return self.first is not None


class Key(NamedTuple):
    """What makes values comparable over time: everything that is chosen but TensorFlow."""

    subject: str
    fingerprint: str
    machine: str
    threads: int
    onednn: bool
    metric: str

    @property
    def place(self) -> str:
        """The machine and what was set on it."""
        return f"{self.machine}, {self.threads} threads, oneDNN {'on' if self.onednn else 'off'}"


@dataclasses.dataclass(frozen=True)
class Series:
    """One metric of one subject on one machine, in the order of its runs."""

    key: Key
    points: tuple[Point, ...]
    anchor: float | None  # None where the run that was given as one lacks it
    margin: float  # of logarithms
    noise: float | None  # between neighbouring runs; None for too few of them
    changes: tuple[Change, ...]
    drift: Drift | None  # None without noise to judge it by, or without an anchor

    @property
    def worse(self) -> bool:
        """Whether the newest runs are certainly worse than the anchor by more than the margin."""
        return self.drift is not None and self.drift.beyond

    @property
    def outcome(self) -> Outcome | None:
        """None where nothing can be judged: without noise, or without an anchor."""
        if self.drift is None:
            return None
        if self.worse:
            return Outcome.REGRESSION
        return Outcome.PASS if self.drift.proven else Outcome.CANNOT_JUDGE


@dataclasses.dataclass(frozen=True)
class Values:
    """What a history keeps of a run."""

    run: str
    created: str
    tensorflow: str
    values: dict[Key, Value]


def run_values(name: str, run: Run) -> Values:
    """The metrics of a run that was found at `name`; launches that failed are left out. Raises ValueError for a damaged record."""
    values: dict[Key, Value] = {}
    finished = [record for record in run.records if record.environment and not record.failure]
    for subject, records in by_subject(finished).items():
        first, environment = records[0], records[0].environment
        assert environment is not None
        key = (subject, first.subject.fingerprint, first.machine.fingerprint(), environment.threads, environment.onednn)
        values |= {Key(*key, metric): value for metric, value in _run_metrics(records).items()}
    versions = dict.fromkeys(record.environment.tensorflow for record in finished if record.environment)
    return Values(name, run.created, ", ".join(versions), values)


def baseline_values(name: str, baseline: Baseline) -> Values:
    """The metrics of a baseline that was found at `name`, on each machine that it has sessions of; its perplexity holds on all of them."""
    values: dict[Key, Value] = {}
    groups: dict[tuple[str, int, bool], list[LaunchSpeed]] = {}
    for session in baseline.sessions:
        place = (session.machine.fingerprint(), session.environment.threads, session.environment.onednn)
        groups.setdefault(place, []).extend(session.launches)
    perplexities = [log_perplexity(replica.losses, baseline.subject, 0.0) for replica in baseline.replicas]
    for place, launches in groups.items():
        memory = [math.log(launch.peak_rss_bytes) for launch in launches if launch.peak_rss_bytes]
        found = {**_speed_logarithms(launches), "perplexity": perplexities, "peak memory": memory}
        means = _means(found, Beside(_yardstick(launches)))
        values |= {Key(baseline.subject.name, baseline.subject.fingerprint, *place, metric): mean for metric, mean in means.items()}
    versions = dict.fromkeys(session.environment.tensorflow for session in baseline.sessions)
    return Values(name, baseline.created, ", ".join(versions), values)


def outcome(series: Iterable[Series]) -> Outcome:
    """REGRESSION if a metric is worse than its anchor; PASS if there is step time, perplexity or memory, and all of it is proven."""
    found = [(each.key.metric, each.outcome) for each in series]
    if any(outcome is Outcome.REGRESSION for _, outcome in found):
        return Outcome.REGRESSION
    proven = {outcome for metric, outcome in found if metric in PROVEN}
    return Outcome.PASS if proven == {Outcome.PASS} else Outcome.CANNOT_JUDGE


def histories(runs: Iterable[Values], anchor: Values | None = None) -> list[Series]:
    """A series for each key that at least two runs have. Its anchor is the oldest run's value, unless an anchor is given.

    A series that the given anchor lacks has none, and isn't judged. Raises ValueError if that is so of all.
    """
    groups: dict[Key, list[Point]] = {}
    for run in sorted(runs, key=lambda run: run.created):
        for key, value in run.values.items():
            groups.setdefault(key, []).append(Point(run.run, run.created, run.tensorflow, value.logarithm, value.beside))
    groups = {key: points for key, points in groups.items() if len(points) > 1}
    if anchor and not anchor.values.keys() & groups.keys():
        raise ValueError(
            f"the anchor {anchor.run} has nothing in common with the runs: no configuration, machine and threads that both have"
        )
    oldest = {key: Value(points[0].value, points[0].beside) for key, points in groups.items()}
    return [_series(key, points, (anchor.values if anchor else oldest).get(key)) for key, points in groups.items()]


def noise(values: Sequence[float], margin: float) -> float | None:
    """The standard deviation of a run: of differences of neighbours, each of which holds two. None for too few runs."""
    if len(values) < LEAST_RUNS:
        return None
    differences = np.diff(np.asarray(values))
    return max(CONSISTENCY * float(np.median(np.abs(differences - np.median(differences)))) / math.sqrt(2), margin / FINEST)


def changes(
    values: Sequence[float], deviation: float, margin: float, besides: Sequence[Beside], yardstick_noise: float = 0.0
) -> tuple[Change, ...]:
    """Where the mean level changes: the cheapest segmentation under a penalty for each change (PELT, Killick and others 2012)."""
    signal = np.asarray(values)[:, None] / deviation
    ends = ruptures.KernelCPD(kernel="linear", min_size=LEAST_LEVEL).fit(signal).predict(pen=PENALTY * math.log(len(values)))
    levels = [slice(start, end) for start, end in itertools.pairwise([0, *map(int, ends)])]
    found = []
    for old, new in itertools.pairwise(levels):
        difference = fmean(values[new]) - fmean(values[old])
        doubts = _mean_beside(besides[new]).doubts(_mean_beside(besides[old]), yardstick_noise)
        found.append(Change(new.start, difference, difference - explained(doubts, "slower").size > margin))
    return tuple(found)


def drift(values: Sequence[float], anchor: float, deviation: float, margin: float, doubts: Sequence[Sequence[Doubt]]) -> Drift:
    """Of the newest run: it and the anchor have each the noise of a run. One run alone beyond the margin is an outlier.

    `doubts` are those of each value's difference from the anchor.
    """
    uncertain = CERTAINTY * math.sqrt(2) * deviation
    differences = [value - anchor for value in values]
    slower, faster = [explained(of, "slower") for of in doubts], explained(doubts[-1], "faster")
    beyond = _newest_beyond(differences, [margin + uncertain + size for size, _ in slower])
    trusting = _newest_beyond(differences, [margin + uncertain] * len(values))
    proven = differences[-1] + uncertain + faster.size < margin
    first = len(values) - beyond if beyond >= LEAST_LEVEL else None
    if trusting >= LEAST_LEVEL > beyond:
        doubted = len(values) - 1 - beyond  # the newest run that isn't certainly beyond
        return Drift(differences[-1], first, proven, slower[doubted].reasons, doubted)
    if differences[-1] + uncertain < margin and not proven:
        return Drift(differences[-1], first, proven, faster.reasons, len(values) - 1)
    return Drift(differences[-1], first, proven)


def _newest_beyond(differences: Sequence[float], limits: Sequence[float]) -> int:
    """How many runs, back from the newest, are each beyond their limit."""
    pairs = zip(reversed(differences), reversed(limits), strict=True)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] > pair[1], pairs))


def _series(key: Key, points: Sequence[Point], anchor: Value | None) -> Series:
    values, margin = [point.value for point in points], math.log1p(MARGINS[key.metric])
    deviation = noise(values, margin)
    series = Series(key, tuple(points), anchor.logarithm if anchor else None, margin, deviation, (), None)
    if deviation is None:
        return series
    besides = [point.beside for point in points]
    yardsticks = [beside.yardstick for beside in besides if beside.yardstick is not None]
    yardstick_noise = CERTAINTY * math.sqrt(2) * (noise(yardsticks, margin) or 0.0)
    found = changes(values, deviation, margin, besides, yardstick_noise)
    if anchor is None:
        return dataclasses.replace(series, changes=found)
    doubts = [beside.doubts(anchor.beside, yardstick_noise) for beside in besides]
    return dataclasses.replace(series, changes=found, drift=drift(values, anchor.logarithm, deviation, margin, doubts))


def _mean_beside(of: Sequence[Beside]) -> Beside:
    """Of several runs; the yardstick's is known if all have it."""
    yardsticks = [each.yardstick for each in of if each.yardstick is not None]
    yardstick = fmean(yardsticks) if len(yardsticks) == len(of) else None
    return Beside(yardstick, fmean(each.others_cpu for each in of), fmean(each.stalls for each in of))


def _run_metrics(records: Sequence[Record]) -> dict[str, Value]:
    """Mean logarithms over the launches that have the metric."""
    speeds = [speed for record in records if (speed := launch_speed(record))]
    timed = [record for record in records if record.step_seconds]  # beside others (--no-speed) evaluation takes what is left
    found = {
        **_speed_logarithms(speeds),
        "perplexity": [log_perplexity(record.losses, record.subject, 0.0) for record in records],
        "peak memory": [math.log(record.memory.peak_rss_bytes) for record in records if record.memory],
        "evaluation": [math.log(record.evaluation.seconds) for record in timed if record.evaluation and record.evaluation.seconds > 0],
    }
    return _means(found, Beside(_yardstick(speeds), others_cpu(records), stalls(records)))


def _yardstick(launches: Sequence[LaunchSpeed]) -> float | None:
    """The mean logarithm; None unless all have it."""
    logarithms = [math.log(launch.yardstick_seconds) for launch in launches if launch.yardstick_seconds]
    return fmean(logarithms) if logarithms and len(logarithms) == len(launches) else None


def _speed_logarithms(speeds: Sequence[LaunchSpeed]) -> dict[str, list[float]]:
    return {
        "step time": [math.log(speed.step_seconds) for speed in speeds],
        "start-up": [math.log(speed.startup_seconds) for speed in speeds],
    }


def _means(found: Mapping[str, Sequence[float]], beside: Beside) -> dict[str, Value]:
    """Of the metrics that have values; one that isn't finite is left out. `beside` is that of the step time."""
    means = {metric: math.fsum(values) / len(values) for metric, values in found.items() if values}
    other_times = dataclasses.replace(beside, stalls=0.0)  # whole times, of which nothing is trimmed
    besides = {**dict.fromkeys(TIMES, other_times), "step time": beside}
    return {metric: Value(mean, besides.get(metric, UNKNOWN)) for metric, mean in means.items() if math.isfinite(mean)}
