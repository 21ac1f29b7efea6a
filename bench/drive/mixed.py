"""Environments between two sides: the reference's packages, and one or two of them as the candidate has them."""

import dataclasses
from collections.abc import Callable

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bench.drive.environments import prepare
from bench.drive.lockfile import TENSORFLOW, in_place_of
from bench.drive.requests import Interpreter, RequestError, read_as_of, read_request
from bench.drive.uv import conflicts
from bench.record.paired import Package, Side, other_builds

NEVER = "python_version < '0'"  # a marker that no Python meets: what wheels require under it isn't installed


@dataclasses.dataclass(frozen=True)
class Differing:
    """A package that both sides have, in two versions, in two builds of one, or from two distributions."""

    name: str  # as the reference has it
    reference: str
    candidate: str  # its version; with its name, if that is another


def differing(reference: Side, candidate: Side) -> list[Differing]:
    """Returns the packages whose versions differ, or distributions, or builds of one version, TensorFlow first."""
    theirs = in_places(reference, candidate)
    rebuilt = {package.name for package in other_builds(reference, candidate)}
    found = []
    for one in reference.packages:
        other = theirs.get(one.name, one)
        if one.name != other.name:
            found.append(Differing(one.name, one.version, f"{other.name} {other.version}"))
        elif one.version != other.version or one.name in rebuilt:
            found.append(Differing(one.name, one.version, other.version))
    return sorted(found, key=lambda one: (one.name not in TENSORFLOW, one.name))


def in_places(reference: Side, candidate: Side) -> dict[str, Package]:
    """Returns the candidate's packages, each by the name of the reference's package in whose place it is: keras-nightly
    by keras.
    """
    return {in_place_of(package.name, reference.packages): package for package in candidate.packages}


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
    """The requirements of such an environment, of exact versions but for `pins` that keep a package out."""

    asked: tuple[str, ...]  # what the reference was asked to be, and the exchanged packages
    kept: tuple[str, ...]  # the reference's other packages
    pins: tuple[str, ...]  # of all that it may hold, of what only the candidate has as well; of what it mustn't, NEVER


def mixture(reference: Side, candidate: Side, *names: str, gpu: bool = False) -> Mixture:
    """Returns what an environment of the reference's packages is asked to hold, these as the candidate has them."""
    places = in_places(reference, candidate)
    ours, exact = _exact(reference, gpu), _exact(candidate, gpu)
    theirs = {place: exact[package.name] for place, package in places.items()}
    pins = {**theirs, **ours, **{name: theirs[name] for name in names}}
    asked = dict.fromkeys([*(canonicalize_name(Requirement(line).name) for line in _lines(reference, gpu)), *names])
    kept = [pins[one] for one in ours if one not in asked]
    renamed = ((place, package.name) for place, package in places.items() if place != package.name)
    out = [f"{mine if mine in names else other}; {NEVER}" for mine, other in renamed]
    return Mixture(tuple(pins[one] for one in asked), tuple(kept), (*pins.values(), *out))


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
