"""Words a second against what the baseline holds of the same machine: context, and a gate only where a runner asks for
it.

Hosts of one fingerprint have differed by 93% in a step of `notebook`: within or outside the stored range says little of
TensorFlow.
"""

import dataclasses
from collections.abc import Sequence
from statistics import fmean

from bench.judge.metrics import WORDS
from bench.judge.reasons import Disturbed, NoStoredSpeed, StoredRange
from bench.judge.types import Comparison
from bench.record.types import Baseline, Record
from bench.stats.outcome import Outcome
from bench.stats.trimmed import robust_seconds


def judge_throughput(
    subject: str, records: Sequence[Record], baseline: Baseline | None, *, in_turn: bool, gates: bool
) -> list[Comparison]:
    """Compares with the range of the stored launches of this model and data on this machine, with as many threads,
    measured alike. An empty list without a speed.

    A launch alongside which other processes used the CPU doesn't count.
    """
    told = [(record, speed) for record in records if (speed := words_per_second(record))]
    if not told:
        return []
    speeds = [speed for record, speed in told if not record.is_disturbed]
    metric, machine, environment = dataclasses.replace(WORDS, gates=gates), records[0].machine, records[0].environment
    undecided = Outcome.INCONCLUSIVE if gates else Outcome.NOT_GATED
    if not speeds:
        return [Comparison(subject, metric, undecided, Disturbed(len(told)))]
    alike = machine.fingerprint(), in_turn, environment.threads if environment else None
    # Not the whole subject: launches in turn take fewer steps.
    same = baseline if baseline and baseline.subject.fingerprint == records[0].subject.fingerprint else None
    stored = [
        run
        for run in (same.throughput if same else ())
        if (run.machine.fingerprint(), run.in_turn, run.threads) == alike
    ]
    if not stored:
        return [Comparison(subject, metric, undecided, NoStoredSpeed(), fmean(speeds))]
    known = [speed for run in stored for speed in run.words_per_second]
    days = sorted({run.created[:10] for run in stored})
    place = "below" if fmean(speeds) < min(known) else "above" if fmean(speeds) > max(known) else "within"
    outcome = (Outcome.REGRESSION if place == "below" else Outcome.PASS) if gates else Outcome.NOT_GATED
    reason = StoredRange(place, min(known), max(known), len(known), days[0], days[-1])
    return [Comparison(subject, metric, outcome, reason, fmean(speeds))]


def words_per_second(record: Record) -> float | None:
    """Returns the words a second of a typical step; None for too few steady steps.

    Raises ValueError: see robust_seconds.
    """
    step = robust_seconds(record.step_seconds)
    return record.subject.tokens_per_step / step if step else None
