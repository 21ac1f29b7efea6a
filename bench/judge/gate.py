"""A gate, or a run of one environment, against the baselines: every metric of every subject, then one verdict."""

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence

from bench.judge.acceptances import not_accepted, tolerated
from bench.judge.exact import judge_numerics, judge_retraces, left_open
from bench.judge.failures import candidate_failures, failed_once, launch_failures, with_repeats
from bench.judge.fields import unlike
from bench.judge.ledger import accepted_ratio, is_foreign, of_models, positions
from bench.judge.margins import Margins
from bench.judge.metrics import NAMES, PERPLEXITY, REPLICATES, RETRACES, SPEED, key
from bench.judge.notices import ForeignReference, NumbersNotMeasured, Told
from bench.judge.paired import compare_in_turn, paired_warnings
from bench.judge.perplexity import judge_perplexity
from bench.judge.planning import with_plans
from bench.judge.reasons import Decided, NoBaseline, Reason, SpeedNotMeasured, UnlikeBaseline
from bench.judge.reports import incomplete, records_by_subject, subject_of
from bench.judge.samples import samples_of, timed_candidates, whole_pairs
from bench.judge.throughput import judge_throughput
from bench.judge.types import Comparison, Estimator, Metric, Question, Sample, Scope, Unit, Verdict, outcome_of
from bench.record.gate import GateRun
from bench.record.ledger import Ledger
from bench.record.paired import PairedRun
from bench.record.repeats import reference_failure, settled_records, unrepeated
from bench.record.types import Baseline, Record, Run
from bench.stats.intervals import widened
from bench.stats.outcome import Outcome
from bench.stats.sequential import LOOKS, bounds_at


@dataclasses.dataclass(frozen=True)
class Standards:
    """The standards that reports are judged by: the reviewed files of `baselines/`."""

    baselines: Mapping[str, Baseline]  # by Subject.name
    margins: Margins
    ledger: Ledger


def judge_gate(gate: GateRun, standards: Standards) -> Verdict:
    """Returns the verdict on a gate: its numbers by oracle and replicates, its speed in turn with the reference."""
    whole = (run for run in gate.speed if whole_pairs(run) and not reference_failure(run.pairs))
    ran = {subject_of(run) for run in whole}
    comparisons, failures, warnings = _numbers(gate.numbers, standards, ran)
    if not (gate.numbers.records or gate.numbers.incomplete):
        failures.append(NumbersNotMeasured())
    for run in gate.speed:
        where = subject_of(run) if len(gate.speed) > 1 else ""
        failed, unfinished = launch_failures(run, where)
        asked = {(one.subject, one.metric) for one in failed}  # of both sides; the numbers know the candidate alone
        comparisons = [one for one in comparisons if (one.subject, one.metric) not in asked]
        comparisons += [*failed, *_speed(run, standards)]
        failures += [*unfinished, *incomplete(run)]
        warnings += paired_warnings(run, where)
    comparisons += _throughputs(gate, standards)
    if gate.speed_problem:
        reason = SpeedNotMeasured(gate.speed_problem)
        comparisons.append(Comparison("reference", SPEED, Outcome.INCONCLUSIVE, reason))
    comparisons = with_repeats(comparisons, gate.speed, gate.numbers.records)
    comparisons = tolerated(comparisons, standards.ledger, gate)
    foreign = [
        ForeignReference(run.reference.requested, run.reference.setup)
        for run in gate.speed
        if is_foreign(standards.ledger, run.reference.setup)
    ]
    warnings = [*not_accepted(comparisons, standards.ledger, gate), *foreign, *warnings]
    return Verdict(
        Question.GATE,
        _subjects_together(comparisons),
        tuple(dict.fromkeys((*map(Told, gate.warnings), *warnings))),
        tuple(failures),
        Scope.ALL if any(run.pairs for run in gate.speed) else Scope.NUMBERS,
    )


def judge_run(run: Run, standards: Standards) -> Verdict:
    """Returns the verdict on a run of one environment: its numbers. Words/s are context: no stored time travels."""
    comparisons, failures, warnings = _numbers(run, standards)
    comparisons = with_repeats(comparisons, (), run.records)
    timed = [record for record in settled_records(run.records)[0] if not record.failure]
    for name, records in records_by_subject(timed).items():
        comparisons += judge_throughput(name, records, standards.baselines.get(name), in_turn=False, gates=False)
    return Verdict(Question.RUN, _subjects_together(comparisons), tuple(warnings), tuple(failures), Scope.NUMBERS)


def gate_samples(run: PairedRun, standards: Standards) -> list[Sample]:
    """Returns what a gate judges of launches in turn: all but perplexity, which the replicates judge, each from its
    accepted ratio.
    """
    ledger, subject, reference = of_models(standards.ledger, run), subject_of(run), run.reference.setup
    accepted = {name: accepted_ratio(ledger, reference, subject, name) for name in NAMES}
    found = samples_of(whole_pairs(run), standards.margins, accepted=accepted)
    return with_plans([sample for sample in found if sample.metric.name != PERPLEXITY], run)


def _numbers(
    run: Run, standards: Standards, ran: Collection[str] = ()
) -> tuple[list[Comparison], list[Reason], list[Reason]]:
    """Returns (comparisons, failures, warnings) of a run's numbers.

    A launch that failed twice is a failed measurement; a REGRESSION if its training diverged, or if the reference `ran`
    that subject, unless the oracle failed, the disk was full, or there is no TensorFlow. One that an interrupted run
    has not repeated yet is neither.
    """
    records, once = settled_records(run.records)
    if run.incomplete:
        awaited = unrepeated(run.records)
        records = [record for record in records if record not in awaited]
    comparisons: list[Comparison] = []
    failures = incomplete(run)
    warnings: list[Reason] = [*map(Told, run.warnings)]
    for name, of in records_by_subject(records).items():
        failed, unfinished = candidate_failures(name, of, reference_ran=name in ran)
        comparisons += failed
        failures += unfinished
        finished = [record for record in of if not record.failure]
        if finished:
            comparisons += _judge_subject(name, finished, standards)
            warnings += left_open(name, finished)
    return comparisons, failures, [*warnings, *(failed_once(one, one.subject) for one in once)]


def _judge_subject(name: str, records: Sequence[Record], standards: Standards) -> list[Comparison]:
    baseline, subject = standards.baselines.get(name), records[0].subject
    exact = [judge_numerics(name, records)]
    if subject.tells(RETRACES.name):
        exact.append(judge_retraces(name, records))
    if not subject.tells(PERPLEXITY):
        return exact
    if baseline is None:
        return [*exact, Comparison(name, REPLICATES, Outcome.INCONCLUSIVE, NoBaseline())]
    if fields := unlike(vars(baseline.subject), vars(subject)):
        return [*exact, Comparison(name, REPLICATES, Outcome.INCONCLUSIVE, UnlikeBaseline(fields))]
    return [*exact, judge_perplexity(records, baseline, standards.margins)]


def _speed(run: PairedRun, standards: Standards) -> list[Comparison]:
    """Returns what was measured in turn, and what it has come to since the ledger's first entry."""
    samples = gate_samples(run, standards)
    told_alone = all(pair.reference.subject.tells(RETRACES.name) for pair in run.pairs)  # with the numbers
    found = compare_in_turn(run, samples, retraces=not told_alone)
    since = (_since_first(sample, run, standards) for sample in samples)
    return [*found, *(comparison for comparison in since if comparison)]


def _since_first(sample: Sample, run: PairedRun, standards: Standards) -> Comparison | None:
    """Compares the change since the ledger's first entry with the metric's budget, by all launches up to the last look
    that has bounds, whichever look decided the metric itself; None without a budget, an entry or such a look.

    The entry's own bounds are added in quadrature. Where it was measured on another host, its ratio may differ here by
    two draws of a host's own effect.
    """
    margins, metric = standards.margins, sample.metric
    budget = margins.budget.get(key(metric.name))
    entries = positions(of_models(standards.ledger, run), run.reference.setup, sample.subject, metric.name)
    if not (budget and entries):
        return None
    measured = [math.nan if value is None else value for value in sample.difference]
    looks = (look for look in reversed(LOOKS) if sample.plan.first <= look <= len(measured))
    bounded = ((look, bounds) for look in looks if (bounds := bounds_at(measured[:look])))
    launches, found = next(bounded, (0, None))
    if not found:
        return None
    first, here = entries[0], run.pairs[-1].candidate.machine
    elsewhere = any(machine != here.fingerprint() for machine in first.machines)
    between = math.sqrt(2) * margins.between_hosts if elsewhere else 0.0
    since = widened(found, between, sample.accepted - first.estimate, first.ratios)
    margin = math.log1p(budget)
    since_metric = Metric(
        f"{metric.name} since {first.tensorflow}", Unit.RATIO, metric.direction, Estimator.VALUE, margin=margin
    )
    outcome = outcome_of(since, since_metric)
    too_few = outcome is Outcome.PASS and launches < sample.plan.pass_from
    return Comparison(
        sample.subject,
        since_metric,
        Outcome.INCONCLUSIVE if too_few else outcome,
        Decided(launches, across_hosts=elsewhere),
        math.exp(found.estimate + sample.accepted),  # of the reference, as the entry's
        math.exp(first.estimate),
        since,
    )


def _throughputs(gate: GateRun, standards: Standards) -> list[Comparison]:
    """Returns words/s of each configuration whose speed was measured, by the candidate's steps in turn.

    Where they are asked to gate, those do of which a baseline can be made.
    """
    found = []
    for run in gate.speed:
        name, records = subject_of(run), timed_candidates(run)
        baseline = standards.baselines.get(name)
        gates = gate.gate_stored and all(record.subject.tells(PERPLEXITY) for record in records)
        found += judge_throughput(name, records, baseline, in_turn=True, gates=gates)
    return found


def _subjects_together(comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Returns the comparisons with those of one subject together, subjects in the order of their first."""
    order = list(dict.fromkeys(comparison.subject for comparison in comparisons))
    return tuple(sorted(comparisons, key=lambda comparison: order.index(comparison.subject)))
