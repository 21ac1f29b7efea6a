"""A launch's raw values to the one number that stands for it."""

import math
from collections.abc import Iterable, Sequence

from bench.record.types import Record, Subject
from bench.stats.trimmed import robust_seconds


def words_per_second(record: Record) -> float | None:
    """Returns the words a second of a typical step; None for too few steady steps.

    Raises ValueError: see robust_seconds.
    """
    step = robust_seconds(record.step_seconds)
    return record.subject.tokens_per_step / step if step else None


def log_perplexity(losses: Sequence[float], subject: Subject, window_start: float) -> float:
    """Returns the mean loss a token over the steps from `window_start` (a fraction of them) on: the logarithm of the
    running perplexity there.

    Raises ValueError for more or fewer losses than the subject has steps.
    """
    if not losses or len(losses) != subject.steps:
        raise ValueError(
            f"{subject.name}: {len(losses)} losses in a training of {subject.steps} steps: measure or record it again"
        )
    first = int(window_start * subject.steps)
    return math.fsum(losses[first:]) / (len(losses) - first) / subject.num_steps


def records_by_subject(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Returns the records by what they measured (Subject.name), in the order of their first."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record.subject.name, []).append(record)
    return groups
