"""The cache of environments: its place, its content, whether an environment is whole, and its removal."""

import contextlib
import dataclasses
import datetime
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.drive.children import EXHAUSTED
from bench.drive.inspection import inspect
from bench.drive.lock import locked
from bench.drive.requests import RequestError
from bench.record.codec import FormatError
from bench.record.files import read_record
from bench.record.paired import Package

STORED_FILE = "tfgate.json"  # written last: an environment without it is the remains of a build that was killed
LOCK_FILE, VENV_FILE = "tfgate.lock", "pyvenv.cfg"
KEY_DIGITS = 12  # 48 bits of a SHA-256: names stay short, and two of a thousand environments meet with a chance of 2e-9
OURS = f"*-{'[0-9a-f]' * KEY_DIGITS}/{VENV_FILE}"  # by its name: nobody else's is listed, or removed


@dataclasses.dataclass(frozen=True)
class Stored:
    """The description of an environment that is kept in its folder."""

    schema: int
    requested: str  # by the first who asked for it
    as_of: str
    created: str  # ISO 8601, UTC
    python: str
    packages: tuple[Package, ...]  # as they were installed


@dataclasses.dataclass(frozen=True)
class Listed:
    """An environment in the cache."""

    name: str
    stored: Stored | None  # None if it can't be read: the environment is built anew when it is asked for
    size_bytes: int  # of its files, each once; uv's cache shares most of them by hard links on the same file system
    last_used: str  # ISO 8601, UTC


def cache_folder() -> Path:
    """Returns TFGATE_ENVIRONMENTS, or a folder in the user's cache. Raises RequestError without a home folder."""
    chosen = os.environ.get("TFGATE_ENVIRONMENTS")
    if chosen:
        return Path(chosen).absolute()
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        raise RequestError("there is no home folder for environments: set TFGATE_ENVIRONMENTS or HOME") from None
    return cache.absolute() / "tfgate" / "environments"


def installed(folder: Path) -> tuple[tuple[Package, ...], str]:
    """Returns an environment's packages, by name, and why it can't be used: "not there yet", or what is wrong with it;
    "" if nothing is. Raises OSError where the machine has no room to ask it.
    """
    if not folder.exists():
        return (), "not there yet"
    try:
        stored = read_record(Stored, folder / STORED_FILE)
        found = inspect(str(folder / "bin" / "python")).packages
    except (OSError, FormatError, RequestError) as error:
        if getattr(error, "errno", None) in EXHAUSTED:
            raise
        return (), f"what is there is damaged ({error})"
    changed = set(found) ^ set(stored.packages)
    return found, f"its {min(package.name for package in changed)} was changed since" if changed else ""


def environments(cache: Path) -> list[Listed]:
    """Returns what the cache holds, the most recently used first. Folders that are no environments are left out."""
    found = []
    for file in cache.glob(OURS):
        with contextlib.suppress(FileNotFoundError):  # another process is removing it
            found.append(_listed(file.parent))
    return sorted(found, key=lambda listed: (listed.last_used, listed.name), reverse=True)


def _listed(folder: Path) -> Listed:
    try:
        stored = read_record(Stored, folder / STORED_FILE)
    except (OSError, FormatError):
        stored = None
    used = (folder / (STORED_FILE if stored else VENV_FILE)).stat().st_mtime
    moment = datetime.datetime.fromtimestamp(used, datetime.UTC)
    return Listed(folder.name, stored, _size(folder), moment.isoformat(timespec="milliseconds"))


def remove(cache: Path, names: Sequence[str]) -> None:
    """Removes environments, waiting for who builds them; none if one isn't there. Raises RequestError then."""
    there = {file.parent.name for file in cache.glob(OURS)}
    missing = [name for name in names if name not in there]
    if missing:
        raise RequestError(f"there is no environment {missing[0]} in {cache}; `tfgate env list` names them")
    for name in names:
        with held(cache, name):
            clear(cache / name)


def clear(folder: Path) -> None:
    """Deletes an environment, or what is left of one.

    STORED_FILE goes first, so that an interrupted removal never leaves an environment that looks whole; VENV_FILE goes
    after the packages, so that `env list` still shows what takes room.
    """
    (folder / STORED_FILE).unlink(missing_ok=True)
    shutil.rmtree(folder / "lib", ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def held(cache: Path, name: str, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Holds the lock of one environment for the block; `on_wait` is called if another holds it."""
    locks = cache / ".locks"
    locks.mkdir(exist_ok=True)
    with locked(os.open(locks / name, os.O_WRONLY | os.O_CREAT, 0o666), locks / name, on_wait):
        yield


def _size(folder: Path) -> int:
    files = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # files come and go
                status = os.lstat(os.path.join(parent, name))
                files[status.st_dev, status.st_ino] = status.st_size
    return sum(files.values())
