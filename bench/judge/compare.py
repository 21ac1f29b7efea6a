"""Two reports whose references are equal: each candidate's ratio to that reference, one against the other.

Seconds of different days tell little of two TensorFlows. Ratios do, each measured in turn with the same packages. The
launches of one report know nothing of the other's, so which of them pair is a matter of their order alone; the bounds
are those of a paired run.
"""

import dataclasses
import math
from collections.abc import Sequence

from bench.judge.failures import failed_once, launch_failed, launch_failures
from bench.judge.fields import unlike, unlike_variables
from bench.judge.margins import Margins
from bench.judge.metrics import LIKENESS
from bench.judge.notices import NumbersNotCompared, OfReport, Told, UnlikePlaces
from bench.judge.reasons import Decided, LaunchesLackIt, NotTimed, Reason, UnlikeReferences, UnlikeReports
from bench.judge.reports import Report, incomplete, paired_runs, reference_label, subject_of
from bench.judge.samples import compare, mean_told, samples_of, whole_pairs
from bench.judge.types import Comparison, Direction, Question, Sample, Scale, Scope, Unit, Verdict, outcome_of
from bench.record.gate import GateRun
from bench.record.paired import CANDIDATE, REFERENCE, Pair, PairedRun
from bench.record.repeats import settled_pairs
from bench.record.variables import bearing
from bench.stats.intervals import widened
from bench.stats.outcome import Outcome
from bench.stats.sequential import LOOKS, launches_of_a_pass

SIDES = (REFERENCE, CANDIDATE)  # reports


class ComparisonError(ValueError):
    """Two reports that can't be compared."""


def compare_reports(reference: Report, candidate: Report, margins: Margins) -> Verdict:
    """Returns the verdict on the candidate report's speed and memory, or on those metrics alone that a report names.

    A candidate that fails for good in the second report alone is a REGRESSION. Numbers aren't compared: each report's
    own verdict judges them. Raises ComparisonError for a report given twice, or for two without a launch.
    """
    if reference == candidate:
        raise ComparisonError(f"the report of {reference.created} is given twice: compare it with another")
    reports = (reference, candidate)
    timed = [_timed(report) for report in reports]
    names = list(dict.fromkeys([*timed[0], *timed[1]]))
    if not names:
        raise ComparisonError("neither report has a launch that both its sides finished: there is no ratio to compare")
    comparisons: list[Comparison] = []
    warnings: list[Reason] = []
    scope = Scope.SPEED
    for name in names:
        problem = _problem(name, timed, reports)
        if problem:
            comparisons.append(Comparison(name, LIKENESS, Outcome.INCONCLUSIVE, problem))
            continue
        before, after = (whole_pairs(runs[name]) for runs in timed)
        only = timed[1][name].only or timed[0][name].only
        unlike_machines = before[0].reference.machine != after[0].reference.machine
        between_hosts = margins.between_hosts if unlike_machines else 0.0
        between = math.sqrt(2) * between_hosts
        samples = _samples(before, after, margins, only)
        kinds = {new.cores for old, new in samples if new.metric.gates and not _lacking(old, new)}
        pass_from = launches_of_a_pass(len(kinds))
        comparisons += [_compared(*sides, pass_from, between) for sides in samples]
        comparisons += _failed_since(*(runs[name] for runs in timed))
        scope = Scope.NAMED if only else scope
        warnings += _unlike_places(name, before[0], after[0], between_hosts)
    failures: list[Reason] = []
    for side, report in zip(SIDES, reports, strict=True):
        warnings += [OfReport(side, warning) for warning in _warnings(report)]
        failures += [OfReport(side, failure) for run in paired_runs(report) for failure in incomplete(run)]
    return Verdict(
        Question.REPORTS,
        tuple(comparisons),
        (*warnings, NumbersNotCompared()),
        tuple(failures),
        scope,
    )


def _timed(report: Report) -> dict[str, PairedRun]:
    """Returns the report's runs with a launch that both sides finished, by Subject.name."""
    return {pairs[0].reference.subject.name: run for run in paired_runs(report) if (pairs := whole_pairs(run))}


def _problem(name: str, timed: Sequence[dict[str, PairedRun]], reports: Sequence[Report]) -> Reason | None:
    """Returns why a subject's ratios can't be compared; None if they can."""
    for side, runs, report in zip(SIDES, timed, reports, strict=True):
        if name not in runs:
            return NotTimed(side, tuple(runs), report.speed_problem if isinstance(report, GateRun) else "")
    labels = [reference_label(runs[name]) for runs in timed]
    if labels[0] != labels[1]:
        return UnlikeReferences(*labels)
    subjects = [whole_pairs(runs[name])[0].reference.subject for runs in timed]
    # A launch of a user's own model has as many steps as fit its time (bench.drive.sized): any two runs differ in it.
    fields = unlike(*(vars(dataclasses.replace(one, steps=0) if one.own else one) for one in subjects))
    return UnlikeReports(fields) if fields else None


def _samples(
    before: Sequence[Pair], after: Sequence[Pair], margins: Margins, only: Sequence[str]
) -> list[tuple[Sample, Sample]]:
    """Returns (the reference report's sample, the candidate report's) of every metric but those of numbers.

    A gating metric that one report lacks is one that none of its launches tell.
    """
    old, new = ({one.metric.name: one for one in samples_of(pairs, margins, only)} for pairs in (before, after))
    found = []
    for name in {**old, **new}:
        some = old.get(name) or new[name]
        if some.metric.direction is not Direction.EQUAL and (some.metric.gates or (name in old and name in new)):
            found.append((old.get(name, _untold(some)), new.get(name, _untold(some))))
    return found


def _untold(sample: Sample) -> Sample:
    nothing = (None,) * len(sample.difference)
    return dataclasses.replace(sample, candidate=nothing, reference=nothing, difference=nothing)


def _compared(reference: Sample, candidate: Sample, pass_from: int, between: float) -> Comparison:
    """Compares a metric's ratios to the reference. `between`: deviation of a difference of ratios from host to host."""
    ratio = reference.metric.scale is Scale.LOG
    metric = dataclasses.replace(reference.metric, unit=Unit.RATIO) if ratio else reference.metric
    old, new = reference.difference, candidate.difference
    if (lacking := _lacking(reference, candidate)) and metric.gates:
        reason = LaunchesLackIt(lacking, len(old) + len(new))
        after, before = (metric.natural(mean_told(side)) for side in (new, old))
        return Comparison(reference.subject, metric, Outcome.INCONCLUSIVE, reason, after, before)
    differences = tuple(
        None if before is None or after is None else after - before for before, after in zip(old, new, strict=False)
    )
    # No launch can be added, so there is one look: at all launches.
    last = max((look for look in LOOKS if look <= len(differences)), default=candidate.plan.first)
    plan = dataclasses.replace(candidate.plan, most=last, first=max(last, candidate.plan.first), pass_from=pass_from)
    compared = compare(Sample(reference.subject, metric, new, old, differences, plan=plan))
    return across_hosts(compared, between, pass_from) if between else compared


def _lacking(reference: Sample, candidate: Sample) -> int:
    """Returns how many launches don't tell the metric."""
    return (*reference.difference, *candidate.difference).count(None)


def across_hosts(found: Comparison, between: float, pass_from: int) -> Comparison:
    """Returns a comparison with bounds that hold the deviation between hosts, and what they prove."""
    metric, reason = found.metric, found.reason
    if found.interval is None or metric.scale is not Scale.LOG:
        return found
    interval = widened(found.interval, between)
    if metric.margin is None or not isinstance(reason, Decided):
        return dataclasses.replace(found, interval=interval)
    outcome = outcome_of(interval, metric)
    if outcome is Outcome.PASS and reason.launches < pass_from:
        outcome = Outcome.INCONCLUSIVE
    return dataclasses.replace(
        found,
        outcome=outcome if metric.gates else Outcome.NOT_GATED,
        reason=Decided(reason.launches, across_hosts=True),
        interval=interval,
        precision=None,
        improved=outcome is Outcome.PASS and interval.high < -metric.margin,
    )


def _failed_since(reference: PairedRun, candidate: PairedRun) -> list[Comparison]:
    """Returns that a run's candidate fails for good where its own reference runs, unless the other run's does, too."""
    before, after = (launch_failures(dataclasses.replace(run, oracle=()))[0] for run in (reference, candidate))
    return [] if before else [one for one in after if one.outcome is Outcome.REGRESSION]


def _unlike_places(name: str, before: Pair, after: Pair, between_hosts: float) -> list[UnlikePlaces]:
    """Warns where the reports come from unlike machines or settings, between which a ratio varies more than its
    launches tell. `between_hosts`: the deviation of a ratio, which the bounds hold √2 times; 0 between settings.
    """
    records = (before.reference, after.reference)
    one, other = (
        vars(record.machine) | {told: getattr(record.environment, told, "") for told in ("python", "onednn", "threads")}
        for record in records
    )
    variables = (bearing(record.environment.variables if record.environment else {}) for record in records)
    found = (*unlike(one, other), *unlike_variables(*variables))
    return [UnlikePlaces(name, found, between_hosts)] if found else []


def _warnings(report: Report) -> list[Reason]:
    """Returns the report's own, and its launches that failed."""
    runs = paired_runs(report)
    told = dict.fromkeys([*report.warnings, *(warning for run in runs for warning in run.warnings)])
    failed: list[Reason] = []
    for run in runs:
        (pairs, once), where = settled_pairs(run.pairs), subject_of(run) if len(runs) > 1 else ""
        failed += [failed_once(one, where) for one in once]
        failed += [launch_failed(where, one.launch, side, why) for one in pairs for side, why in one.failures.items()]
    return [*map(Told, told), *failed]
