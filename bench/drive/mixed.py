"""Environments between two sides: the reference's packages, and one or two of them as the candidate has them."""

import dataclasses
from collections.abc import Callable

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bench.drive.environments import prepare
from bench.drive.lockfile import tensorflow_of
from bench.drive.requests import Interpreter, RequestError, read_as_of, read_request
from bench.drive.uv import conflicts
from bench.record.paired import Side, other_builds


@dataclasses.dataclass(frozen=True)
class Differing:
    """A package that both sides have, in two versions or in two builds of one."""

    name: str
    reference: str
    candidate: str


def differing(reference: Side, candidate: Side) -> list[Differing]:
    """Returns the packages whose versions differ, or builds of one version, TensorFlow first.

    Raises RequestError for unlike TensorFlows.
    """
    first, other = (tensorflow_of(side.packages) for side in (reference, candidate))
    if not (first and other and first.name == other.name):
        names = [found.name if found else "none" for found in (first, other)]
        told = f"the sides' TensorFlows are {names[0]} and {names[1]}, which can't be exchanged"
        raise RequestError(f"{told}: name one package for both, such as {names[1]}==VERSION")
    ours, theirs = ({package.name: package.version for package in side.packages} for side in (reference, candidate))
    unlike = {name for name in ours if theirs.get(name, ours[name]) != ours[name]}
    unlike |= {package.name for package in other_builds(reference, candidate)}
    found = [Differing(name, ours[name], theirs[name]) for name in unlike]
    return sorted(found, key=lambda one: (one.name != first.name, one.name))


def mixed(
    reference: Side, candidate: Side, *names: str, python: str | None, gpu: bool, say: Callable[[str], None]
) -> tuple[Side, str]:
    """Returns the reference's environment with these packages, and whatever only they require, at the candidate's
    versions; and the wheels' requirements that it doesn't meet, "" if it meets all.

    Raises RequestError for what can't be had, BuildError for what can't be built.
    """
    found = mixture(reference, candidate, *names, gpu=gpu)
    side = prepare(
        " ".join(found.asked),
        read_as_of("now"),  # every version is exact
        python=python,
        gpu=gpu,
        variables=reference.variables,
        say=say,
        kept=found.kept,
        pins=found.pins,
    )
    return side, "; ".join(conflicts(side.interpreter))


@dataclasses.dataclass(frozen=True)
class Mixture:
    """The requirements of such an environment, all of exact versions."""

    asked: tuple[str, ...]  # what the reference was asked to be, and the exchanged packages
    kept: tuple[str, ...]  # the reference's other packages
    pins: tuple[str, ...]  # of all that it may hold: of what only the candidate has as well


def mixture(reference: Side, candidate: Side, *names: str, gpu: bool = False) -> Mixture:
    """Returns what an environment of the reference's packages is asked to hold, these as the candidate has them."""
    ours, theirs = _exact(reference, gpu), _exact(candidate, gpu)
    pins = {**theirs, **ours, **{name: theirs[name] for name in names}}
    asked = dict.fromkeys([*(canonicalize_name(Requirement(line).name) for line in _lines(reference, gpu)), *names])
    kept = [pins[one] for one in ours if one not in asked]
    return Mixture(tuple(pins[one] for one in asked), tuple(kept), tuple(pins.values()))


def _exact(side: Side, gpu: bool) -> dict[str, str]:
    """Returns a requirement of each package's exact version, or file, by name."""
    found = {package.name: f"{package.name}=={package.version}" for package in side.packages}
    for line in _lines(side, gpu):
        asked = Requirement(line)
        name = canonicalize_name(asked.name)
        extras = f"[{','.join(sorted(asked.extras))}]" if asked.extras else ""
        if asked.url:
            found[name] = line
        elif name in found:
            found[name] = found[name].replace(name, name + extras, 1)
    return found


def _lines(side: Side, gpu: bool) -> tuple[str, ...]:
    """Returns the requirements that a side was made of; all its packages of the pinned reference."""
    request = read_request(side.requested, gpu)
    if isinstance(request, Interpreter):
        raise RequestError(f"{side.requested} can't be mixed with another: name a version or requirements")
    named = {package.name for package in side.packages}
    lines = tuple(line for line in request.lines if canonicalize_name(Requirement(line).name) in named)
    return lines or tuple(f"{package.name}=={package.version}" for package in side.packages)
