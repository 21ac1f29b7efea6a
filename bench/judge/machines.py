"""Comparisons of the same two environments on several machines: what each metric came to, and how machines differ."""

import dataclasses
from collections.abc import Hashable, Sequence

from bench.judge.reasons import Identical
from bench.judge.survey import Against
from bench.judge.types import Comparison, Metric
from bench.record.paired import Side
from bench.record.types import Machine
from bench.stats.machines import Spread, spread
from bench.stats.outcome import Outcome

KNOWN_BY = ("tensorflow", "tf-nightly", "tf-keras", "keras")  # beginnings of packages' names


@dataclasses.dataclass(frozen=True)
class Across:
    """One metric of one subject and pair of environments, on two or more machines."""

    reference: str
    candidate: str
    subject: str
    metric: Metric
    outcomes: tuple[Outcome, ...]  # by report
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
    sides = (pair.run.reference, pair.run.candidate)
    variables = tuple(frozenset(side.variables.items()) for side in sides)
    subjects = {record.subject.fingerprint for record in pair.run.records if record.subject.name == one.subject} - {""}
    return (*map(_known_as, sides), variables, one.subject, frozenset(subjects), one.metric.name)


def _known_as(side: Side) -> str:
    """Returns the request of an environment that tfgate built (its packages have hashes). An interpreter's path means
    another environment on each machine, so it goes by its TensorFlow and Keras, if it has them.
    """
    built = any(package.hashes for package in side.packages)
    named = [f"{one.name}=={one.version}" for one in side.packages if one.name.startswith(KNOWN_BY)]
    return side.requested if built or not named else " ".join(sorted(named))


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
        len(by_machine),
        spread(list(by_machine.values())) if all(by_machine.values()) else None,
    )
