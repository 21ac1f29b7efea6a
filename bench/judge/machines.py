"""Comparisons of the same two environments on several machines: what each metric came to, and how machines differ."""

import dataclasses
from collections.abc import Sequence

from bench.judge.survey import Against
from bench.judge.types import Comparison, Metric
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
    machines: int
    spread: Spread | None  # None where fewer than two machines tell a difference


def machine_of(pair: Against) -> Machine | None:
    """Returns the machine that measured a comparison; None where nothing was measured."""
    return next((record.machine for record in pair.run.records), None)


def across(pairs: Sequence[Against]) -> list[Across]:
    """Returns each metric that gated on two machines or more, in the order of the reports."""
    found: dict[tuple[str, str, str, str], list[tuple[Machine, Comparison]]] = {}
    for pair in pairs:
        machine = machine_of(pair)
        if machine is None:
            continue
        for one in pair.verdict.comparisons:
            if one.outcome is not Outcome.NOT_GATED:
                key = (pair.reference, pair.candidate, one.subject, one.metric.name)
                found.setdefault(key, []).append((machine, one))
    rows = (_across(key, told) for key, told in found.items())
    return [row for row in rows if row.machines > 1]


def _across(key: tuple[str, ...], told: Sequence[tuple[Machine, Comparison]]) -> Across:
    reference, candidate, subject, _ = key
    by_machine: dict[Machine, list[tuple[float, float]]] = {}
    for machine, one in told:
        if one.interval:
            by_machine.setdefault(machine, []).append((one.interval.estimate, one.interval.standard_error))
    return Across(
        reference,
        candidate,
        subject,
        told[0][1].metric,
        tuple(one.outcome for _, one in told),
        len({machine for machine, _ in told}),
        spread(list(by_machine.values())) if len(by_machine) > 1 else None,
    )
