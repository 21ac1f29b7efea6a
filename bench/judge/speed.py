"""Step time and memory against a baseline's sessions on the same machine.

Sessions on one machine differ more than launches within one, so the interval counts both: see intervals.new_group_interval. The
yardstick, the same step by NumPy timed in turn, replaces absolute time for the configurations that the margins file names: those where
it lowered the variance between sessions. (A choice made anew from each baseline's few sessions would favour the variance that is small by
luck.) Elsewhere it tells whether the machine itself has changed: see noninferiority.yardstick_doubt.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from statistics import fmean

from bench.judge.intervals import components, new_group_interval
from bench.judge.margins import Margins
from bench.judge.noninferiority import Judgement, company_doubt, one_sided, one_sided_in_doubt, stall_doubt, yardstick_doubt
from bench.judge.perplexity import environment_key
from bench.judge.summary import launch_speed, others_cpu, stalls
from bench.judge.types import Comparison, Interval, Outcome
from bench.record.types import Baseline, LaunchSpeed, Record, Session

LEAST_LAUNCHES = 4
LEAST_SESSIONS = 2


@dataclasses.dataclass(frozen=True)
class Metric:
    """What is compared: a launch's value (None: it has none), and its logarithm as a reader wants it."""

    name: str
    value: Callable[[LaunchSpeed], float | None]
    show: Callable[[float], str]


def judge_speed(records: Sequence[Record], baseline: Baseline, margins: Margins) -> Comparison:
    """Steady step time of finished records against the baseline's sessions on their machine."""
    launches, sessions = _launches(records), sessions_like(baseline, records[0])
    by_yardstick = baseline.subject.config in margins.speed_by_yardstick and _all_have_yardsticks(launches, sessions)
    metric = RELATIVE if by_yardstick else ABSOLUTE
    gates = baseline.subject.config not in margins.speed_informs
    short = ""
    if len(launches) < LEAST_LAUNCHES:
        short = f"not judged: {_counted(len(launches), 'launch', 'launches')}; speed is judged from {LEAST_LAUNCHES} on (--launches)"
    yardstick = None if by_yardstick else _yardstick_change(launches, sessions)
    doubts = (yardstick_doubt(yardstick), company_doubt(others_cpu(records)), stall_doubt(stalls(records)))
    rule = functools.partial(one_sided_in_doubt, doubts=doubts)
    return _judged(metric, records[0], baseline, sessions, launches, math.log1p(margins.speed), rule, gates, short)


def judge_memory(records: Sequence[Record], baseline: Baseline, margins: Margins) -> Comparison:
    """Peak resident memory of the launches that ran no oracle."""
    launches, sessions = _launches(records), sessions_like(baseline, records[0])
    held = any(launch.peak_rss_bytes for launch in launches)
    short = "" if held else "not judged: no launch ran without the oracle; the second of a run is the first that does (--launches)"
    return _judged(MEMORY, records[0], baseline, sessions, launches, math.log1p(margins.memory), one_sided, True, short)


def _judged(
    metric: Metric,
    record: Record,
    baseline: Baseline,
    sessions: Sequence[Session],
    launches: Sequence[LaunchSpeed],
    margin: float,
    rule: Callable[[Interval, float], Judgement],
    gates: bool,
    short: str,
) -> Comparison:
    """The comparison of one metric by a rule like one_sided; `short` says what the run lacks to be judged by it, "" if nothing."""
    candidate, groups = logarithms(metric, launches), session_groups(metric, sessions)
    shown = metric.show(math.fsum(candidate) / len(candidate)) if candidate else "–"
    comparison = Comparison(baseline.subject.name, metric.name, Outcome.INFORMS, shown, "–", short, None, margin, gates=gates)
    if groups:
        means = [math.fsum(group) / len(group) for group in groups]
        comparison = dataclasses.replace(comparison, reference=metric.show(math.fsum(means) / len(means)))
    if short or len(groups) < LEAST_SESSIONS:
        note = (short or _too_few(len(groups))) if launches else "not judged: the run has no timed steps"
        return dataclasses.replace(comparison, note=note)
    found = new_group_interval(candidate, components(groups))
    judged = rule(found, margin)
    note = _against(record, sessions) + judged.note + (": record a new baseline" if judged.improved else "")
    judged = dataclasses.replace(judged, outcome=judged.outcome if gates else Outcome.INFORMS, note=note)
    return dataclasses.replace(comparison, interval=found, **vars(judged))


def sessions_like(baseline: Baseline, record: Record) -> list[Session]:
    """The sessions that a record may be held against: on its machine, with as many threads, all of one environment.

    That environment is the record's own if the baseline knows it well enough, else the one measured last: sessions of several
    TensorFlow versions together would pass the difference between versions off as noise between sessions.
    """
    by_environment: dict[str, list[Session]] = {}
    for session in baseline.sessions:
        alike = session.machine.fingerprint() == record.machine.fingerprint()
        if alike and record.environment and session.environment.threads == record.environment.threads:
            by_environment.setdefault(environment_key(session.environment), []).append(session)

    def preference(key: str) -> tuple[bool, bool, str]:
        own = bool(record.environment and key == environment_key(record.environment))
        sessions = by_environment[key]
        return len(sessions) >= LEAST_SESSIONS, own, max(session.created for session in sessions)

    return by_environment[max(by_environment, key=preference)] if by_environment else []


def _all_have_yardsticks(launches: Sequence[LaunchSpeed], sessions: Sequence[Session]) -> bool:
    every = [*launches, *(launch for session in sessions for launch in session.launches)]
    return all(launch.yardstick_seconds for launch in every)


def session_groups(metric: Metric, sessions: Sequence[Session]) -> list[list[float]]:
    """Logarithms of a metric by session; sessions without it are left out."""
    groups = (logarithms(metric, session.launches) for session in sessions)
    return [group for group in groups if group]


def _yardstick_change(launches: Sequence[LaunchSpeed], sessions: Sequence[Session]) -> float | None:
    """From the sessions to a run's launches, in the logarithm; None unless all have it."""
    if not launches or not sessions or not _all_have_yardsticks(launches, sessions):
        return None
    return fmean(logarithms(YARDSTICK, launches)) - fmean(map(fmean, session_groups(YARDSTICK, sessions)))


def logarithms(metric: Metric, launches: Sequence[LaunchSpeed]) -> list[float]:
    """Of a metric, by launch; launches without it are left out."""
    return [math.log(value) for launch in launches if (value := metric.value(launch))]


def _launches(records: Sequence[Record]) -> list[LaunchSpeed]:
    return [speed for speed in map(launch_speed, records) if speed]


def _too_few(sessions: int) -> str:
    remedy = "`tfgate record --add RUN` adds one"
    if not sessions:
        return f"not judged: the baseline has no session on this machine; {remedy}"
    return f"not judged: one session on this machine can't tell how sessions differ; {remedy}"


def _against(record: Record, sessions: Sequence[Session]) -> str:
    reference = sessions[0].environment
    own = record.environment and environment_key(record.environment) == environment_key(reference)
    return "" if own else f"against TensorFlow {environment_key(reference)}: "


def _counted(count: int, singular: str, plural: str) -> str:
    return f"{count} {singular if count == 1 else plural}"


def _relative(launch: LaunchSpeed) -> float | None:
    return launch.step_seconds / launch.yardstick_seconds if launch.yardstick_seconds else None


ABSOLUTE = Metric("step time", lambda launch: launch.step_seconds, lambda log_value: f"{1000 * math.exp(log_value):.2f} ms")
RELATIVE = Metric("step time / yardstick", _relative, lambda log_value: f"{math.exp(log_value):.3f}")
YARDSTICK = Metric("yardstick", lambda launch: launch.yardstick_seconds, lambda log_value: f"{1000 * math.exp(log_value):.2f} ms")
MEMORY = Metric("peak memory", lambda launch: launch.peak_rss_bytes, lambda log_value: f"{math.exp(log_value) / 2**20:.0f} MiB")
