"""The cache of environments: where it is, what it holds, whether that is whole, and how it goes."""

import contextlib
import dataclasses
import datetime
import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.drive.inspection import inspect
from bench.drive.requests import RequestError
from bench.record.codec import FormatError
from bench.record.files import read_record
from bench.record.paired import Package

STORED_FILE, LOCK_FILE, VENV_FILE = "tfgate.json", "tfgate.lock", "pyvenv.cfg"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+!-]*")  # leads to no other folder
LEFT_OVER_SECONDS = 24 * 3600.0  # a build takes minutes: what is older was left by one that was killed


@dataclasses.dataclass(frozen=True)
class Stored:
    """What is kept about an environment, in its folder."""

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
    stored: (
        Stored | None
    )  # None if it can't be read: the environment is damaged, and will be built anew when it is asked for
    size_bytes: (
        int  # of its files, each once; uv's cache shares most of them by hard links where it is on the same file system
    )
    last_used: str  # ISO 8601, UTC


def cache_folder() -> Path:
    """TFGATE_ENVIRONMENTS, or a folder in the user's cache."""
    chosen = os.environ.get("TFGATE_ENVIRONMENTS")
    if chosen:
        return Path(chosen).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "tfgate" / "environments"


def damage(folder: Path, lock: str) -> str:
    """Why an environment can't be used as the one of a lock: "not there yet", or what is wrong with it; "" if nothing is."""
    if not folder.exists():
        return "not there yet"
    try:
        stored = read_record(Stored, folder / STORED_FILE)
        if (folder / LOCK_FILE).read_text(encoding="utf-8") != lock:
            return "its lock file is not what it was built by"
        found = inspect(str(folder / "bin" / "python"))
    except (OSError, FormatError, RequestError, UnicodeDecodeError) as error:
        return f"what is there is damaged ({error})"
    changed = set(found.packages) ^ set(stored.packages)
    return f"its {min(package.name for package in changed)} was changed since" if changed else ""


def environments(cache: Path) -> list[Listed]:
    """What the cache holds, the most recently used first. Folders that are no environments are left out."""
    found = [_listed(file.parent) for file in cache.glob(f"[!.]*/{VENV_FILE}")]
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
    """Removes environments, damaged ones too, waiting for who builds them; none if one isn't there. Raises RequestError then."""
    missing = next(
        (name for name in names if not (NAME.fullmatch(name) and (cache / name / VENV_FILE).is_file())), None
    )
    if missing is not None:
        raise RequestError(f"there is no environment {missing} in {cache}; `tfgate env list` names them")
    for name in names:
        with held(cache, name):
            discard(cache / name)


def discard(folder: Path) -> None:
    """Takes a folder away in one step, then deletes it."""
    grave = Path(tempfile.mkdtemp(prefix=".old-", dir=folder.parent))
    with contextlib.suppress(FileNotFoundError):
        folder.rename(grave / folder.name)
    shutil.rmtree(grave, ignore_errors=True)


def sweep(cache: Path) -> None:
    """Deletes what builds that were killed have left."""
    for folder in [*cache.glob(".new-*"), *cache.glob(".old-*")]:
        with contextlib.suppress(FileNotFoundError):
            if time.time() - folder.stat().st_mtime > LEFT_OVER_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def held(cache: Path, name: str, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Holds the lock of one environment for the block; `on_wait` is called if another holds it."""
    locks = cache / ".locks"
    locks.mkdir(exist_ok=True)
    with (locks / name).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _size(folder: Path) -> int:
    files = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            status = os.lstat(os.path.join(parent, name))
            files[status.st_dev, status.st_ino] = status.st_size
    return sum(files.values())
