"""A launch's raw values to the one number that stands for it."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from scipy import stats

from bench.record.types import LaunchSpeed, Record, Subject

TRIMMED = 0.2  # of the step times at either end: a burst of noise hits some steps, not the launch
LEAST_STEPS = 3  # below that there is no speed to speak of


def robust_seconds(step_seconds: Sequence[float]) -> float | None:
    """A typical step: the exponential of the 20% trimmed mean of the logarithms. None for too few steps."""
    if len(step_seconds) < LEAST_STEPS:
        return None
    return math.exp(float(stats.trim_mean(np.log(step_seconds), TRIMMED)))


def launch_speed(record: Record) -> LaunchSpeed | None:
    """The values of a launch that baselines keep; None if it has no steady steps."""
    step = robust_seconds(record.step_seconds)
    if step is None or record.startup is None:
        return None
    startup = record.startup
    return LaunchSpeed(
        step_seconds=step,
        yardstick_seconds=robust_seconds(record.yardstick_seconds),
        peak_rss_bytes=record.memory.peak_rss_bytes if record.memory else None,
        startup_seconds=startup.import_seconds + startup.build_seconds + startup.trace_seconds + startup.first_step_seconds,
    )


def log_perplexity(losses: Sequence[float], subject: Subject, window_start: float) -> float:
    """Mean loss a token over the steps from `window_start` (a fraction of them) on: the logarithm of the running perplexity there."""
    first = int(window_start * subject.steps)
    return math.fsum(losses[first:]) / (len(losses) - first) / subject.num_steps


def by_subject(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Records by what they measured (Subject.name), in the order of their first."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record.subject.name, []).append(record)
    return groups
