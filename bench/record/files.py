"""Records on disk: written whole or not at all, never over another file, read with their schema checked first."""

import json
import os
from pathlib import Path
from typing import Any, TypeVar

from bench.record.codec import FormatError, from_plain, to_plain
from bench.record.types import SCHEMA

T = TypeVar("T")


def write_text(path: Path, text: str, *, replace: bool = False) -> None:
    """Writes a file atomically. Raises FileExistsError if it exists and `replace` isn't set, OSError if the disk is full."""
    path.parent.mkdir(parents=True, exist_ok=True)
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
    finally:
        part.unlink(missing_ok=True)


def write_record(path: Path, value: Any, *, replace: bool = False) -> None:
    """Writes a Run or a Baseline as JSON."""
    write_text(path, json.dumps(to_plain(value), allow_nan=False, indent=1) + "\n", replace=replace)


def read_record(kind: type[T], path: Path) -> T:
    """Reads a Run or a Baseline. Raises FormatError, with the path, for anything else, and OSError."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        schema = plain.get("schema") if isinstance(plain, dict) else None
        if schema != SCHEMA:
            raise FormatError(f"its schema version is {schema!r} and this tfgate reads {SCHEMA}: use the version that wrote it")
        value: T = from_plain(kind, plain)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"{path} is not JSON ({error}): it is damaged or was not written by tfgate") from error
    except FormatError as error:
        raise FormatError(f"{path} can't be read as a {kind.__name__.lower()}: {error}") from error
    return value
