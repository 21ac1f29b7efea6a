"""Environments to measure: resolved and built by uv, kept in a cache by what they hold, shared where two sides hold the
same.

uv's cache holds the packages, and links them into an environment. Its own environments (`uv run --with`) are no public
place: they have no names, and `uv cache prune` takes them away. So each environment is a folder of ours, named by its
lock and its Python.
"""

import contextlib
import dataclasses
import hashlib
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import InvalidVersion, Version

from bench.drive import uv
from bench.drive.cache import KEY_DIGITS, LOCK_FILE, STORED_FILE, Stored, cache_folder, clear, held, installed
from bench.drive.folders import held_folder
from bench.drive.inspection import Inspection, inspect
from bench.drive.lockfile import Lock, overwriting, read_lock, tensorflow_of
from bench.drive.requests import AsOf, Interpreter, RequestError, Requirements, read_request
from bench.drive.uv import install, make_venv, resolve
from bench.machine import now
from bench.record.files import write_record, write_text
from bench.record.paired import Package, Side
from bench.record.releases import are_listed, end
from bench.record.types import SCHEMA

PYTHON_OF_LOCKS = "3.11"  # the one that has wheels of every TensorFlow from 2.12 to 2.21
PYTHON = PYTHON_OF_LOCKS  # that is built with unless another is asked for; tests have their own
PINNED = "reference"  # asks for the pinned environment; its locks are in the baselines' folder of that name


@dataclasses.dataclass(frozen=True)
class Resolved:
    """The lock of what was asked for, for one kind of Python."""

    lock: Lock
    as_of: str  # up to when the index was read: ISO 8601, UTC; "" as it is
    kind: str  # cpython-3.11-linux-x86_64


def prepare(
    requested: str,
    as_of: AsOf,
    *,
    python: str | None = None,
    gpu: bool = False,
    variables: Mapping[str, str] | None = None,
    say: Callable[[str], None] = lambda line: None,
    kept: Sequence[str] = (),
    pins: Sequence[str] = (),
    sent: Resolved | None = None,
) -> Side:
    """Returns the side of a comparison that was asked for, built if it isn't there already.

    `requested` is a version, requirements, a wheel file or the path of an interpreter (see `requests.read_request`); an
    interpreter is taken as it is, so that `as_of`, `python` and `gpu` say nothing about it. `python` is a version or a
    path, as uv takes it (default: 3.11). `say` gets a line at each thing that takes time. `kept` are further
    requirements, `pins` exact versions in the place of what wheels require. `sent` is what another machine resolved:
    its lock is taken for a Python of the same kind. Raises RequestError for what can't be had, BuildError for what
    can't be built.
    """
    request = read_request(requested, gpu)
    if isinstance(request, Interpreter):
        packages = inspect(request.path, variables).packages
        return Side(requested, request.path, dict(variables or {}), packages=packages)
    python = python or PYTHON
    with _probe(python) as (interpreter, found):
        if not (sent and sent.kind == _kind(found.version)):
            say(f"resolving {' '.join(request.lines)}")
            lock, moment = resolve(requested, (*request.lines, *kept), as_of, interpreter, pins)
            sent = Resolved(lock, moment, _kind(found.version))
    if as_of.moment and not sent.as_of:
        say("the package index gives no upload times: both sides see it as it is")
    return _installed(requested, sent, python, found, variables, say)


def resolved(
    requested: str, as_of: AsOf, *, python: str | None = None, gpu: bool = False, say: Callable[[str], None]
) -> Resolved | None:
    """Returns what `prepare` would build, for another machine to build the same; None of an interpreter.

    Raises RequestError for what can't be had.
    """
    request = read_request(requested, gpu)
    if isinstance(request, Interpreter):
        return None
    with _probe(python or PYTHON) as (interpreter, found):
        say(f"resolving {' '.join(request.lines)}")
        return Resolved(*resolve(requested, request.lines, as_of, interpreter), _kind(found.version))


def prepare_reference(locks: Path, *, variables: Mapping[str, str], say: Callable[[str], None]) -> Side:
    """Returns the pinned reference environment, built from this platform's lock in a folder if it isn't there already.

    Raises RequestError where the platform has no lock, BuildError where the lock can't be installed (offline, say).
    """
    path = locks / f"{_kind(PYTHON_OF_LOCKS)}.txt"
    if not path.is_file():
        there = ", ".join(sorted(lock.stem for lock in locks.glob("*.txt"))) or "none"
        raise RequestError(f"the reference has no lock for this platform, {path.stem}; it has {there}")
    pinned = Resolved(read_locks(path), "", path.stem)
    with _probe(PYTHON) as (_, found):
        pass
    return _installed(PINNED, pinned, PYTHON, found, variables, say)


class UnlistedError(RequestError):
    """Two sides between which no index can list releases."""


def releases_between(good: str, bad: str, as_of: AsOf, *, python: str | None = None, gpu: bool = False) -> list[str]:
    """Returns the releases between two versions of the package that both sides name first, oldest first, named as the
    good one is, with the other requirements that both name; before a nightly, those of the good one's package. Raises
    UnlistedError, RequestError.
    """
    requests = (read_request(what, gpu) for what in (good, bad))
    named = [request.lines if isinstance(request, Requirements) else ("",) for request in requests]
    first, last = (end(lines[0]) for lines in named)
    if not (first.package and are_listed(first, last)):
        why = "only those between two versions of one package, or before a nightly, can"
        raise UnlistedError(f"releases between {good} and {bad} can't be listed, {why}: name them by --release")
    with _probe(python or PYTHON) as (interpreter, _):
        listed = uv.releases_between(first.package, first.version, last.version, as_of, interpreter)
    package, equal, _ = good.partition("==")  # without: a version alone
    theirs = {str(Requirement(line)) for line in named[1]}  # however they are spelled
    shared = [line for line in named[0][1:] if str(Requirement(line)) in theirs]
    return [" ".join([f"{package}{equal}{version}", *shared]) for version in listed] if equal else listed


def newest_patches(versions: Sequence[str], last: str) -> list[str]:
    """Returns the newest patch of each minor version, of releases in their order and of a `last` one, which is left
    out; nightlies and candidates stand for themselves.
    """
    newest = {_minor(version): version for version in (*versions, last)}
    return [version for version in newest.values() if version != last]


def _minor(text: str) -> tuple[int, ...] | str:
    try:
        version = Version((text.partition("==")[2] or text).strip().partition(" ")[0])  # other requirements may follow
    except InvalidVersion:
        return text
    return text if version.is_prerelease else version.release[:2]


def read_locks(path: Path) -> Lock:
    """Reads the lock of the pinned reference. Raises RequestError for what is none, OSError."""
    try:
        lock = read_lock(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RequestError(f"{path} is damaged or was not written by uv: {error}") from error
    if not tensorflow_of(lock.packages):
        raise RequestError(f"{path} is damaged or was not written by uv: it holds no TensorFlow")
    return lock


def _installed(
    requested: str,
    chosen: Resolved,
    python: str,
    found: Inspection,
    variables: Mapping[str, str] | None,
    say: Callable[[str], None],
) -> Side:
    """Returns the side that a lock makes under a Python, built if the cache doesn't hold it whole."""
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / _name(requested, chosen.lock, found)
    with held(cache, folder.name, lambda: say(f"waiting for another process that works on {folder.name}")):
        packages, why = installed(folder)
        if why:
            say(f"building {folder.name}: {why}")
            packages = _build(folder, requested, chosen, python, found)
        os.utime(folder / STORED_FILE)  # when it was last used
    say(f"{requested}: {folder.name}")
    interpreter = str(folder / "bin" / "python")
    return Side(requested, interpreter, dict(variables or {}), chosen.as_of, _with_hashes(packages, chosen.lock))


@contextlib.contextmanager
def _probe(python: str) -> Iterator[tuple[str, Inspection]]:
    """Makes an empty environment of a Python for the block; yields its interpreter. Raises RequestError."""
    with held_folder() as folder:
        interpreter = make_venv(folder / "venv", python)
        yield interpreter, inspect(interpreter)


def _kind(version: str) -> str:
    """Names a kind of Python, by which locks are told apart: a minor version on a platform."""
    return f"cpython-{'.'.join(version.split('.')[:2])}-{sys.platform}-{platform.machine()}"


def _build(folder: Path, requested: str, chosen: Resolved, python: str, found: Inspection) -> tuple[Package, ...]:
    """Builds the environment in place of what may be there, and returns its packages, by name.

    Its description is written last, and makes it whole.
    """
    clear(folder)
    try:
        interpreter = make_venv(folder, python)
        write_text(folder / LOCK_FILE, chosen.lock.text)
        install(folder / LOCK_FILE, interpreter, chosen.as_of)
        packages = inspect(interpreter).packages
        stored = Stored(SCHEMA, requested, chosen.as_of, now(), found.version, packages)
        write_record(folder / STORED_FILE, stored, seal=True)
        return packages
    except BaseException:
        clear(folder)
        raise


def _name(requested: str, lock: Lock, found: Inspection) -> str:
    """Names an environment: its TensorFlow, then a key of everything in it and of the Python. Raises RequestError."""
    tensorflow = tensorflow_of(lock.packages)
    if tensorflow is None:
        raise RequestError(f"{requested!r} brings no TensorFlow: add tensorflow-cpu==VERSION to it")
    if clash := overwriting(lock.packages):
        raise RequestError(
            f"{requested!r} brings {' and '.join(clash)}, which overwrite each other's files: name requirements that "
            "bring one of them, or an interpreter that has one"
        )
    key = hashlib.sha256(f"{found.build}\n\n{lock.text}".encode()).hexdigest()[:KEY_DIGITS]
    return f"{tensorflow.name}-{tensorflow.version}-{key}"


def _with_hashes(packages: tuple[Package, ...], lock: Lock) -> tuple[Package, ...]:
    """Returns what is installed, with the hashes that the lock admits."""
    hashes = {package.name: package.hashes for package in lock.packages}
    return tuple(Package(package.name, package.version, hashes.get(package.name, ())) for package in packages)
