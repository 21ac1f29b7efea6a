"""Records on disk: written whole or not at all, never over another file, read with their schema checked first."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from bench.record.codec import FormatError, from_plain, parse, to_text
from bench.record.types import SCHEMA

T = TypeVar("T")


def write_text(path: Path, text: str, *, replace: bool = False) -> None:
    """Writes a file atomically, and the folder it lies in if need be.

    Raises FileExistsError if it exists and `replace` isn't set, OSError with the path if the disk is full or the folder
    is none.
    """
    _make_folder(path.parent)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            part.replace(path)
        else:
            os.link(part, path)  # unlike a rename, refuses to replace
    except FileExistsError:
        raise FileExistsError(f"{path} exists already and is not overwritten: choose another place") from None
    except OSError as error:
        error.filename = str(path)  # a failed write names no file, and nobody knows the temporary one
        raise
    finally:
        part.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(
            errno.ENOTDIR, "this is a file, not a folder: choose another place", str(folder)
        ) from None


def write_record(path: Path, value: Any, *, replace: bool = False) -> None:
    """Writes a Run or a Baseline as JSON."""
    write_text(path, to_text(value), replace=replace)


def keeper(path: Path) -> Callable[[Any], None]:
    """Returns a function that keeps a run in a file: its first call refuses to overwrite one (FileExistsError), later
    ones replace it.
    """
    begun = False

    def keep(run: Any) -> None:
        nonlocal begun
        write_record(path, run, replace=begun)
        begun = True

    return keep


def read_record(kind: type[T], path: Path) -> T:
    """Reads a Run or a Baseline. Raises FormatError, with the path, for anything else, and OSError."""
    try:
        plain = parse(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, FormatError) as error:
        raise FormatError(f"{path} is damaged or was not written by tfgate: {error}") from error
    try:
        schema = plain.get("schema") if isinstance(plain, dict) else None
        if schema != SCHEMA:
            raise FormatError(
                f"its schema version is {schema!r} and this tfgate reads {SCHEMA}: use the version that wrote it"
            )
        value: T = from_plain(kind, plain)
    except FormatError as error:
        raise FormatError(f"{path} can't be read as a {kind.__name__.lower()}: {error}") from error
    return value
