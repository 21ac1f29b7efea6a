"""Lock files as `uv pip compile --generate-hashes` writes them: one package a line, its exact version, the hashes of
its files.
"""

import dataclasses
import datetime
import urllib.parse
from collections.abc import Iterable
from pathlib import PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from bench.record.paired import Package

# Names of one package's distributions, the plain builds first: each puts its files in the place of another's.
TENSORFLOW = ("tensorflow", "tensorflow-cpu", "tf-nightly", "tf-nightly-cpu", "intel-tensorflow", "tensorflow-rocm")
KERAS = ("keras", "keras-nightly")
DISTRIBUTED = (TENSORFLOW, KERAS)
HASH = " --hash="


@dataclasses.dataclass(frozen=True)
class Lock:
    """A lock file's text, and the packages in it."""

    text: str
    packages: tuple[Package, ...]


def read_lock(text: str) -> Lock:
    """Reads the packages of a lock file."""
    lines = (line.strip() for line in text.replace("\\\n", " ").splitlines())
    return Lock(text, tuple(_package(line) for line in lines if line and not line.startswith(("#", "-"))))


def tensorflow_of(packages: tuple[Package, ...]) -> Package | None:
    """Returns the package that holds TensorFlow; None if there is none."""
    by_name = {package.name: package for package in packages}
    return next((by_name[name] for name in TENSORFLOW if name in by_name), None)


def nightly_date(version: str) -> datetime.date | None:
    """Returns the day of a nightly, which ends its version: 2.22.0.dev20261001; None of other versions."""
    try:
        return datetime.date.fromisoformat(str(Version(version).dev))  # of eight digits: others count commits
    except ValueError:  # as InvalidVersion is
        return None


def keras_of(packages: tuple[Package, ...]) -> Package | None:
    """Returns the package that holds Keras; None if there is none."""
    return next((package for package in packages if package.name in KERAS), None)


def in_place_of(name: str, packages: Iterable[Package]) -> str:
    """Returns the name of that one of the packages whose files a package of this name would overwrite: its own, or
    another distribution's. Its own if there is none.
    """
    there = {package.name for package in packages}
    group = next((names for names in DISTRIBUTED if name in names), ())
    return next((one for one in (name, *group) if one in there), name)


def overwriting(packages: Iterable[Package]) -> list[str]:
    """Returns the names of distributions of one package, if there are two or more: a mix of their files can't be
    trusted.
    """
    there = {package.name for package in packages}
    return next((found for names in DISTRIBUTED if len(found := sorted(there.intersection(names))) > 1), [])


def _package(line: str) -> Package:
    named, *hashes = line.split(HASH)
    requirement = Requirement(named)
    specifiers = [one.version for one in requirement.specifier if one.operator in ("==", "===")]
    if not requirement.url and len(specifiers) != 1:
        raise ValueError(f"{requirement} has no exact version")
    version = wheel_version(requirement.url) if requirement.url else specifiers[0]
    return Package(canonicalize_name(requirement.name), version, tuple(each.strip() for each in hashes))


def wheel_version(url: str) -> str:
    """Returns the version in a wheel's file name; "" for what is no wheel."""
    try:
        return str(parse_wheel_filename(urllib.parse.unquote(PurePosixPath(urllib.parse.urlsplit(url).path).name))[1])
    except InvalidWheelFilename:
        return ""
