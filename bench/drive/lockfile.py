"""Lock files as `uv pip compile --generate-hashes` writes them: a package a line at one exact version, with the hashes of its files."""

import dataclasses
import re
import urllib.parse
from pathlib import PurePosixPath

from bench.record.paired import Package

# What TensorFlow is called where it is installed from, the plain builds first.
TENSORFLOW = ("tensorflow", "tensorflow-cpu", "tf-nightly", "tf-nightly-cpu", "intel-tensorflow", "tensorflow-rocm")
ENTRY = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(\[[^]]*\])?\s*(==\s*(?P<version>[^\s;\\]+)|@\s*(?P<url>\S+))")
HASH = re.compile(r"--hash=(\S+)")


@dataclasses.dataclass(frozen=True)
class Lock:
    """A lock file's text, and what it says."""

    text: str
    packages: tuple[Package, ...]

    @property
    def tensorflow(self) -> Package | None:
        """The package that holds TensorFlow; None if there is none."""
        return tensorflow_of(self.packages)


def read_lock(text: str) -> Lock:
    """The packages of a lock file."""
    packages = []
    for entry in text.replace("\\\n", " ").splitlines():
        found = ENTRY.match(entry)
        if found:
            version = found["version"] or _wheel_version(found["url"])
            packages.append(Package(normal_name(found["name"]), version, tuple(HASH.findall(entry))))
    return Lock(text, tuple(packages))


def tensorflow_of(packages: tuple[Package, ...]) -> Package | None:
    """The package that holds TensorFlow; None if there is none."""
    by_name = {package.name: package for package in packages}
    return next((by_name[name] for name in TENSORFLOW if name in by_name), None)


def keras_of(packages: tuple[Package, ...]) -> Package | None:
    """The package that holds Keras; None if there is none."""
    return next((package for package in packages if package.name in ("keras", "keras-nightly")), None)


def normal_name(name: str) -> str:
    """A distribution's name as the index spells it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _wheel_version(url: str) -> str:
    """The version in a wheel's file name; "" for what is no wheel."""
    parts = urllib.parse.unquote(PurePosixPath(urllib.parse.urlsplit(url).path).name).split("-")
    return parts[1] if parts[-1].endswith(".whl") and len(parts) >= 5 else ""
