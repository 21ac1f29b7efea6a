"""Records on disk: written whole or not at all, never over another file, read with their schema checked first.

Reports carry a seal, the sum of their own text, by which a bit that flips on the disk is found out. Baselines and the
ledger have none: git has its own, and merges them.
"""

import contextlib
import errno
import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from bench.record.codec import FormatError, from_plain, parse, to_text
from bench.record.types import SCHEMA

T = TypeVar("T")

SEAL = "sha256"  # a report's first field: of the text without that line
SEAL_LINE = re.compile(rf'\A\{{\n *"{SEAL}": "[0-9a-f]{{64}}",\n')


def write_text(path: Path, text: str, *, replace: bool = False) -> None:
    """Writes a file atomically, and the folder it lies in if need be.

    Raises FileExistsError if it exists and `replace` isn't set, OSError with the path if the disk is full or the folder
    is none.
    """
    try:
        with _part(path, text) as part, _naming(path):
            if replace:
                part.replace(path)
            else:
                _move(part, path)
    except FileExistsError:
        raise FileExistsError(f"{path} exists already and is not overwritten: choose another place") from None


@contextlib.contextmanager
def _part(path: Path, text: str) -> Iterator[Path]:
    """Writes a text to the disk in a path's folder, under a temporary name that is gone after the block."""
    _make_folder(path.parent)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with _naming(path), part.open("w", encoding="utf-8") as file:  # closing writes what is left, and may fail, too
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield part
    finally:
        with contextlib.suppress(OSError):  # as of a read-only disk, which `part.open` has told of
            part.unlink()


def _move(part: Path, path: Path) -> None:
    """Moves a file to a path where there is none. Raises FileExistsError where there is one."""
    try:
        os.link(part, path)  # unlike a rename, refuses to replace
    except FileExistsError:
        raise
    except OSError:  # as of a file system without hard links: exFAT, many shares and buckets
        path.touch(exist_ok=False)
        try:
            part.replace(path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Names a path in an error of the block: a failed write names no file, and nobody knows the temporary one."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(
            errno.ENOTDIR, "this is a file, not a folder: choose another place", str(folder)
        ) from None


def write_record(path: Path, value: Any, *, replace: bool = False, seal: bool = False) -> None:
    """Writes a record as JSON, with its `seal` if that is asked for. Raises what write_text does."""
    text = to_text(value)
    write_text(path, _sealed(text) if seal else text, replace=replace)


def replace_records(records: Mapping[Path, Any]) -> None:
    """Writes records by path over what is there: none before the text of each is on the disk, so that a full one leaves
    all as they were. Raises what write_text does.
    """
    with contextlib.ExitStack() as stack:
        parts = {path: stack.enter_context(_part(path, to_text(record))) for path, record in records.items()}
        for path, part in parts.items():  # which takes no space
            with _naming(path):
                part.replace(path)


def keeper(path: Path, *, begun: bool = False) -> Callable[[Any], None]:
    """Returns a function that keeps a run in a file, sealed: its first call refuses to overwrite one (FileExistsError)
    unless the run has `begun` there, later ones replace it.
    """

    def keep(run: Any) -> None:
        nonlocal begun
        write_record(path, run, replace=begun, seal=True)
        begun = True

    return keep


def _sealed(text: str) -> str:
    return text.replace("{\n", f'{{\n "{SEAL}": "{_sum_of(text)}",\n', 1)


def unsealed(text: str) -> str:
    """Returns a record's text without its seal."""
    return SEAL_LINE.sub("{\n", text)


def _sum_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def read_record(kind: type[T], path: Path) -> T:
    """Reads a record of a type. Raises FormatError, with the path, for anything else or a broken seal, and OSError."""
    return read_by_fields(lambda fields: kind, path)


def read_by_fields(kind_of: Callable[[Collection[str]], type[T]], path: Path) -> T:
    """Reads a record of the type that its fields tell. Raises what read_record does."""
    try:
        text = path.read_text(encoding="utf-8")
        plain = parse(text)
    except (UnicodeDecodeError, FormatError) as error:
        raise FormatError(f"{path} is damaged or was not written by tfgate: {error}") from error
    kind = kind_of(plain if isinstance(plain, dict) else ())
    try:
        schema = plain.get("schema") if isinstance(plain, dict) else None
        if schema is None:
            raise FormatError("it has no schema version, so it is no report of tfgate's")
        if schema != SCHEMA:
            raise FormatError(
                f"its schema version is {schema!r} and this tfgate reads {SCHEMA}: use the version that wrote it"
            )
        seal = plain.pop(SEAL, None)
        value: T = from_plain(kind, plain)
    except FormatError as error:
        name = " ".join(re.findall("[A-Z][a-z]*", kind.__name__)).lower()  # paired run
        raise FormatError(f"{path} can't be read as a {name}: {error}") from error
    if seal is not None and seal != _sum_of(unsealed(text)):
        raise FormatError(
            f"{path} was changed since tfgate wrote it: restore it, or delete its line {SEAL} if the change is meant"
        )
    return value
