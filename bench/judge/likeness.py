"""Finds differences of the two sides besides TensorFlow and its packages: Python, architecture, CPUs, variables."""

from collections.abc import Sequence

from bench.judge.fields import unlike, unlike_variables
from bench.judge.notices import UnlikeEnvironments
from bench.record.paired import PairedRun
from bench.record.types import Environment, Record


def unlike_sides(run: PairedRun) -> list[UnlikeEnvironments]:
    """Returns each unlikeness of Python, architecture ("isa") and the CPUs that the processes could run on
    ("affinity"), once, and that of the variables which the sides were given.

    What a side doesn't tell isn't compared.
    """
    sides = [(_told(pair.reference), _told(pair.candidate)) for pair in run.pairs]
    if len(run.oracle) == 2:
        sides.append((_told(run.oracle[0]), _told(run.oracle[1])))
    if run.lockstep:
        sides.append((_of(run.lockstep.reference), _of(run.lockstep.candidate)))
    found = dict.fromkeys(field for reference, candidate in sides for field in unlike(reference, candidate))
    given = unlike_variables(run.reference.variables, run.candidate.variables)
    return [UnlikeEnvironments(field) for field in (*(one for one in found if one.one and one.other), *given)]


def cpu_ranges(cpus: Sequence[int]) -> str:
    """Returns sorted CPU numbers as Linux writes them: 0-3,8."""
    ranges: list[list[int]] = []
    for cpu in cpus:
        if ranges and cpu == ranges[-1][-1] + 1:
            ranges[-1] = [ranges[-1][0], cpu]
        else:
            ranges.append([cpu])
    return ",".join("-".join(map(str, one)) for one in ranges)


def _told(record: Record) -> dict[str, str]:
    return _of(record.environment) | ({"isa": record.machine.isa} if record.environment else {})


def _of(environment: Environment | None) -> dict[str, str]:
    """Returns what an environment tells; nothing of a process that failed before it could."""
    return {"python": environment.python, "affinity": cpu_ranges(environment.affinity)} if environment else {}
