"""What was compared: subjects, machines and both environments, as rows of which those that differ stand out."""

import dataclasses
import shlex

from bench.judge.perplexity import environment_key
from bench.judge.reports import paired_runs
from bench.record.paired import CANDIDATE, REFERENCE, Package
from bench.record.types import Baseline, Environment, Machine
from bench.report.judged import Judged, environment, measured

NOTHING = "–"
TOLD = (
    "keras",
    "numpy",
    "tensorflow",
)  # packages whose versions the environment itself told; those of TensorFlow's parts go with it


@dataclasses.dataclass(frozen=True)
class Difference:
    """One property of both sides."""

    name: str
    reference: str
    candidate: str

    @property
    def differs(self) -> bool:
        """Whether the sides do not have it in common."""
        return self.reference != self.candidate


def environments(judged: Judged) -> list[Difference]:
    """Every property of both sides' environments, packages last; a run of one environment has no reference."""
    candidate = _properties(environment(judged.run, CANDIDATE))
    runs = paired_runs(judged.run)
    if not runs:
        return _side_by_side({}, candidate)
    run = runs[0]
    found = _side_by_side(_properties(environment(run, REFERENCE)), candidate)
    asked = _side_by_side(
        {
            "asked for": run.reference.requested,
            "index as of": run.reference.as_of,
            **_variables(run.reference.variables),
        },
        {
            "asked for": run.candidate.requested,
            "index as of": run.candidate.as_of,
            **_variables(run.candidate.variables),
        },
    )
    return [*asked, *found, *_side_by_side(_versions(run.reference.packages), _versions(run.candidate.packages))]


def replicas(judged: Judged) -> list[str]:
    """The environments whose trainings the baselines' perplexities rest on, each once."""
    every = [replica.environment for baseline in _baselines(judged) for replica in baseline.replicas]
    return [f"TensorFlow {key}" for key in dict.fromkeys(map(environment_key, every))]


def machines(judged: Judged) -> list[Machine]:
    """The machines that were measured on, each once."""
    return list(dict.fromkeys(launch.record.machine for launch in measured(judged.run)))


def command(judged: Judged) -> str:
    """The command line, quoted so that a shell takes it as it was."""
    return shlex.join(judged.run.command)


def locks(judged: Judged) -> list[tuple[str, list[str], list[str]]]:
    """(side, its requirements, the same with hashes) of each side in pip's lines; of an interpreter that was there what it told."""
    runs = paired_runs(judged.run)
    if runs and (runs[0].reference.packages or runs[0].candidate.packages):
        sides = ((REFERENCE, runs[0].reference), (CANDIDATE, runs[0].candidate))
        return [(name, _requirements(side.packages), _requirements(side.packages, hashes=True)) for name, side in sides]
    told = ((side, environment(judged.run, side)) for side in (REFERENCE, CANDIDATE))
    return [(side, _told(found), []) for side, found in told if found]


def _baselines(judged: Judged) -> list[Baseline]:
    """Those of what was measured."""
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


def _versions(packages: tuple[Package, ...]) -> dict[str, str]:
    return {
        p.name: p.version for p in sorted(packages, key=lambda package: package.name) if not p.name.startswith(TOLD)
    }


def _side_by_side(reference: dict[str, str], candidate: dict[str, str]) -> list[Difference]:
    both = {**reference, **candidate}
    rows = (
        Difference(name, reference.get(name, NOTHING) or NOTHING, candidate.get(name, NOTHING) or NOTHING)
        for name in both
    )
    return [row for row in rows if {row.reference, row.candidate} != {NOTHING}]


def _requirements(packages: tuple[Package, ...], *, hashes: bool = False) -> list[str]:
    lines = []
    for package in packages:
        admitted = [f"--hash={digest}" for digest in package.hashes] if hashes else []
        lines.append(" ".join([f"{package.name}=={package.version}", *admitted]))
    return lines


def _told(found: Environment) -> list[str]:
    return [f"{found.distribution}=={found.tensorflow}", f"keras=={found.keras}", f"numpy=={found.numpy}"]
