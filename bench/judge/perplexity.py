"""Perplexity at a fixed step count against a baseline's replicas, which show how far rounding alone spreads it.

Two-sided: a lower perplexity from the same numbers is another training, too. Equivalence by two one-sided tests (Schuirmann 1987).
"""

import math
from collections.abc import Sequence

from bench.judge.intervals import Components, components, detectable, new_group_interval
from bench.judge.margins import Margins
from bench.judge.summary import log_perplexity
from bench.judge.types import Comparison, Interval, Outcome, percent
from bench.record.types import Baseline, Record, Replica

METRIC = "perplexity"


def judge_perplexity(records: Sequence[Record], baseline: Baseline, margins: Margins) -> Comparison:
    """Finished records of one subject against the baseline of the same subject."""
    subject = baseline.subject
    start = margins.window_start.get(subject.config, 0.0)
    candidate = [log_perplexity(record.losses, subject, start) for record in records]
    try:
        reference = replica_components(baseline, start)
    except ValueError as error:
        return Comparison(subject.name, METRIC, Outcome.CANNOT_JUDGE, "–", "–", f"baseline: {error}")
    found = new_group_interval(candidate, reference)
    margin = math.log1p(margins.perplexity)
    outcome, note = _outcome(found, margin)
    smallest = detectable(found, margin)
    return Comparison(
        subject.name,
        METRIC,
        outcome,
        _perplexity(sum(candidate) / len(candidate)),
        _perplexity(reference.mean),
        note,
        found,
        margin,
        smallest,
    )


def replica_components(baseline: Baseline, window_start: float) -> Components:
    """Mean and spread of the replicas, grouped by environment. Raises ValueError for fewer than two."""
    groups: dict[str, list[float]] = {}
    for replica in baseline.replicas:
        groups.setdefault(environment_key(replica), []).append(log_perplexity(replica.losses, baseline.subject, window_start))
    return components(list(groups.values()))


def environment_key(replica: Replica) -> str:
    """What makes two replicas' environments one: TensorFlow, oneDNN, threads. Replicas that differ in less are jitter."""
    environment = replica.environment
    return f"{environment.tensorflow} oneDNN {environment.onednn} threads {environment.threads}"


def _outcome(found: Interval, margin: float) -> tuple[Outcome, str]:
    difference, limit = percent(found.estimate), percent(margin).lstrip("+")
    if -margin < found.pass_low and found.pass_high < margin:
        return Outcome.PASS, f"{difference}, proven within {limit}"
    if found.low > margin or found.high < -margin:
        return Outcome.REGRESSION, f"{difference}, certainly more than {limit} off"
    return Outcome.CANNOT_JUDGE, f"{difference}, between {percent(found.low)} and {percent(found.high)}: neither within {limit} nor outside"


def _perplexity(log_value: float) -> str:
    return f"{math.exp(log_value):.1f}" if log_value < 700 else "inf"
