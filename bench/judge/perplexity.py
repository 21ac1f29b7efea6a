"""Perplexity at a fixed step count against a baseline's replicates, which show how far rounding alone spreads it.

Two-sided: a lower perplexity from the same numbers is another training, too. Equivalence by two one-sided tests
(Schuirmann 1987).
"""

import dataclasses
import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

from bench.judge.margins import Margins
from bench.judge.metrics import PERPLEXITY, REPLICATES, log_perplexity
from bench.judge.reasons import Decided, NoMargin, OneEnvironment, SameTrainings, TooFewReplicates
from bench.judge.types import Comparison, outcome_of
from bench.record.types import Baseline, Environment, Record
from bench.stats.intervals import components, new_group_interval
from bench.stats.outcome import Outcome
from bench.stats.power import precision_of_interval


class EnvironmentKey(NamedTuple):
    """The settings that tell environments apart. Replicates that differ in less are 1-ulp perturbations."""

    tensorflow: str
    onednn: bool
    threads: int


def judge_perplexity(records: Sequence[Record], baseline: Baseline, margins: Margins) -> Comparison:
    """Judges finished records of one subject by the baseline of the same subject.

    Raises ValueError for a record without its losses.
    """
    subject = baseline.subject
    start = margins.window_start.get(subject.config, 0.0)
    candidate = [log_perplexity(record.losses, subject, start) for record in records]
    shown = REPLICATES.natural(math.fsum(candidate) / len(candidate))
    relative = margins.of(PERPLEXITY, subject.config)
    if relative is None:
        return Comparison(subject.name, REPLICATES, Outcome.INCONCLUSIVE, NoMargin(subject.config), shown)
    margin = math.log1p(relative)
    metric = dataclasses.replace(REPLICATES, margin=margin)
    again = repeated(records, baseline)
    if len(again) == len(records):
        return Comparison(subject.name, metric, Outcome.PASS, SameTrainings(len(again)), shown, shown)
    groups = list(replica_groups(baseline, start, without=again).values())
    count = sum(map(len, groups))
    if count < 2:
        return Comparison(subject.name, metric, Outcome.INCONCLUSIVE, TooFewReplicates(count), shown)
    reference = components(groups)
    found = new_group_interval(candidate, reference)
    comparison = Comparison(
        subject.name,
        metric,
        outcome_of(found, metric),
        Decided(len(candidate), two_environments=reference.groups == 2),
        shown,
        metric.natural(reference.mean),
        found,
        precision_of_interval(found, margin, math.sqrt(reference.between + reference.within), len(candidate)),
    )
    if comparison.outcome is Outcome.REGRESSION and reference.groups == 1 and not _known(records, baseline):
        return dataclasses.replace(comparison, outcome=Outcome.INCONCLUSIVE, reason=OneEnvironment())
    return comparison


def replica_groups(
    baseline: Baseline, window_start: float, without: Collection[tuple[float, ...]] = ()
) -> dict[EnvironmentKey, list[float]]:
    """Returns the log perplexities of the replicates by environment, as `trainings` groups them.

    Raises ValueError for a replica without its losses.
    """
    return {
        key: [log_perplexity(losses, baseline.subject, window_start) for losses in group]
        for key, group in trainings(baseline, without).items()
    }


def trainings(
    baseline: Baseline, without: Collection[tuple[float, ...]] = ()
) -> dict[EnvironmentKey, list[tuple[float, ...]]]:
    """Returns the losses of the replicates by environment.

    Trainings `without` are left out: a candidate that repeats one of them would be compared with itself. Replicates
    that are equal bit for bit (the same weights trained again, or by a version that changed nothing) are one sample.
    """
    groups: dict[EnvironmentKey, list[tuple[float, ...]]] = {}
    seen = set(without)
    for replica in baseline.replicas:
        if replica.losses not in seen:
            seen.add(replica.losses)
            groups.setdefault(environment_key(replica.environment), []).append(replica.losses)
    return groups


def repeated(records: Sequence[Record], baseline: Baseline) -> list[tuple[float, ...]]:
    """Returns the losses of the records that repeat one of the baseline's trainings bit for bit."""
    stored = {(replica.jitter, replica.losses) for replica in baseline.replicas}
    return [record.losses for record in records if (record.jitter, record.losses) in stored]


def environment_key(environment: Environment) -> EnvironmentKey:
    """Returns the environment's key."""
    return EnvironmentKey(environment.tensorflow, environment.onednn, environment.threads)


def _known(records: Sequence[Record], baseline: Baseline) -> bool:
    """Tells whether the baseline has replicates of the records' environment."""
    keys = {environment_key(replica.environment) for replica in baseline.replicas}
    return all(record.environment and environment_key(record.environment) in keys for record in records)
