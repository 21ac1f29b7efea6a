"""Environments to measure: resolved and built by uv, kept in a cache by what they hold, shared where two sides hold the same."""

import contextlib
import dataclasses
import datetime
import hashlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from bench.drive.inspection import Inspection, inspect
from bench.drive.lockfile import Lock, read_lock
from bench.drive.requests import AsOf, Interpreter, RequestError, read_request
from bench.drive.stored import LOCK_FILE, STORED_FILE, Stored, cache_folder, damage, discard, held, sweep
from bench.drive.uv import install, make_venv, resolve
from bench.record.files import write_record, write_text
from bench.record.paired import Package, Side
from bench.record.types import SCHEMA

PYTHON_OF_LOCKS = "3.11"  # the one that has wheels of every TensorFlow from 2.12 to 2.21
PYTHON = PYTHON_OF_LOCKS
REFERENCE = (
    "reference"  # what asks for the pinned reference environment, and the folder of the baselines that holds its locks
)
KEY_DIGITS = 12  # 48 bits of a SHA-256: names stay short, and two of a thousand environments meet with a chance of 2e-9


def prepare(
    requested: str,
    as_of: AsOf,
    *,
    python: str | None = None,
    gpu: bool = False,
    variables: Mapping[str, str] | None = None,
    cache: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Side:
    """The side of a comparison that was asked for, built if it isn't there already.

    `requested` is a version, requirement text, a wheel file or the path of an interpreter (see `requests.read_request`); an interpreter
    is taken as it is, so that `as_of`, `python` and `gpu` say nothing about it. `python` is a version or a path, as uv takes it (default:
    3.11). `say` gets a line at each thing that takes time. Raises RequestError for what can't be had, BuildError for what can't be built.
    """
    variables = dict(variables or {})
    request = read_request(requested, gpu)
    if isinstance(request, Interpreter):
        return Side(requested, request.path, variables, packages=inspect(request.path, variables).packages)

    def resolved(interpreter: str) -> tuple[Lock, AsOf]:
        say(f"resolving {' '.join(request.lines)}")
        return resolve(requested, request.lines, as_of, interpreter)

    return _installed(requested, resolved, as_of.moment, python or PYTHON, variables, cache or cache_folder(), say)


def prepare_reference(
    locks: Path,
    *,
    variables: Mapping[str, str] | None = None,
    cache: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Side:
    """The pinned reference environment, built from this platform's lock in a folder if it isn't there already.

    Raises RequestError where the platform has no lock, BuildError where the lock can't be installed (offline, say).
    """
    path = locks / f"cpython-{PYTHON_OF_LOCKS}-{sys.platform}-{platform.machine()}.txt"
    if not path.is_file():
        there = ", ".join(sorted(lock.stem for lock in locks.glob("*.txt"))) or "none"
        raise RequestError(f"the reference has no lock for this platform ({path.stem}; there is {there})")
    lock = read_lock(path.read_text(encoding="utf-8"))
    return _installed(
        REFERENCE,
        lambda _: (lock, AsOf("", present=True)),
        "",
        PYTHON,
        dict(variables or {}),
        cache or cache_folder(),
        say,
    )


def _installed(
    requested: str,
    choose: Callable[[str], tuple[Lock, AsOf]],
    as_of: str,
    python: str,
    variables: dict[str, str],
    cache: Path,
    say: Callable[[str], None],
) -> Side:
    """The side whose lock `choose` gives for an interpreter, with the index's limit; built if the cache doesn't hold it whole."""
    cache.mkdir(parents=True, exist_ok=True)
    sweep(cache)
    with _new_folder(cache) as new:
        interpreter = make_venv(new, python)
        found = inspect(interpreter)
        lock, limit = choose(interpreter)
        if as_of and not limit.moment:
            say("the package index gives no upload times: both sides see it as it is")
        moment = limit.moment or as_of
        folder = cache / _name(requested, lock, found)
        with held(cache, folder.name, lambda: say(f"waiting for another process that works on {folder.name}")):
            why = damage(folder, lock.text)
            if why:
                say(f"building {folder.name}: {why}")
                _build(new, folder, lock, limit, Stored(SCHEMA, requested, moment, _now(), found.version, ()))
            os.utime(folder / STORED_FILE)  # when it was last used
            packages = inspect(str(folder / "bin" / "python")).packages
    say(f"{requested}: {folder.name}")
    return Side(requested, str(folder / "bin" / "python"), variables, moment, _with_hashes(packages, lock))


def _build(new: Path, folder: Path, lock: Lock, limit: AsOf, stored: Stored) -> None:
    """Fills the new folder and puts it in the place of what may be there; nobody sees it half built."""
    write_text(new / LOCK_FILE, lock.text)
    interpreter = str(new / "bin" / "python")
    install(new / LOCK_FILE, interpreter, limit)
    write_record(new / STORED_FILE, dataclasses.replace(stored, packages=inspect(interpreter).packages))
    if folder.exists():
        discard(folder)
    new.rename(folder)


def _name(requested: str, lock: Lock, found: Inspection) -> str:
    """What an environment is called: its TensorFlow, then the key of everything in it and of the Python. Raises RequestError."""
    tensorflow = lock.tensorflow
    if tensorflow is None:
        raise RequestError(f"{requested!r} brings no TensorFlow: add tensorflow-cpu==VERSION to it")
    key = hashlib.sha256(f"{found.build}\n\n{lock.text}".encode()).hexdigest()[:KEY_DIGITS]
    return f"{tensorflow.name}-{tensorflow.version}-{key}"


def _with_hashes(packages: tuple[Package, ...], lock: Lock) -> tuple[Package, ...]:
    """What is installed, with the hashes that the lock admits."""
    hashes = {package.name: package.hashes for package in lock.packages}
    return tuple(Package(package.name, package.version, hashes.get(package.name, ())) for package in packages)


@contextlib.contextmanager
def _new_folder(cache: Path) -> Iterator[Path]:
    """A folder in the cache to build in, gone at the end unless it was moved."""
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=cache))
    try:
        yield new
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
