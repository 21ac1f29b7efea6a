"""Runs to a baseline, and the difference between two baselines in words."""

import dataclasses
import datetime
import math
from collections.abc import Sequence

from bench.judge.summary import by_subject, launch_speed, log_perplexity, perplexity_text
from bench.judge.types import percent
from bench.record.types import INCOMPLETE, SCHEMA, Baseline, LaunchSpeed, Record, Replica, Run, Session, Subject


class BaselineError(ValueError):
    """Runs that no baseline can be made of."""


def make_baselines(runs: Sequence[Run], reason: str, command: Sequence[str]) -> dict[str, Baseline]:
    """One baseline for each subject of the runs: every finished launch a replica, every run with steady steps a session.

    Raises BaselineError for a failed or missing launch, for a run given twice, and for one subject name with two fingerprints.
    """
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    _require_whole(runs)
    made = {}
    for name, records in by_subject(record for run in runs for record in run.records).items():
        subject = records[0].subject
        other = next((record.subject for record in records if record.subject != subject), None)
        if other:
            raise BaselineError(f"{name}: the runs measured two things ({differences(subject, other)}): record them apart")
        sessions = [session for run in runs if (session := _session(run, name))]
        made[name] = Baseline(SCHEMA, created, reason, tuple(command), subject, tuple(map(_replica, records)), tuple(sessions))
    if not made:
        raise BaselineError("the runs hold no launch: nothing to make a baseline of")
    return made


def added(old: Baseline, new: Baseline) -> Baseline:
    """The old baseline with the new one's replicas and sessions on top. Raises BaselineError if they measured different things."""
    if old.subject != new.subject:
        different = differences(old.subject, new.subject, "in the baseline", "in the run")
        raise BaselineError(f"{old.subject.name}: the baseline is of something else ({different}): use --replace")
    known = {(session.created, session.machine) for session in old.sessions}
    again = next((session.created for session in new.sessions if (session.created, session.machine) in known), None)
    if again:
        raise BaselineError(f"{old.subject.name}: the session of {again} is in the baseline already")
    return Baseline(
        SCHEMA,
        new.created,
        "; ".join(reason for reason in (old.reason, new.reason) if reason),
        new.command,
        old.subject,
        old.replicas + new.replicas,
        old.sessions + new.sessions,
    )


def describe_change(old: Baseline | None, new: Baseline) -> str:
    """What changes, in a line."""
    held = _holding(new)
    if old is None:
        return f"{new.subject.name}: new; {held}"
    return f"{new.subject.name}: {_holding(old)} → {held} ({percent(_log_perplexity(new) - _log_perplexity(old))})"


def _holding(baseline: Baseline) -> str:
    counts = (("replica", len(baseline.replicas)), ("session", len(baseline.sessions)))
    held = [f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts]
    return ", ".join([*held, f"perplexity {perplexity_text(_log_perplexity(baseline))}"])


def differences(one: Subject, other: Subject, here: str = "in one", there: str = "in another") -> str:
    """The fields in which two subjects differ, with both values; "" for equal subjects."""
    fields = [field.name for field in dataclasses.fields(Subject) if getattr(one, field.name) != getattr(other, field.name)]
    return "; ".join(f"{name} {getattr(one, name)} {here}, {getattr(other, name)} {there}" for name in fields)


def _require_whole(runs: Sequence[Run]) -> None:
    for run in runs:
        for record in run.records:
            if record.failure:
                failed = f"launch {record.launch + 1} of {record.subject.name} failed ({record.failure.message})"
                raise BaselineError(f"{failed}: a baseline needs whole runs")
        missing = next((warning for warning in run.warnings if warning.startswith(INCOMPLETE)), None)
        if missing:
            raise BaselineError(f"the run of {run.created} is {missing}: a baseline needs whole runs")
    again = next((run for run in runs if runs.count(run) > 1), None)
    if again:
        raise BaselineError(f"the run of {again.created} is given twice: it counts once")


def _log_perplexity(baseline: Baseline) -> float:
    """Over all steps, as `tfgate show` has it: for people, not for the judge."""
    values = [log_perplexity(replica.losses, baseline.subject, 0.0) for replica in baseline.replicas]
    return math.fsum(values) / len(values) if values else math.nan


def _replica(record: Record) -> Replica:
    if record.environment is None:
        raise BaselineError(f"launch {record.launch} of {record.subject.name} doesn't say what it ran in")
    return Replica(record.environment, record.jitter, record.losses)


def _session(run: Run, name: str) -> Session | None:
    """The run's launches of one subject as a session; None if they were too few or too short to have a speed.

    Launches beside which other processes used the CPU are left out: whatever is held against them would look fast.
    """
    records = [record for record in run.records if record.subject.name == name and not record.disturbed]
    launches: list[LaunchSpeed] = [speed for record in records if (speed := launch_speed(record))]
    if not launches or records[0].environment is None:
        return None
    return Session(run.created, records[0].machine, records[0].environment, tuple(launches))
