"""A gate, or a run of one environment, against the baselines: every metric of every subject, then one verdict."""

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence

from bench.judge.baselines import differences
from bench.judge.exact import judge_numerics, judge_retraces
from bench.judge.in_turn import compare_in_turn, whole_pairs
from bench.judge.ledger import accepted_ratio, knows, positions, regressions_for, tolerated
from bench.judge.margins import Margins
from bench.judge.paired import launch_failures, pair_warnings, subject_of
from bench.judge.paired_metrics import Metric, metrics
from bench.judge.perplexity import METRIC, judge_perplexity
from bench.judge.summary import by_subject
from bench.judge.throughput import judge_throughput
from bench.judge.types import Comparison, Scope, Verdict, overall
from bench.judge.wording import why
from bench.record.gate import GateRun
from bench.record.ledger import Ledger
from bench.record.paired import Pair, PairedRun
from bench.record.repeats import settled_records
from bench.record.types import INCOMPLETE, Baseline, Record, Run, Subject
from bench.stats.intervals import one_sided, widened
from bench.stats.outcome import Outcome

SPEED = "speed"  # the metric of a comparison that says why no speed was measured


@dataclasses.dataclass(frozen=True)
class Standards:
    """What a gate is judged by: the reviewed files of `baselines/`."""

    baselines: Mapping[str, Baseline]  # by Subject.name
    margins: Margins
    ledger: Ledger


def judge_gate(gate: GateRun, standards: Standards) -> Verdict:
    """The verdict on a gate: its numbers against oracle and replicas, its speed in turn with the reference."""
    ran = {subject_of(run) for run in gate.speed if whole_pairs(run)}
    numbers, failures, warnings = _numbers(gate.numbers, standards, ran)
    if not gate.numbers.records:  # they are measured last: the gate was interrupted, or its launches failed
        failures.append(f"{INCOMPLETE}the numbers were not measured")
    comparisons = list(numbers)
    for run in gate.speed:
        subject = subject_of(run)
        failed, unfinished = launch_failures(run, subject)
        comparisons += [*failed, *_speed(run, subject, standards)]
        failures += [*unfinished, *(warning for warning in run.warnings if warning.startswith(INCOMPLETE))]
        warnings += [warning for warning in (*run.warnings, *pair_warnings(run)) if warning not in failures]
    comparisons += _throughputs(gate, standards)
    if gate.speed_problem:
        comparisons.append(Comparison("reference", SPEED, Outcome.CANNOT_JUDGE, "–", "–", gate.speed_problem))
    accepted = regressions_for(standards.ledger, [run.reference.identity for run in gate.speed])
    comparisons = tolerated(comparisons, accepted, gate.created)
    return Verdict(
        overall(comparisons),
        tuple(_by_subject(comparisons)),
        tuple(dict.fromkeys((*gate.warnings, *warnings))),
        tuple(failures),
        Scope.ALL if gate.speed else Scope.NUMBERS,
    )


def judge_run(run: Run, standards: Standards) -> Verdict:
    """The verdict on a run of one environment: its numbers alone. Words/s are context: no stored time travels."""
    comparisons, failures, warnings = _numbers(run, standards)
    timed = [record for record in settled_records(run.records)[0] if not record.failure]
    for name, records in by_subject(timed).items():
        comparisons += judge_throughput(name, records, standards.baselines.get(name), in_turn=False, gates=False)
    found = _by_subject(comparisons)
    return Verdict(overall(found), tuple(found), tuple(warnings), tuple(failures), Scope.NUMBERS)


def gate_metrics(pairs: Sequence[Pair], run: PairedRun, standards: Standards) -> list[Metric]:
    """What a gate judges of launches in turn: all but perplexity, which the replicas judge, each beside its accepted ratio."""
    found = [metric for metric in metrics(pairs, standards.margins) if metric.name != METRIC]
    subject, reference = subject_of(run), run.reference.identity
    return [
        dataclasses.replace(metric, accepted=accepted_ratio(standards.ledger, reference, subject, metric.name))
        if metric.is_ratio
        else metric
        for metric in found
    ]


def _numbers(
    run: Run, standards: Standards, ran: Collection[str] = ()
) -> tuple[list[Comparison], list[str], list[str]]:
    """(comparisons, failures, warnings) of a run's numbers.

    A launch that failed twice is a failed measurement; a REGRESSION if its training diverged, or if the reference `ran` that subject.
    """
    records, warnings = settled_records(run.records)
    comparisons: list[Comparison] = []
    failures = [warning for warning in run.warnings if warning.startswith(INCOMPLETE)]
    for name, of in by_subject(records).items():
        failed = {
            record.launch: record.failure for record in of if record.failure
        }  # of a repeat that failed, too, the last
        worse = [failure for failure in failed.values() if failure.kind == "diverged" or name in ran]
        for failure in worse[:1]:  # one comparison a metric, however many launches
            values = ("diverged", "finite") if failure.kind == "diverged" else ("failed", "runs")
            comparisons.append(Comparison(name, "training", Outcome.REGRESSION, *values, failure.message))
        failures += [
            f"{name}, launch {launch + 1}: {failure.message}"
            for launch, failure in failed.items()
            if failure not in worse
        ]
        finished = [record for record in of if not record.failure]
        if finished:
            comparisons += _judge_subject(name, finished, standards)
    return comparisons, failures, [warning for warning in run.warnings if warning not in failures] + warnings


def _judge_subject(name: str, records: Sequence[Record], standards: Standards) -> list[Comparison]:
    baseline = standards.baselines.get(name)
    exact = [judge_numerics(name, records), judge_retraces(name, records)]
    problem = _mismatch(records[0].subject, baseline)
    if baseline is None or problem:
        return [*exact, Comparison(name, METRIC, Outcome.CANNOT_JUDGE, "–", "–", problem)]
    return [*exact, judge_perplexity(records, baseline, standards.margins)]


def _mismatch(subject: Subject, baseline: Baseline | None) -> str:
    """Why the baseline can't be compared with the subject; "" if it can."""
    if baseline is None:
        return "there is no baseline: `tfgate record` makes one from a run that you trust"
    different = differences(baseline.subject, subject, "in the baseline", "in the run")
    return f"the baseline is of something else ({different}): record a new one with --replace" if different else ""


def _speed(run: PairedRun, subject: str, standards: Standards) -> list[Comparison]:
    """What was measured in turn, and what it has come to since the ledger's first entry."""
    pairs = whole_pairs(run)
    measured = gate_metrics(pairs, run, standards)
    found = compare_in_turn(subject, pairs, measured)
    since = [
        _since_first(metric, comparison, run, standards) for metric, comparison in zip(measured, found, strict=False)
    ]
    return [*found, *(comparison for comparison in since if comparison)]


def _since_first(metric: Metric, comparison: Comparison, run: PairedRun, standards: Standards) -> Comparison | None:
    """The change since the ledger's first entry against the metric's budget; None without a budget, an interval or an entry.

    Where the entry was measured on another host, its ratio may differ here by two draws of a host's own effect.
    """
    ledger, margins, found = standards.ledger, standards.margins, comparison.interval
    budget = margins.budget.get(metric.name.replace(" ", "_"))
    entries = positions(ledger, run.reference.identity, comparison.subject, metric.name)
    if not (budget and entries and found and knows(ledger, run.reference.identity)):
        return None
    first, here = entries[0], run.pairs[-1].candidate.machine
    elsewhere = any(machine != here.fingerprint() for machine in first.machines)
    between = math.sqrt(2) * margins.between_hosts if elsewhere else 0.0
    since = widened(found, math.hypot(math.sqrt(first.variance), between), metric.accepted - first.estimate)
    margin = math.log1p(budget)
    outcome = one_sided(since, margin)
    return Comparison(
        comparison.subject,
        f"{metric.name} since {first.tensorflow}",
        outcome,
        f"× {math.exp(found.estimate + metric.accepted):.3f}",  # of the reference, as the entry's
        f"× {math.exp(first.estimate):.3f}",
        why(outcome, since, margin) + (", by ratios of other hosts" if elsewhere else ""),
        since,
        margin,
    )


def _throughputs(gate: GateRun, standards: Standards) -> list[Comparison]:
    """Words/s of each configuration whose speed was measured, by the candidate's steps in turn."""
    found = []
    for run in gate.speed:
        name, records = subject_of(run), [pair.candidate for pair in whole_pairs(run)]
        found += judge_throughput(name, records, standards.baselines.get(name), in_turn=True, gates=gate.gate_stored)
    return found


def _by_subject(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons with those of one subject together, subjects in the order of their first."""
    order = list(dict.fromkeys(comparison.subject for comparison in comparisons))
    return sorted(comparisons, key=lambda comparison: order.index(comparison.subject))
