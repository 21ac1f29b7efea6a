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
    except tomllib.TOMLDecodeError as error:
        raise MarginsError(f"{path} is not TOML: {error}") from error
    known = {field.name for field in dataclasses.fields(Margins)}
    wrong = sorted(known ^ set(plain))
    if wrong:
        raise MarginsError(f"{path}: entry {wrong[0]!r} is {'missing' if wrong[0] in known else 'unknown'}")
    for name in ("speed", "memory", "perplexity"):
        if not isinstance(plain[name], float) or not 0 < plain[name] < 1:
            raise MarginsError(f"{path}: {name} is {plain[name]!r}; it must be a fraction above 0 and below 1")
    for name, start in plain["window_start"].items():
        if not isinstance(start, (int, float)) or not 0 <= start < 1:
            raise MarginsError(f"{path}: window_start.{name} is {start!r}; it must be a fraction from 0 and below 1")
    plain["speed_informs"] = tuple(plain["speed_informs"])
    return Margins(**plain)
