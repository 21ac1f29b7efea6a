"""A paired run to a verdict: what reference and candidate computed, and how fast, on one machine at one time.

What has noise is one sample a launch (bench.judge.paired_metrics) and decided by bench.judge.sequential; the rest is compared exactly.
"""

import dataclasses
import math
from collections.abc import Sequence

from bench.judge.exact import beside_reference, graph_beside_reference, judge_numerics, retraces_beside_reference
from bench.judge.gate import overall
from bench.judge.likeness import unlike_sides
from bench.judge.lockstep import judge_lockstep
from bench.judge.margins import Margins
from bench.judge.paired_metrics import Metric, metrics
from bench.judge.sequential import LOOKS, Decision, decide
from bench.judge.summary import robust_seconds
from bench.judge.types import Comparison, Outcome, Verdict
from bench.record.paired import CANDIDATE, REFERENCE, Pair, PairedRun
from bench.record.types import INCOMPLETE, NO_TENSORFLOW

DRIFT = 0.25  # of the reference's typical step, from its fastest launch to its slowest; quiet launches on two cores stay within 0.15


def judge_paired(run: PairedRun, margins: Margins) -> Verdict:
    """The verdict on everything that a run compared. A candidate that fails where the reference runs is a REGRESSION."""
    subject = _subject(run)
    comparisons, failures = _failures(run, subject)
    failures += [f"lockstep: {run.lockstep_failure.message}"] if run.lockstep_failure else []
    failures += [warning for warning in run.warnings if warning.startswith(INCOMPLETE)]
    comparisons += _numerics(run, subject)
    pairs = whole_pairs(run)
    if pairs:
        sides = ([pair.candidate for pair in pairs], [pair.reference for pair in pairs])
        comparisons += [
            retraces_beside_reference(subject, *sides),
            *(_judged(metric, subject, pairs) for metric in metrics(pairs, margins)),
            graph_beside_reference(subject, *sides),
        ]
    warnings = [warning for warning in run.warnings if warning not in failures] + unlike_sides(run) + _drift(pairs) + _left_out(run)
    return Verdict(overall(comparisons), tuple(comparisons), tuple(warnings), tuple(failures))


def settled(run: PairedRun, margins: Margins) -> bool:
    """Whether more launches would change nothing: one failed, a metric is a REGRESSION, or every gating metric is decided."""
    pairs = whole_pairs(run)
    if len(pairs) < len(run.pairs) or len(pairs) >= LOOKS[-1]:
        return True
    if len(pairs) not in LOOKS:
        return False
    decided = [decision for metric in metrics(pairs, margins) if not _equal(metric, pairs) and (decision := _decide(metric, pairs))]
    return any(decision.outcome is Outcome.REGRESSION for decision in decided) or all(decision.final for decision in decided)


def decisions(run: PairedRun, margins: Margins) -> dict[str, Decision]:
    """What each gating metric has come to, by name; without those that haven't reached the first look."""
    pairs = whole_pairs(run)
    found = {metric.name: _decide(metric, pairs) for metric in metrics(pairs, margins) if not _equal(metric, pairs)} if pairs else {}
    return {name: decision for name, decision in found.items() if decision}


def whole_pairs(run: PairedRun) -> list[Pair]:
    """The launches that both sides finished."""
    return [pair for pair in run.pairs if not pair.reference.failure and not pair.candidate.failure]


def _subject(run: PairedRun) -> str:
    records = [*run.oracle, *(record for pair in run.pairs for record in (pair.reference, pair.candidate))]
    return records[0].subject.name if records else run.lockstep.subject.name if run.lockstep else "nothing"


def _failures(run: PairedRun, subject: str) -> tuple[list[Comparison], list[str]]:
    """(regressions: where only the candidate failed; failed measurements: where the reference did, or nothing could be measured)."""
    comparisons: list[Comparison] = []
    failures: list[str] = []
    launches = [("the launch held against the oracle", *run.oracle)] if len(run.oracle) == 2 else []
    launches += [(f"launch {pair.launch + 1}", pair.reference, pair.candidate) for pair in run.pairs]
    for where, reference, candidate in launches:
        if reference.failure:
            failures.append(f"{where}: the reference failed: {reference.failure.message}")
        elif candidate.failure and candidate.failure.kind == NO_TENSORFLOW:
            failures.append(f"{where}: {candidate.failure.message}")
        elif candidate.failure and not comparisons:
            note = f"the candidate failed in {where}, where the reference runs: {candidate.failure.message}"
            comparisons.append(Comparison(subject, "training", Outcome.REGRESSION, "failed", "runs", note))
    return comparisons, failures


def _numerics(run: PairedRun, subject: str) -> list[Comparison]:
    """Both sides against the oracle, then against each other in lockstep."""
    comparisons = []
    if len(run.oracle) == 2 and not any(record.failure for record in run.oracle):
        reference, candidate = (judge_numerics(subject, [record]) for record in run.oracle)
        comparisons.append(beside_reference(candidate, reference))
    if run.lockstep:
        comparisons.append(judge_lockstep(run.lockstep))
    return comparisons


def _left_out(run: PairedRun) -> list[str]:
    """What the run did not compare, so that a PASS doesn't speak of it."""
    parts = [] if run.oracle or run.lockstep else ["numbers, by the oracle and in lockstep"]
    parts += [] if run.pairs else ["speed and memory"]
    return [f"not compared: {' and '.join(parts)}"] if parts else []


def _drift(pairs: Sequence[Pair]) -> list[str]:
    """A warning where the machine's speed changed over the run. Ratios hold, since both sides saw it; absolute times don't."""
    typical = [robust for pair in pairs if (robust := robust_seconds(pair.reference.step_seconds))]
    if len(typical) < 2 or max(typical) < (1 + DRIFT) * min(typical):
        return []
    slowest, fastest = max(typical), min(typical)
    return [
        f"the machine's speed drifted: the reference's step took {1000 * fastest:.3g} ms in launch {typical.index(fastest) + 1} and "
        f"{1000 * slowest:.3g} ms in launch {typical.index(slowest) + 1}"
    ]


def _judged(metric: Metric, subject: str, pairs: Sequence[Pair]) -> Comparison:
    """One metric's comparison; it informs where it has no margin."""
    values = metric.values(pairs)
    candidate, reference = (metric.shown(pairs, side) for side in (CANDIDATE, REFERENCE))
    comparison = Comparison(
        subject,
        metric.name,
        Outcome.INFORMS,
        candidate,
        reference,
        "",
        None,
        metric.margin if metric.is_ratio else None,
        gates=bool(metric.margin),
    )
    if not metric.margin:
        mean = math.fsum(values) / len(values) if values else math.nan
        return dataclasses.replace(comparison, note=metric.difference(mean))
    if len(values) < len(pairs):
        note = f"{len(pairs) - len(values)} of {len(pairs)} launches don't tell"
        return dataclasses.replace(comparison, outcome=Outcome.CANNOT_JUDGE, note=note)
    if _equal(metric, pairs):
        note = f"the same to the last bit in {len(values)} launches from {len(values)} different starts"
        return dataclasses.replace(comparison, outcome=Outcome.PASS, note=note)
    decision = _decide(metric, pairs)
    if decision is None:
        note = f"not judged: launches are looked at from {LOOKS[0]} on, and there {'is' if len(values) == 1 else 'are'} {len(values)}"
        return dataclasses.replace(comparison, outcome=Outcome.CANNOT_JUDGE, note=note)
    rested, after = pairs[: decision.launches], f"after {decision.launches} launches"
    comparison = dataclasses.replace(
        comparison,
        outcome=decision.outcome,
        candidate=metric.shown(rested, CANDIDATE),
        reference=metric.shown(rested, REFERENCE),
        note=decision.why(metric.margin, two_sided=metric.two_sided, difference=metric.difference, after=after),
    )
    if not metric.is_ratio:
        return comparison
    return dataclasses.replace(
        comparison,
        interval=decision.interval,
        detectable=decision.detectable,
        improved=decision.improved,
    )


def _equal(metric: Metric, pairs: Sequence[Pair]) -> bool:
    """Whether a metric without noise was the same on both sides of every launch, which says more than any statistic."""
    return metric.without_noise and len(pairs) >= LOOKS[0] and all(value == 0 for value in metric.values(pairs))


def _decide(metric: Metric, pairs: Sequence[Pair]) -> Decision | None:
    return decide(metric.values(pairs), metric.margin, two_sided=metric.two_sided) if metric.margin else None
