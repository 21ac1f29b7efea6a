"""Perplexity at a fixed step count against a baseline's replicas, which show how far rounding alone spreads it.

Two-sided: a lower perplexity from the same numbers is another training, too. Equivalence by two one-sided tests (Schuirmann 1987).
"""

import math
from collections.abc import Collection, Sequence

from bench.judge.margins import Margins
from bench.judge.summary import log_perplexity, perplexity_text
from bench.judge.types import Comparison, percent
from bench.judge.wording import why
from bench.record.types import Baseline, Environment, Record, Subject
from bench.stats.intervals import Interval, components, detectable, new_group_interval
from bench.stats.outcome import Outcome

METRIC = "perplexity"
ONE_ENVIRONMENT = (
    "the baseline's one environment can't tell how environments differ: `tfgate record --add` a run of another"
)


def judge_perplexity(records: Sequence[Record], baseline: Baseline, margins: Margins) -> Comparison:
    """Finished records of one subject against the baseline of the same subject. Raises ValueError for a record without its losses."""
    subject = baseline.subject
    start = margins.window_start.get(subject.config, 0.0)
    candidate = [log_perplexity(record.losses, subject, start) for record in records]
    shown = perplexity_text(math.fsum(candidate) / len(candidate))
    if subject.config not in margins.perplexity:
        return Comparison(subject.name, METRIC, Outcome.CANNOT_JUDGE, shown, "–", no_margin(subject))
    margin = math.log1p(margins.perplexity[subject.config])
    stored = {(replica.jitter, replica.losses) for replica in baseline.replicas}
    again = [record.losses for record in records if (record.jitter, record.losses) in stored]
    if len(again) == len(records):
        note = f"the same to the last bit as {len(again)} of the baseline's trainings from the same starts"
        return Comparison(subject.name, METRIC, Outcome.PASS, shown, shown, note, None, margin)
    try:
        reference = components(list(replica_groups(baseline, start, without=again).values()))
    except ValueError as error:
        return Comparison(subject.name, METRIC, Outcome.CANNOT_JUDGE, shown, "–", f"baseline: {error}", None, margin)
    found = new_group_interval(candidate, reference)
    outcome, note = two_sided(found, margin)
    if outcome is Outcome.REGRESSION and reference.groups == 1 and not _known(records, baseline):
        outcome, note = Outcome.CANNOT_JUDGE, f"{percent(found.estimate)}, but {ONE_ENVIRONMENT}"
    reference_shown = perplexity_text(reference.mean)
    return Comparison(
        subject.name, METRIC, outcome, shown, reference_shown, note, found, margin, detectable(found, margin)
    )


def no_margin(subject: Subject) -> str:
    """Why a perplexity can't be judged without an entry in the margins file."""
    return f"the margins file has no perplexity margin for {subject.config}"


def replica_groups(
    baseline: Baseline, window_start: float, without: Collection[tuple[float, ...]] = ()
) -> dict[str, list[float]]:
    """Log perplexities of the replicas by environment. Raises ValueError for a replica without its losses.

    Trainings `without` are left out: a candidate that repeats one of them would be held against itself. Replicas that are equal bit for
    bit (the same weights trained again, or by a version that changed nothing) are one sample.
    """
    groups: dict[str, list[float]] = {}
    seen = set(without)
    for replica in baseline.replicas:
        if replica.losses not in seen:
            seen.add(replica.losses)
            value = log_perplexity(replica.losses, baseline.subject, window_start)
            groups.setdefault(environment_key(replica.environment), []).append(value)
    return groups


def environment_key(environment: Environment) -> str:
    """What makes two environments one: TensorFlow, oneDNN, threads. Replicas that differ in less are jitter."""
    return f"{environment.tensorflow} oneDNN {'on' if environment.onednn else 'off'}, {environment.threads} threads"


def _known(records: Sequence[Record], baseline: Baseline) -> bool:
    """Whether the baseline has replicas of the records' environment."""
    keys = {environment_key(replica.environment) for replica in baseline.replicas}
    return all(record.environment and environment_key(record.environment) in keys for record in records)


def two_sided(found: Interval, margin: float) -> tuple[Outcome, str]:
    """(outcome, why): equivalence, by an interval that is looked at once."""
    outcome = Outcome.CANNOT_JUDGE
    if -margin < found.pass_low and found.pass_high < margin:
        outcome = Outcome.PASS
    elif found.low > margin or found.high < -margin:
        outcome = Outcome.REGRESSION
    return outcome, why(outcome, found, margin, two_sided=True)
