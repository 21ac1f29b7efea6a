"""Subjects, machines and both environments of a comparison, as rows of which those that differ stand out."""

import dataclasses

from bench.judge.perplexity import environment_key
from bench.judge.reports import paired_runs
from bench.record.micro import Micro, MicroCase
from bench.record.paired import CANDIDATE, REFERENCE, PairedRun, Side
from bench.record.types import Environment, Machine
from bench.report.judged import AnyReport, Judged, asked_sides, environment, launches, records
from bench.report.stored import environment_name
from bench.report.values import NOTHING, Count

ABSENT = "not installed"


@dataclasses.dataclass(frozen=True)
class Property:
    """One property of both sides, or of the candidate alone."""

    name: str
    reference: str
    candidate: str
    alone: bool = False  # of a run of one environment, which has no reference

    @property
    def differs(self) -> bool:
        """Tells whether the sides do not have it in common."""
        return not self.alone and self.reference != self.candidate


@dataclasses.dataclass(frozen=True)
class Packages:
    """A side's requirements in pip's lines."""

    side: str
    lines: list[str]
    hashed: list[str]  # the same with hashes; empty for an existing interpreter


def environments(run: AnyReport) -> list[Property]:
    """Returns every property of both sides' environments, packages last; a run of one environment has no reference."""
    return [*properties(run), *packages(run)]


def properties(run: AnyReport) -> list[Property]:
    """Returns what was asked for and what was measured, without the packages."""
    found: list[Environment | MicroCase | None] = [environment(run, side) for side in (REFERENCE, CANDIDATE)]
    if isinstance(run, Micro):
        found = [side[0].first if side else None for side in (run.reference, run.candidate)]
    sides = asked_sides(run)
    cores = sorted({pair.core for paired in paired_runs(run) for pair in paired.pairs if pair.core is not None})
    pinned = {"CPU of one-core launches": ", ".join(map(str, cores))} if cores else {}
    told = map(_properties, sides or (None, None), found)
    return _side_by_side(*({**each, **pinned} for each in told), alone=not sides)


def packages(run: AnyReport) -> list[Property]:
    """Returns the packages, but for those whose versions are properties already."""
    found = [environment(run, side) for side in (REFERENCE, CANDIDATE)]
    told = {"keras", "numpy", *(one.distribution for one in found if one)}
    versions = [{one.name: one.version for one in side.packages if one.name not in told} for side in asked_sides(run)]
    absent = ABSENT if all(versions) else NOTHING  # an existing interpreter doesn't list its packages
    rows = _side_by_side(*versions, absent=absent) if versions else []
    return sorted(rows, key=lambda row: row.name)


def replicas(judged: Judged) -> list[str]:
    """Returns the environments whose trainings the baselines' perplexities rest on, each once; none of an upgrade,
    whose sides are compared with each other.
    """
    if isinstance(judged.run, PairedRun):
        return []
    subjects = dict.fromkeys(launch.record.subject for launch in launches(judged.run))
    baselines = [judged.baselines[one.name] for one in subjects if one.name in judged.baselines]
    every = [one.environment for found in baselines if found.subject in subjects for one in found.replicas]
    return [f"TensorFlow {environment_name(key)}" for key in dict.fromkeys(map(environment_key, every))]


def machines(run: AnyReport) -> list[Machine]:
    """Returns the machines that were measured on, each once; none where nothing was."""
    if isinstance(run, Micro):
        return [run.run.machine]
    return list(dict.fromkeys(record.machine for record in records(run)))


def hosts(run: AnyReport) -> list[str]:
    """Returns the same in words, most often of one."""
    told = (", ".join(filter(None, (one.cpu_model, f"{Count(one.cores):core}", one.gpu))) for one in machines(run))
    return list(dict.fromkeys(told))


def locks(run: AnyReport) -> list[Packages]:
    """Returns the requirements of each side; of an existing interpreter the versions that it told."""
    sides = asked_sides(run)
    if any(side.packages for side in sides):
        return list(map(_required, (REFERENCE, CANDIDATE), sides))
    told = ((side, environment(run, side)) for side in (REFERENCE, CANDIDATE))
    return [
        Packages(side, [f"{one.distribution}=={one.tensorflow}", f"keras=={one.keras}", f"numpy=={one.numpy}"], [])
        for side, one in told
        if one
    ]


def _properties(side: Side | None, found: Environment | MicroCase | None) -> dict[str, str]:
    told: dict[str, str] = {}
    variables: dict[str, str] = {}
    if side:
        told |= {"asked for": side.requested, "index as of": side.as_of}
        variables |= side.variables
    if isinstance(found, Environment):
        told |= {
            "Python": found.python,
            "TensorFlow": found.tensorflow,
            "distribution": found.distribution,
            "Keras": found.keras,
            "NumPy": found.numpy,
        }
    if found:
        told |= {"oneDNN": "on" if found.onednn else "off", "threads": str(found.threads)}
        variables |= found.variables
    return told | {f"${name}": value for name, value in sorted(variables.items())}


def _side_by_side(
    reference: dict[str, str], candidate: dict[str, str], *, absent: str = NOTHING, alone: bool = False
) -> list[Property]:
    """Returns a row for each property that a side has a value of."""
    pairs = (
        (name, reference.get(name) or absent, candidate.get(name) or absent) for name in {**reference, **candidate}
    )
    return [Property(*pair, alone) for pair in pairs if pair[1:] != (absent, absent)]


def _required(name: str, side: Side) -> Packages:
    lines = [f"{package.name}=={package.version}" for package in side.packages]
    hashed = [
        line + "".join(f" --hash={digest}" for digest in package.hashes)
        for line, package in zip(lines, side.packages, strict=True)
    ]
    return Packages(name, lines, hashed if hashed != lines else [])
