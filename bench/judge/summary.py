"""A launch's raw values to the one number that stands for it."""

import math
from collections.abc import Iterable, Sequence
from statistics import fmean

import numpy as np

from bench.record.types import LaunchSpeed, Record, Subject

TRIMMED = 0.2  # of the step times at either end: a burst of noise hits some steps, not the launch
LEAST_STEPS = 3  # below that there is no speed to speak of


def robust_seconds(step_seconds: Sequence[float]) -> float | None:
    """A typical step: the exponential of the 20% trimmed mean of the logarithms. None for too few steps.

    Raises ValueError for a time that isn't above 0: no clock gives it, so the record isn't what was measured.
    """
    if len(step_seconds) < LEAST_STEPS:
        return None
    seconds = np.sort(step_seconds)
    if wrong := seconds[~((seconds > 0) & (seconds < math.inf))].tolist():
        raise ValueError(f"a step of {wrong[0]} seconds: the record is damaged, measure again")
    cut = int(TRIMMED * seconds.size)
    return math.exp(float(np.log(seconds[cut : seconds.size - cut]).mean()))


def stalls(records: Sequence[Record]) -> float:
    """How much more than a typical step one takes on average, in the logarithm: what robust_seconds leaves out. Mean over the launches."""
    excess = [math.log(fmean(record.step_seconds) / typical) for record in records if (typical := robust_seconds(record.step_seconds))]
    return fmean(excess) if excess else 0.0


def others_cpu(records: Sequence[Record]) -> float:
    """The part of the CPU that other processes had beside the timed launches, their mean; one that isn't known counts as 0."""
    parts = [record.others_cpu or 0.0 for record in records if record.step_seconds]
    return fmean(parts) if parts else 0.0


def launch_speed(record: Record) -> LaunchSpeed | None:
    """The values of a launch that baselines keep; None if it has no steady steps. Raises ValueError: see robust_seconds."""
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
    """Mean loss a token over the steps from `window_start` (a fraction of them) on: the logarithm of the running perplexity there.

    Raises ValueError for more or fewer losses than the subject has steps.
    """
    if not losses or len(losses) != subject.steps:
        raise ValueError(f"{subject.name}: a training of {subject.steps} steps holds {len(losses)} losses: measure or record it again")
    first = int(window_start * subject.steps)
    return math.fsum(losses[first:]) / (len(losses) - first) / subject.num_steps


def perplexity_text(log_perplexity: float) -> str:
    """A perplexity for a reader: 138.24, or inf where it can't be held."""
    return f"{math.exp(log_perplexity):.2f}" if log_perplexity < 700 else "inf"


def by_subject(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Records by what they measured (Subject.name), in the order of their first."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record.subject.name, []).append(record)
    return groups
