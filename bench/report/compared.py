"""Subjects, machines and both environments of a comparison, as rows of which those that differ stand out."""

import dataclasses
import shlex

from bench.judge.perplexity import environment_key
from bench.judge.reports import paired_runs
from bench.record.paired import CANDIDATE, REFERENCE, Package, PairedRun
from bench.record.types import Baseline, Environment, Machine
from bench.report.judged import Judged, environment, measured
from bench.report.values import NOTHING

ABSENT = "not installed"


@dataclasses.dataclass(frozen=True)
class Property:
    """One property of both sides."""

    name: str
    reference: str
    candidate: str

    @property
    def differs(self) -> bool:
        """Tells whether the sides do not have it in common."""
        return self.reference != self.candidate


@dataclasses.dataclass(frozen=True)
class Packages:
    """A side's requirements in pip's lines."""

    side: str
    lines: list[str]
    hashed: list[str]  # the same with hashes; none of an interpreter that was there


def environments(judged: Judged) -> list[Property]:
    """Returns every property of both sides' environments, packages last; a run of one environment has no reference."""
    candidate = _properties(environment(judged.run, CANDIDATE))
    runs = paired_runs(judged.run)
    if not runs:
        return _side_by_side({}, candidate)
    run = runs[0]
    reference = _properties(environment(run, REFERENCE))
    told = {"keras", "numpy", reference.get("distribution"), candidate.get("distribution")}  # as properties already
    asked = [
        {"asked for": side.requested, "index as of": side.as_of, **_variables(side.variables)}
        for side in (run.reference, run.candidate)
    ]
    packages = [_versions(side.packages, told) for side in (run.reference, run.candidate)]
    absent = ABSENT if all(packages) else NOTHING  # an interpreter that was there doesn't list its packages
    return [
        *_side_by_side(*asked),
        *_side_by_side(reference, candidate),
        *_side_by_side(*packages, absent=absent),
    ]


def replicas(judged: Judged) -> list[str]:
    """Returns the environments whose trainings the baselines' perplexities rest on, each once; none of an upgrade,
    whose sides are compared with each other.
    """
    if isinstance(judged.run, PairedRun):
        return []
    every = [replica.environment for baseline in _baselines(judged) for replica in baseline.replicas]
    return [f"TensorFlow {key}" for key in dict.fromkeys(map(environment_key, every))]


def machines(judged: Judged) -> list[Machine]:
    """Returns the machines that were measured on, each once."""
    return list(dict.fromkeys(launch.record.machine for launch in measured(judged.run)))


def command(judged: Judged) -> str:
    """Returns the command line, quoted so that a shell takes it as it was."""
    return shlex.join(judged.run.command)


def locks(judged: Judged) -> list[Packages]:
    """Returns the requirements of each side; of an interpreter that was there the versions that it told."""
    runs = paired_runs(judged.run)
    if runs and (runs[0].reference.packages or runs[0].candidate.packages):
        sides = ((REFERENCE, runs[0].reference.packages), (CANDIDATE, runs[0].candidate.packages))
        return [Packages(name, _requirements(of), _hashed(of)) for name, of in sides]
    told = ((side, environment(judged.run, side)) for side in (REFERENCE, CANDIDATE))
    return [Packages(side, _told(found), []) for side, found in told if found]


def _baselines(judged: Judged) -> list[Baseline]:
    """Returns the baselines of what was measured."""
    subjects = dict.fromkeys(launch.record.subject.name for launch in measured(judged.run))
    return [judged.baselines[name] for name in subjects if name in judged.baselines]


def _properties(found: Environment | None) -> dict[str, str]:
    if found is None:
        return {}
    return {
        "Python": found.python,
        "TensorFlow": found.tensorflow,
        "distribution": found.distribution,
        "Keras": found.keras,
        "NumPy": found.numpy,
        "oneDNN": "on" if found.onednn else "off",
        "threads": str(found.threads),
        **_variables(found.variables),
    }


def _variables(variables: dict[str, str]) -> dict[str, str]:
    return {f"${name}": value for name, value in sorted(variables.items())}


def _versions(packages: tuple[Package, ...], told: set[str | None]) -> dict[str, str]:
    found = sorted(packages, key=lambda package: package.name)
    return {package.name: package.version for package in found if package.name not in told}


def _side_by_side(reference: dict[str, str], candidate: dict[str, str], *, absent: str = NOTHING) -> list[Property]:
    """Returns a row for each property that a side has a value of."""
    pairs = (
        (name, reference.get(name) or absent, candidate.get(name) or absent) for name in {**reference, **candidate}
    )
    return [Property(*pair) for pair in pairs if pair[1:] != (absent, absent)]


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
