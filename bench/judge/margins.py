"""The margins file: how much of a difference matters, with the reason for each number beside it in the file."""

import dataclasses
import tomllib
from pathlib import Path


class MarginsError(ValueError):
    """A margins file that can't be used; the message names the entry."""


@dataclasses.dataclass(frozen=True)
class Margins:
    """Relative differences, as fractions: 0.05 is 5%."""

    speed: float
    memory: float
    perplexity: float
    speed_informs: tuple[str, ...]  # configurations whose speed doesn't gate
    window_start: dict[str, float]  # part of the steps that the perplexity statistic leaves out, by configuration


def read_margins(path: Path) -> Margins:
    """Reads a TOML file. Raises MarginsError for a missing, unknown or impossible entry, and OSError."""
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MarginsError(f"{path} is not TOML: {error}") from error
    known = {field.name for field in dataclasses.fields(Margins)}
    wrong = sorted(known ^ set(plain))
    if wrong:
        raise MarginsError(f"{path}: entry {wrong[0]!r} is {'missing' if wrong[0] in known else 'unknown'}")
    for name in ("speed", "memory", "perplexity"):
        _require(_is_number(plain[name]) and 0 < plain[name] < 1, path, name, plain[name], "a fraction above 0 and below 1")
    informs, starts = plain["speed_informs"], plain["window_start"]
    strings = isinstance(informs, list) and all(isinstance(name, str) for name in informs)
    _require(strings, path, "speed_informs", informs, "a list of configurations' names")
    _require(isinstance(starts, dict), path, "window_start", starts, "a table of fractions by configuration")
    for name, start in starts.items():
        _require(_is_number(start) and 0 <= start < 1, path, f"window_start.{name}", start, "a fraction from 0 and below 1")
    return Margins(plain["speed"], plain["memory"], plain["perplexity"], tuple(informs), starts)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _require(valid: bool, path: Path, entry: str, found: object, wanted: str) -> None:
    if not valid:
        raise MarginsError(f"{path}: {entry} is {found!r}; it must be {wanted}")
