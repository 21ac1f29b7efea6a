"""Step time and memory against a baseline's sessions on the same machine.

Sessions on one machine differ more than launches within one, so the interval counts both: see intervals.new_group_interval. The
yardstick, the same step by NumPy timed in turn, replaces absolute time where it lowered the variance between the baseline's sessions.
"""

import math
from collections.abc import Callable, Sequence

from bench.judge.intervals import components, detectable, new_group_interval
from bench.judge.margins import Margins
from bench.judge.summary import launch_speed
from bench.judge.types import Comparison, Interval, Outcome, percent
from bench.record.types import Baseline, LaunchSpeed, Record

LEAST_LAUNCHES = 4
LEAST_SESSIONS = 2
Value = Callable[[LaunchSpeed], float | None]


def judge_speed(records: Sequence[Record], baseline: Baseline, margins: Margins) -> Comparison:
    """Steady step time of finished records against the baseline's sessions on their machine."""
    launches = _launches(records)
    groups = _sessions(baseline, records[0], lambda launch: launch.step_seconds)
    relative = _sessions(baseline, records[0], _relative)
    candidate = [math.log(launch.step_seconds) for launch in launches]
    name, value = "step time", _step_seconds
    if _usable(relative) and _usable(groups) and components(relative).between < components(groups).between:
        ratios = [_relative(launch) for launch in launches]
        if all(ratio is not None for ratio in ratios):
            candidate = [math.log(ratio) for ratio in ratios if ratio is not None]
            groups, name, value = relative, "step time / yardstick", _ratio
    margin = math.log1p(margins.speed)
    gates = baseline.subject.config not in margins.speed_informs
    if len(launches) < LEAST_LAUNCHES:
        found = f"{len(launches)} launches"
        shown = value(sum(candidate) / len(candidate)) if candidate else "–"
        return Comparison(
            baseline.subject.name, name, Outcome.INFORMS, shown, "–", f"{found}: speed is judged from {LEAST_LAUNCHES} on", None, margin
        )
    return _judged(baseline.subject.name, name, candidate, groups, margin, gates, value)


def judge_memory(records: Sequence[Record], baseline: Baseline, margins: Margins) -> Comparison:
    """Peak resident memory of the launches that ran no oracle."""
    groups = _sessions(baseline, records[0], lambda launch: launch.peak_rss_bytes)
    candidate = [math.log(launch.peak_rss_bytes) for launch in _launches(records) if launch.peak_rss_bytes]
    return _judged(baseline.subject.name, "peak memory", candidate, groups, math.log1p(margins.memory), True, _mebibytes)


def _judged(
    subject: str, metric: str, candidate: list[float], groups: list[list[float]], margin: float, gates: bool, value: Callable[[float], str]
) -> Comparison:
    shown = value(sum(candidate) / len(candidate)) if candidate else "–"
    if not groups:
        note = "not judged: the baseline has no session on this machine; `tfgate record` makes one"
        return Comparison(subject, metric, Outcome.INFORMS, shown, "–", note, None, margin)
    if not candidate or not _usable(groups):
        note = f"not judged: {len(groups)} session on this machine can't tell how sessions differ; `tfgate record --add` adds another"
        return Comparison(subject, metric, Outcome.INFORMS, shown, value(sum(groups[0]) / len(groups[0])), note, None, margin)
    reference = components(groups)
    found = new_group_interval(candidate, reference)
    outcome, note, improved = _outcome(found, margin)
    return Comparison(
        subject,
        metric,
        outcome if gates else Outcome.INFORMS,
        shown,
        value(reference.mean),
        note,
        found,
        margin,
        detectable(found, margin),
        improved,
    )


def _outcome(found: Interval, margin: float) -> tuple[Outcome, str, bool]:
    """(outcome, why, whether it is an improvement): non-inferiority, one-sided."""
    difference, limit = percent(found.estimate), percent(margin)
    if found.low > margin:
        return Outcome.REGRESSION, f"{difference}, certainly more than {limit}", False
    if found.high < -margin:
        return Outcome.PASS, f"{difference}, an improvement: record a new baseline", True
    if found.pass_high < margin:
        return Outcome.PASS, f"{difference}, proven below {limit}", False
    return Outcome.CANNOT_JUDGE, f"{difference}, between {percent(found.low)} and {percent(found.high)}: {limit} can't be excluded", False


def _sessions(baseline: Baseline, record: Record, value: Value) -> list[list[float]]:
    """Logarithms of a launch value by session, of the sessions on the record's machine with as many threads."""
    groups = []
    for session in baseline.sessions:
        alike = session.machine.fingerprint() == record.machine.fingerprint()
        threads = record.environment.threads if record.environment else 0
        if alike and session.environment.threads == threads:
            values = [value(launch) for launch in session.launches]
            groups.append([math.log(found) for found in values if found])
    return [group for group in groups if group]


def _usable(groups: list[list[float]]) -> bool:
    return len(groups) >= LEAST_SESSIONS


def _launches(records: Sequence[Record]) -> list[LaunchSpeed]:
    return [speed for speed in map(launch_speed, records) if speed]


def _relative(launch: LaunchSpeed) -> float | None:
    return launch.step_seconds / launch.yardstick_seconds if launch.yardstick_seconds else None


def _step_seconds(log_value: float) -> str:
    return f"{1000 * math.exp(log_value):.2f} ms"


def _ratio(log_value: float) -> str:
    return f"{math.exp(log_value):.3f}"


def _mebibytes(log_value: float) -> str:
    return f"{math.exp(log_value) / 2**20:.0f} MiB"
