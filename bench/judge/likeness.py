"""Tells what else than TensorFlow and its packages sets the sides of a paired run apart, as their processes told it."""

from collections.abc import Iterator, Sequence

from bench.judge.notices import UnlikeEnvironments
from bench.judge.reasons import Field
from bench.record.paired import PairedRun
from bench.record.types import Environment, Record


def unlike_sides(run: PairedRun) -> list[UnlikeEnvironments]:
    """Returns each unlikeness of Python, architecture ("isa") and the CPUs that the processes could run on
    ("affinity"), once.

    What a side doesn't tell isn't compared.
    """
    found = [field for reference, candidate in _environments(run) for field in _unlike(reference, candidate)]
    for reference, candidate in _launches(run):
        before, after = reference.machine.isa, candidate.machine.isa
        if reference.environment and candidate.environment and before != after:
            found.append(Field("isa", before, after))
    return [UnlikeEnvironments(field) for field in dict.fromkeys(found)]


def cpu_ranges(cpus: Sequence[int]) -> str:
    """Returns sorted CPU numbers as Linux writes them: 0-3,8."""
    ranges: list[list[int]] = []
    for cpu in cpus:
        if ranges and cpu == ranges[-1][-1] + 1:
            ranges[-1] = [ranges[-1][0], cpu]
        else:
            ranges.append([cpu])
    return ",".join("-".join(map(str, one)) for one in ranges)


def _launches(run: PairedRun) -> list[tuple[Record, Record]]:
    """Returns (reference's, candidate's) of every launch."""
    launches = [(pair.reference, pair.candidate) for pair in run.pairs]
    return launches + ([(run.oracle[0], run.oracle[1])] if len(run.oracle) == 2 else [])


def _environments(run: PairedRun) -> Iterator[tuple[Environment, Environment]]:
    """Yields (reference's, candidate's) of everything that both sides got to tell."""
    told = [(reference.environment, candidate.environment) for reference, candidate in _launches(run)]
    told += [(run.lockstep.reference, run.lockstep.candidate)] if run.lockstep else []
    for reference, candidate in told:
        if reference and candidate:
            yield reference, candidate


def _unlike(reference: Environment, candidate: Environment) -> Iterator[Field]:
    if reference.python != candidate.python:
        yield Field("python", reference.python, candidate.python)
    if reference.affinity and candidate.affinity and reference.affinity != candidate.affinity:
        yield Field("affinity", cpu_ranges(reference.affinity), cpu_ranges(candidate.affinity))
