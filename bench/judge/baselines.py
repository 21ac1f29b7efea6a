"""Runs to a baseline."""

import dataclasses
from collections.abc import Sequence

from bench.judge.fields import Field, unlike
from bench.judge.metrics import PERPLEXITY
from bench.judge.reports import records_by_subject, subject_of
from bench.judge.samples import timed_candidates
from bench.judge.throughput import words_per_second
from bench.record.gate import GateRun
from bench.record.repeats import settled_records
from bench.record.types import SCHEMA, Baseline, Machine, Record, Replica, Run, Subject, Throughput


class BaselineError(ValueError):
    """Runs that no baseline can be made of."""


def make_baselines(runs: Sequence[Run], reason: str, command: Sequence[str], created: str) -> dict[str, Baseline]:
    """Returns one baseline for each subject of the runs that tells perplexity: every finished launch is a replicate
    training, every run with steady steps gives its words/s.

    A failure that did not come again is left out. Raises BaselineError for a failed or missing launch, for a run given
    twice, and for one subject name with two fingerprints.
    """
    runs = [dataclasses.replace(run, records=tuple(settled_records(run.records)[0])) for run in runs]
    _require_whole(runs)
    made = {}
    for name, records in records_by_subject(record for run in runs for record in run.records).items():
        subject = records[0].subject
        if not subject.tells(PERPLEXITY):
            continue  # a workload that has no replicate trainings
        other = next((record.subject for record in records if record.subject != subject), None)
        if other:
            different = _told(unlike(vars(subject), vars(other)))
            raise BaselineError(f"{name}: the runs measured two things ({different}): record them separately")
        speeds: list[Throughput] = []
        for run in runs:
            own = [record for record in run.records if record.subject.name == name]
            speeds += _throughput(run.created, own, in_turn=False)
        made[name] = Baseline(
            SCHEMA, created, reason, tuple(command), subject, tuple(map(_replica, records)), tuple(speeds)
        )
    if not made:
        raise BaselineError("the runs hold no launch that measures perplexity, which a baseline is made of")
    return made


def added(old: Baseline, new: Baseline) -> Baseline:
    """Returns the old baseline with the new one's replicates and words/s on top.

    Raises BaselineError if they measured different things, or if the old one holds the new one's run.
    """
    _require_same(old.subject, new.subject)
    known = _timed(old)
    again = next((stored.created for stored in new.throughput if (stored.created, stored.machine) in known), None)
    if again:
        raise BaselineError(f"{old.subject.name}: the run of {again} is in the baseline already")
    if new.replicas and not new.throughput and all(replica in old.replicas for replica in new.replicas):
        raise BaselineError(f"{old.subject.name}: all replicates of the run are in the baseline already")
    return dataclasses.replace(
        new,
        reason="; ".join(reason for reason in (old.reason, new.reason) if reason),
        replicas=old.replicas + new.replicas,
        throughput=old.throughput + new.throughput,
    )


def replaced(old: Baseline, new: Baseline) -> Baseline:
    """Returns the new baseline, with the words/s that gates left in the old one where both are of one model and data: a
    gate's report is recorded once.
    """
    same = old.subject.fingerprint == new.subject.fingerprint
    kept = tuple(stored for stored in old.throughput if same and stored.in_turn)
    return dataclasses.replace(new, throughput=kept + new.throughput)


def with_speed_in_turn(old: Baseline, gate: GateRun) -> Baseline:
    """Returns the baseline with the words/s that a gate's candidate reached in turn with the reference; where they are
    there, as of a gate whose entry was taken back, the baseline as it is.

    Raises BaselineError for a model or data with another fingerprint.
    """
    for run in (run for run in gate.speed if subject_of(run) == old.subject.name):
        records = timed_candidates(run)
        speed = _throughput(run.created, records, in_turn=True)
        if speed and (run.created, speed[0].machine) not in _timed(old):
            # Not the whole subject: launches in turn take fewer steps.
            _require_same(old.subject, dataclasses.replace(old.subject, fingerprint=records[0].subject.fingerprint))
            old = dataclasses.replace(old, throughput=old.throughput + speed)
    return old


def _require_same(old: Subject, new: Subject) -> None:
    if old != new:
        different = _told(unlike(vars(old), vars(new)), "in the baseline", "in the run")
        raise BaselineError(f"{old.name}: the baseline is of something else ({different}): record a run by --replace")


def _timed(baseline: Baseline) -> set[tuple[str, Machine]]:
    """Returns (created, machine) of each run whose words/s the baseline has."""
    return {(stored.created, stored.machine) for stored in baseline.throughput}


def _told(fields: Sequence[Field], here: str = "in one", there: str = "in another") -> str:
    """Returns the differences for an error's message."""
    return "; ".join(f"{field.name} {field.one} {here}, {field.other} {there}" for field in fields)


def _require_whole(runs: Sequence[Run]) -> None:
    for run in runs:
        for record in run.records:
            if record.failure:
                failed = f"launch {record.launch + 1} of {record.subject.name} failed ({record.failure.message})"
                raise BaselineError(f"{failed}: a baseline needs whole runs")
        if run.incomplete:
            raise BaselineError(
                f"the run of {run.created} is incomplete ({run.incomplete}): a baseline needs whole runs"
            )
    again = next((run for run in runs if runs.count(run) > 1), None)
    if again:
        raise BaselineError(f"the run of {again.created} is given twice: it counts once")


def _replica(record: Record) -> Replica:
    if record.environment is None:
        raise BaselineError(f"launch {record.launch + 1} of {record.subject.name} names no environment: measure again")
    return Replica(record.environment, record.jitter, record.losses)


def _throughput(created: str, records: Sequence[Record], *, in_turn: bool) -> tuple[Throughput, ...]:
    """Returns the words/s of a run's launches of one subject; none if they were too few or too short to have any. A
    launch alongside which other processes used the CPU tells none.
    """
    alone = [record for record in records if not record.is_disturbed]
    speeds = tuple(speed for record in alone if (speed := words_per_second(record)))
    environment = records[0].environment if records else None
    if not speeds or environment is None:
        return ()
    machine = records[0].machine
    return (Throughput(created, machine, environment.tensorflow, environment.threads, in_turn, speeds),)
