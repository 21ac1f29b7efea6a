"""Comparisons of the same two environments on several machines: what each metric came to, and how machines differ."""

import dataclasses
from collections.abc import Hashable, Sequence

from bench.judge.reasons import Identical
from bench.judge.survey import Against
from bench.judge.types import Comparison, Metric
from bench.record.paired import CANDIDATE, REFERENCE, PairedRun
from bench.record.types import Machine
from bench.stats.machines import Spread, spread
from bench.stats.outcome import Outcome


@dataclasses.dataclass(frozen=True)
class Across:
    """One metric of one subject and pair of environments, on two or more machines."""

    reference: str
    candidate: str
    subject: str
    metric: Metric
    outcomes: tuple[Outcome, ...]  # by report
    margins: tuple[float | None, ...]  # by which they were judged
    machines: int
    spread: Spread | None  # None where a machine tells no difference


def machine_of(pair: Against) -> Machine | None:
    """Returns the machine that measured a comparison; None where nothing was measured."""
    return next((record.machine for record in pair.run.records), None)


def across(pairs: Sequence[Against]) -> list[Across]:
    """Returns each metric that gated on two machines or more, in the order of the reports."""
    found: dict[Hashable, list[tuple[Against, Machine, Comparison]]] = {}
    for pair in pairs:
        machine = machine_of(pair)
        if machine is None:
            continue
        for one in pair.verdict.comparisons:
            if one.outcome is not Outcome.NOT_GATED:
                found.setdefault(_key(pair, one), []).append((pair, machine, one))
    return [_across(told) for told in found.values() if len({machine for _, machine, _ in told}) > 1]


def _key(pair: Against, one: Comparison) -> Hashable:
    """Returns what comparisons that are put together have in common. The report says which other packages differ."""
    sides = _known_as(pair.run, REFERENCE), _known_as(pair.run, CANDIDATE)
    variables = tuple(frozenset(side.variables.items()) for side in (pair.run.reference, pair.run.candidate))
    subjects = {record.subject.fingerprint for record in pair.run.records if record.subject.name == one.subject} - {""}
    return (*sides, variables, one.subject, frozenset(subjects), one.metric.name)


def _known_as(run: PairedRun, role: str) -> Hashable:
    """Returns the request of a side that tfgate built. An interpreter's path means another environment on each machine,
    so it goes by the TensorFlow and Keras that ran, whatever their packages are called; by its path if none ran.
    """
    side = run.candidate if role == CANDIDATE else run.reference
    ran = next((record.environment for record in run.of(role) if record.environment), None)
    if side.is_built or ran is None:
        return side.requested
    return ran.distribution, ran.tensorflow, ran.keras


def _across(told: Sequence[tuple[Against, Machine, Comparison]]) -> Across:
    by_machine: dict[Machine, list[tuple[float, float]]] = {}
    for _, machine, one in told:
        differences = by_machine.setdefault(machine, [])
        if one.interval:
            differences.append((one.interval.estimate, one.interval.standard_error))
        elif isinstance(one.reason, Identical):
            differences.append((0.0, 0.0))
    pair, _, first = told[0]
    return Across(
        pair.reference,
        pair.candidate,
        first.subject,
        first.metric,
        tuple(one.outcome for _, _, one in told),
        tuple(one.metric.margin for _, _, one in told),
        len(by_machine),
        spread(list(by_machine.values())) if all(by_machine.values()) else None,
    )
