"""The one road from launches to a comparison: pairs → samples → comparisons.

A launch gives a metric one value for each side; the differences of the launches are decided by bench.stats.sequential.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from bench.judge.margins import NO_MARGINS, Margins
from bench.judge.metrics import InTurn, in_turn
from bench.judge.reasons import (
    Decided,
    Identical,
    LaunchesLackIt,
    NoMargin,
    NoSpread,
    NotANumber,
    NotGated,
    Reason,
    TooFewLaunches,
)
from bench.judge.types import Comparison, Direction, Estimator, Metric, Sample, Scale
from bench.record.paired import ALL_CORES, CANDIDATE, REFERENCE, Pair, PairedRun
from bench.record.types import Record, Subject
from bench.stats.intervals import Interval, interval
from bench.stats.outcome import Outcome
from bench.stats.power import precision_of_launches
from bench.stats.sequential import LOOKS, Decision, LookPlan, decide, mean_of

DEFAULT_MARGIN = 0.10  # of a metric that is asked for by name and that the margins file leaves out


def whole_pairs(run: PairedRun, cores: str | None = None) -> list[Pair]:
    """Returns the launches that both sides finished, of one kind or of any."""
    return [pair for pair in run.pairs if not pair.failures and cores in (None, pair.cores)]


def timed_candidates(run: PairedRun) -> list[Record]:
    """Returns the candidate's records that words/s are told by: of launches on all cores, each with the part of the CPU
    that others had meanwhile. It disturbs both sides alike, so that ratios stay, but not a speed of one side.
    """
    return [dataclasses.replace(pair.candidate, others_cpu=pair.others_cpu) for pair in whole_pairs(run, ALL_CORES)]


def samples_of(
    pairs: Sequence[Pair],
    margins: Margins = NO_MARGINS,
    only: Sequence[str] = (),
    accepted: Mapping[str, float] | None = None,
) -> list[Sample]:
    """Returns every metric of launches of one subject, those that gate first. An empty list without launches.

    `only`: names of those that gate; none: all with a margin. `accepted`: log ratios by name, from which differences
    of metrics with a margin are measured.
    """
    if not pairs:
        return []
    subject = pairs[0].reference.subject
    found = []
    for row in in_turn(margins.window_start.get(subject.config, 0.0)):
        own, named = [pair for pair in pairs if pair.cores == row.cores], row.metric.name in only
        applies = row.optional or subject.tells(row.metric.name)
        if named or (applies and own):
            margin = _margin(row, margins, subject, only)
            metric = dataclasses.replace(row.metric, margin=margin, gates=margin is not None or named)
            sample = _sample(row, metric, subject, own, (accepted or {}).get(metric.name, 0.0))
            if named or not row.optional or differences_of(sample):
                found.append(sample)
    return found


def _sample(row: InTurn, metric: Metric, subject: Subject, pairs: Sequence[Pair], accepted: float) -> Sample:
    """Returns a metric of launches, its differences measured from the accepted ratio, if it is one and has a margin."""
    shift = accepted if metric.scale is Scale.LOG and metric.margin is not None else 0.0
    candidate, reference = (tuple(row.side(pair, side) for pair in pairs) for side in (CANDIDATE, REFERENCE))
    measured = (row.difference(pair) for pair in pairs)
    differences = tuple(None if value is None else value - shift for value in measured)
    plan = LookPlan(first=row.first)
    return Sample(subject.name, metric, candidate, reference, differences, shift, row.cores, plan)


def compare(sample: Sample) -> Comparison:
    """Returns the comparison that a sample's launches come to."""
    metric, values = sample.metric, differences_of(sample)
    found = Comparison(
        sample.subject,
        metric,
        Outcome.INCONCLUSIVE if metric.gates else Outcome.NOT_GATED,
        NotGated(math.fsum(values) / len(values) if values else math.nan),
        metric.natural(mean_told(sample.candidate)),
        metric.natural(mean_told(sample.reference)),
    )
    if metric.margin is None:
        if metric.gates:
            return dataclasses.replace(found, reason=NoMargin(sample.subject))
        return dataclasses.replace(found, interval=_interval(values))
    if _is_identical(sample):
        return dataclasses.replace(found, outcome=Outcome.PASS, reason=Identical(len(values)))
    decision, lacking = _decision(sample), len(sample.difference) - len(values)
    if lacking and (decision is None or decision.outcome is Outcome.INCONCLUSIVE):
        return dataclasses.replace(found, reason=LaunchesLackIt(lacking, len(sample.difference)))
    if decision is None:
        return dataclasses.replace(found, reason=TooFewLaunches(len(values), sample.plan.first))
    precision = precision_of_launches(decision, metric.margin, sample.plan)
    return dataclasses.replace(_decided(found, sample, decision), precision=precision)


def is_settled(sample: Sample) -> bool:
    """Tells whether more launches would change nothing of a metric."""
    launches = len(sample.difference)
    if launches >= sample.plan.most:
        return True
    decision = _decision(sample) if sample.metric.gates and not _is_identical(sample) else None
    return decision.final if decision else launches in LOOKS and launches >= sample.plan.first


def _decision(sample: Sample) -> Decision | None:
    """Returns what the launches prove; None before the first look, and without a margin. One that lacks the metric is
    no number: what was proven before it stands, and nothing can be after it.

    Memory grows by whole pages: with large ones, what most blocks show may be the same in all launches.
    """
    margin = sample.metric.margin
    if margin is None:
        return None
    return decide(
        [math.nan if value is None else value for value in sample.difference],
        margin,
        sample.plan,
        two_sided=sample.metric.direction is Direction.EQUAL,
        in_units=sample.metric.estimator is Estimator.TRIMMED_GROWTH,
    )


def _margin(row: InTurn, margins: Margins, subject: Subject, only: Sequence[str]) -> float | None:
    """Returns a metric's margin on its scale; None where it has none, or isn't one of those that were named."""
    name, relative = row.metric.name, row.metric.scale is Scale.LOG
    if only and name not in only:
        return None
    margin = margins.of(name, subject.config, subject.workload)
    if margin is None and only and relative:
        margin = DEFAULT_MARGIN
    return math.log1p(margin) if margin is not None and relative else margin


def _interval(values: Sequence[float]) -> Interval | None:
    """Returns the interval of launches that are looked at once; None of too few, of equal ones and of no numbers."""
    if len(values) < LOOKS[0]:
        return None
    estimate, error = mean_of(values)
    return interval(estimate, error, len(values) - 1) if math.isfinite(error) else None


def _decided(found: Comparison, sample: Sample, decision: Decision) -> Comparison:
    """Returns the comparison with what a decision says, its values those of the launches that it rests on."""
    rested = slice(decision.launches)
    return dataclasses.replace(
        found,
        outcome=decision.outcome if sample.metric.gates else Outcome.NOT_GATED,
        reason=_reason(sample, decision),
        candidate=sample.metric.natural(mean_told(sample.candidate[rested])),
        reference=sample.metric.natural(mean_told(sample.reference[rested])),
        interval=decision.interval,
        improved=decision.improved,
    )


def _reason(sample: Sample, decision: Decision) -> Reason:
    if decision.interval:
        return Decided(decision.launches, sample.accepted)
    wrong = next((value for value in differences_of(sample) if not math.isfinite(value)), None)
    return NoSpread(decision.launches) if wrong is None else NotANumber(wrong)


def differences_of(sample: Sample) -> list[float]:
    """Returns the differences of the launches that tell one."""
    return [value for value in sample.difference if value is not None]


def mean_told(values: Sequence[float | None]) -> float | None:
    """Returns the mean of the values that launches tell; None where none does."""
    told = [value for value in values if value is not None]
    return math.fsum(told) / len(told) if told else None


def _is_identical(sample: Sample) -> bool:
    """Tells whether a metric of numbers alone was the same on both sides of every launch, which proves more than a
    statistic. The ratio accepted last must lie within the margin of 1.
    """
    return (
        sample.metric.direction is Direction.EQUAL
        and len(sample.difference) >= sample.plan.first
        and all(value == -sample.accepted for value in sample.difference)
        and abs(sample.accepted) < (sample.metric.margin or 0.0)
    )
