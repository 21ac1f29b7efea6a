"""Reference and candidate measured in turn: every metric of a paired run to its comparison. One road for gate and upgrade.

What has noise is one sample a launch (bench.judge.paired_metrics) and decided by bench.stats.sequential; the rest is compared exactly.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

from bench.judge import wording
from bench.judge.exact import graph_beside_reference
from bench.judge.paired_metrics import Metric
from bench.judge.types import Comparison
from bench.record.paired import CANDIDATE, REFERENCE, Pair, PairedRun
from bench.stats.outcome import Outcome
from bench.stats.sequential import LOOKS, Decision, decide


def compare_in_turn(subject: str, pairs: Sequence[Pair], measured: Sequence[Metric]) -> list[Comparison]:
    """Every metric, and the graphs' operations, of the launches that both sides finished; none of none."""
    if not pairs:
        return []
    graphs = graph_beside_reference(subject, [pair.candidate for pair in pairs], [pair.reference for pair in pairs])
    return [*(_judged(metric, subject, pairs) for metric in measured), graphs]


def settled(run: PairedRun, measured: Callable[[Sequence[Pair]], Sequence[Metric]]) -> bool:
    """Whether more launches would change nothing: a metric is a REGRESSION, or every gating metric is decided."""
    pairs = whole_pairs(run)
    if len(pairs) >= LOOKS[-1]:
        return True
    if len(pairs) not in LOOKS:
        return False
    found = decisions(pairs, measured(pairs)).values()
    return any(decision.outcome is Outcome.REGRESSION for decision in found) or all(
        decision.final for decision in found
    )


def decisions(pairs: Sequence[Pair], measured: Sequence[Metric]) -> dict[str, Decision]:
    """What each gating metric has come to, by name; without those that haven't reached the first look."""
    found = {metric.name: _decide(metric, pairs) for metric in measured if not _equal(metric, pairs)}
    return {name: decision for name, decision in found.items() if decision}


def whole_pairs(run: PairedRun) -> list[Pair]:
    """The launches that both sides finished."""
    return [pair for pair in run.pairs if not (pair.reference.failure or pair.candidate.failure)]


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
    note = wording.decided(
        decision, metric.margin, two_sided=metric.two_sided, difference=metric.difference, after=after
    )
    if metric.accepted:
        note += f"; beside the accepted ratio to the reference of {metric.difference(metric.accepted)}"
    comparison = dataclasses.replace(
        comparison,
        outcome=decision.outcome,
        candidate=metric.shown(rested, CANDIDATE),
        reference=metric.shown(rested, REFERENCE),
        note=note,
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
