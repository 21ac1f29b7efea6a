"""Runs to a baseline, and the difference between two baselines in words."""

import datetime
import math
from collections.abc import Sequence

from bench.judge.summary import by_subject, launch_speed, log_perplexity
from bench.judge.types import percent
from bench.record.types import SCHEMA, Baseline, LaunchSpeed, Record, Replica, Run, Session

WINDOW_FOR_DIFFERENCE = 0.2


class BaselineError(ValueError):
    """Runs that no baseline can be made of."""


def make_baselines(runs: Sequence[Run], reason: str, command: Sequence[str]) -> dict[str, Baseline]:
    """One baseline for each subject of the runs: every finished launch a replica, every run with steady steps a session.

    Raises BaselineError for a failed launch, and for one subject name with two fingerprints.
    """
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    failed = next((record for run in runs for record in run.records if record.failure), None)
    if failed and failed.failure:
        raise BaselineError(
            f"launch {failed.launch} of {failed.subject.name} failed ({failed.failure.message}): a baseline needs whole runs"
        )
    made = {}
    for name, records in by_subject(record for run in runs for record in run.records).items():
        subject = records[0].subject
        other = next((record.subject for record in records if record.subject != subject), None)
        if other:
            raise BaselineError(f"{name}: the runs measured two things, {subject} and {other}")
        sessions = [session for run in runs if (session := _session(run, name))]
        made[name] = Baseline(SCHEMA, created, reason, tuple(command), subject, tuple(map(_replica, records)), tuple(sessions))
    if not made:
        raise BaselineError("the runs hold no launch: nothing to make a baseline of")
    return made


def added(old: Baseline, new: Baseline) -> Baseline:
    """The old baseline with the new one's replicas and sessions on top. Raises BaselineError if they measured different things."""
    if old.subject != new.subject:
        raise BaselineError(f"{old.subject.name}: the baseline is of {old.subject}, the run of {new.subject}: use --replace")
    known = {session.created for session in old.sessions}
    again = next((session.created for session in new.sessions if session.created in known), None)
    if again:
        raise BaselineError(f"{old.subject.name}: the session of {again} is in the baseline already")
    return Baseline(
        SCHEMA,
        new.created,
        f"{old.reason}; {new.reason}",
        new.command,
        old.subject,
        old.replicas + new.replicas,
        old.sessions + new.sessions,
    )


def describe_change(old: Baseline | None, new: Baseline) -> str:
    """What changes, in a line."""
    held = f"{len(new.replicas)} replicas, {len(new.sessions)} sessions, perplexity {_perplexity(new):.1f}"
    if old is None:
        return f"{new.subject.name}: new; {held}"
    difference = percent(math.log(_perplexity(new)) - math.log(_perplexity(old)))
    was = f"{len(old.replicas)} replicas, {len(old.sessions)} sessions, perplexity {_perplexity(old):.1f}"
    return f"{new.subject.name}: {was} → {held} ({difference})"


def _perplexity(baseline: Baseline) -> float:
    """Over a window that any configuration has: for people, not for the judge."""
    values = [log_perplexity(replica.losses, baseline.subject, WINDOW_FOR_DIFFERENCE) for replica in baseline.replicas]
    return math.exp(math.fsum(values) / len(values))


def _replica(record: Record) -> Replica:
    if record.environment is None:
        raise BaselineError(f"launch {record.launch} of {record.subject.name} doesn't say what it ran in")
    return Replica(record.environment, record.jitter, record.losses)


def _session(run: Run, name: str) -> Session | None:
    """The run's launches of one subject as a session; None if they were too few or too short to have a speed."""
    records = [record for record in run.records if record.subject.name == name]
    launches: list[LaunchSpeed] = [speed for record in records if (speed := launch_speed(record))]
    if not launches or records[0].environment is None:
        return None
    return Session(run.created, records[0].machine, records[0].environment, tuple(launches))
