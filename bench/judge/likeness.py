"""What else than TensorFlow and its packages set the sides of a paired run apart, as their processes told it."""

from collections.abc import Iterator, Sequence

from bench.record.paired import PairedRun
from bench.record.types import Environment, Record

MAY_BE_ITS = "a difference between them may be its"


def unlike_sides(run: PairedRun) -> list[str]:
    """A warning for each unlikeness of Python, architecture and the CPUs that the processes could run on.

    What a side doesn't tell isn't compared.
    """
    found = [line for reference, candidate in _environments(run) for line in _unlike(reference, candidate)]
    for reference, candidate in _launches(run):
        before, after = reference.machine.isa, candidate.machine.isa
        if reference.environment and candidate.environment and before != after:
            found.append(
                f"the reference ran on {before}, the candidate on {after}: a difference may be the architecture's"
            )
    return list(dict.fromkeys(found))


def cpu_ranges(cpus: Sequence[int]) -> str:
    """Sorted CPU numbers as Linux writes them: 0-3,8."""
    ranges: list[list[int]] = []
    for cpu in cpus:
        if ranges and cpu == ranges[-1][-1] + 1:
            ranges[-1] = [ranges[-1][0], cpu]
        else:
            ranges.append([cpu])
    return ",".join("-".join(map(str, one)) for one in ranges)


def _launches(run: PairedRun) -> list[tuple[Record, Record]]:
    """(reference's, candidate's) of every launch."""
    launches = [(pair.reference, pair.candidate) for pair in run.pairs]
    return launches + ([(run.oracle[0], run.oracle[1])] if len(run.oracle) == 2 else [])


def _environments(run: PairedRun) -> Iterator[tuple[Environment, Environment]]:
    """(reference's, candidate's) of everything that both sides got to tell."""
    told = [(reference.environment, candidate.environment) for reference, candidate in _launches(run)]
    told += [(run.lockstep.reference, run.lockstep.candidate)] if run.lockstep else []
    for reference, candidate in told:
        if reference and candidate:
            yield reference, candidate


def _unlike(reference: Environment, candidate: Environment) -> Iterator[str]:
    if reference.python != candidate.python:
        yield f"the sides have Python {reference.python} and {candidate.python}: {MAY_BE_ITS}"
    if reference.affinity and candidate.affinity and reference.affinity != candidate.affinity:
        before, after = map(cpu_ranges, (reference.affinity, candidate.affinity))
        yield f"the reference could run on CPUs {before}, the candidate on {after}: bind both alike, or a difference may be the CPUs'"
