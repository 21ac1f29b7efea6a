"""Subjects, machines and both environments of a comparison, as rows of which those that differ stand out."""

import dataclasses

from bench.judge.perplexity import environment_key
from bench.judge.reports import paired_runs
from bench.record.micro import Micro
from bench.record.paired import CANDIDATE, REFERENCE, Package, PairedRun, Side
from bench.record.types import Environment, Machine
from bench.report.judged import AnyRun, Judged, asked_sides, environment, measured
from bench.report.stored import environment_name
from bench.report.values import NOTHING

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


def environments(run: AnyRun | Micro) -> list[Property]:
    """Returns every property of both sides' environments, packages last; a run of one environment has no reference."""
    return [*properties(run), *packages(run)]


def properties(run: AnyRun | Micro) -> list[Property]:
    """Returns what was asked for and what was measured, without the packages."""
    found = [environment(run, side) for side in (REFERENCE, CANDIDATE)]
    sides = asked_sides(run)
    cores = sorted({pair.core for paired in paired_runs(run) for pair in paired.pairs if pair.core is not None})
    pinned: dict[str, str | None] = {"CPU of one-core launches": ", ".join(map(str, cores))} if cores else {}
    told = map(_properties, sides or (None, None), found)
    return _side_by_side(*({**each, **pinned} for each in told), alone=not sides)


def packages(run: AnyRun | Micro) -> list[Property]:
    """Returns the packages, but for those whose versions are properties already."""
    found = [environment(run, side) for side in (REFERENCE, CANDIDATE)]
    told = {"keras", "numpy", *(one.distribution for one in found if one)}
    versions = [_versions(side.packages, told) for side in asked_sides(run)]
    absent = ABSENT if all(versions) else NOTHING  # an existing interpreter doesn't list its packages
    rows = _side_by_side(*versions, absent=absent) if versions else []
    return sorted(rows, key=lambda row: row.name)


def replicas(judged: Judged) -> list[str]:
    """Returns the environments whose trainings the baselines' perplexities rest on, each once; none of an upgrade,
    whose sides are compared with each other.
    """
    if isinstance(judged.run, PairedRun):
        return []
    names = dict.fromkeys(launch.record.subject.name for launch in measured(judged.run))
    every = [one.environment for name in names if name in judged.baselines for one in judged.baselines[name].replicas]
    return [f"TensorFlow {environment_name(key)}" for key in dict.fromkeys(map(environment_key, every))]


def machines(run: AnyRun | Micro) -> list[Machine]:
    """Returns the machines that were measured on, each once."""
    if isinstance(run, Micro):
        return [run.run.machine]
    return list(dict.fromkeys(launch.record.machine for launch in measured(run)))


def locks(run: AnyRun | Micro) -> list[Packages]:
    """Returns the requirements of each side; of an existing interpreter the versions that it told."""
    sides = asked_sides(run)
    if any(side.packages for side in sides):
        named = zip((REFERENCE, CANDIDATE), sides, strict=True)
        return [Packages(name, _requirements(side.packages), _hashed(side.packages)) for name, side in named]
    told = ((side, environment(run, side)) for side in (REFERENCE, CANDIDATE))
    return [Packages(side, _told(found), []) for side, found in told if found]


def _properties(side: Side | None, found: Environment | None) -> dict[str, str | None]:
    asked = {"asked for": side.requested, "index as of": side.as_of} if side else {}
    measured = (
        {
            "Python": found.python,
            "TensorFlow": found.tensorflow,
            "distribution": found.distribution,
            "Keras": found.keras,
            "NumPy": found.numpy,
            "oneDNN": "on" if found.onednn else "off",
            "threads": str(found.threads),
        }
        if found
        else {}
    )
    variables = {**(side.variables if side else {}), **(found.variables if found else {})}
    return {**asked, **measured, **{f"${name}": value for name, value in sorted(variables.items())}}


def _versions(packages: tuple[Package, ...], told: set[str]) -> dict[str, str | None]:
    return {package.name: package.version for package in packages if package.name not in told}


def _side_by_side(
    reference: dict[str, str | None], candidate: dict[str, str | None], *, absent: str = NOTHING, alone: bool = False
) -> list[Property]:
    """Returns a row for each property that a side has a value of."""
    pairs = (
        (name, reference.get(name) or absent, candidate.get(name) or absent) for name in {**reference, **candidate}
    )
    return [Property(*pair, alone) for pair in pairs if pair[1:] != (absent, absent)]


def _requirements(packages: tuple[Package, ...]) -> list[str]:
    return [f"{package.name}=={package.version}" for package in packages]


def _hashed(packages: tuple[Package, ...]) -> list[str]:
    """Returns the requirements with their hashes; none of packages that have none."""
    if not any(package.hashes for package in packages):
        return []
    hashes = ("".join(f" --hash={digest}" for digest in package.hashes) for package in packages)
    return [line + admitted for line, admitted in zip(_requirements(packages), hashes, strict=True)]


def _told(found: Environment) -> list[str]:
    return [f"{found.distribution}=={found.tensorflow}", f"keras=={found.keras}", f"numpy=={found.numpy}"]
