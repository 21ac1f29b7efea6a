"""The margins file: how much of a difference matters, with the reason for each number beside it in the file."""

import dataclasses
import math
import tomllib
from pathlib import Path

from bench.judge.sequential import MOST_GATING

# The metrics of a paired comparison that a margin can be given for (see bench.judge.paired_metrics).
PAIRED_METRICS = ("step_time", "mean_step", "evaluation_step", "peak_memory", "cpu_time", "import", "build", "trace", "first_step")


class MarginsError(ValueError):
    """A margins file that can't be used; the message names the entry."""


@dataclasses.dataclass(frozen=True)
class Margins:
    """Relative differences, as fractions: 0.05 is 5%."""

    speed: float
    memory: float
    perplexity: dict[str, float]  # by configuration
    speed_informs: tuple[str, ...]  # configurations whose speed doesn't gate
    speed_by_yardstick: tuple[str, ...]  # configurations whose step time is judged relative to the yardstick's
    window_start: dict[str, float]  # part of the steps that the perplexity statistic leaves out, by configuration
    paired: dict[str, float]  # of paired comparisons, by metric; metrics that aren't named inform
    memory_growth_bytes: float  # of paired comparisons: bytes a step more than the reference's growth
    micro: float  # of a micro-benchmark's median round


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
    for name in ("perplexity", "window_start", "paired"):
        _require(isinstance(plain[name], dict), path, name, plain[name], "a table of fractions")
    unknown = sorted(set(plain["paired"]) - set(PAIRED_METRICS))
    _require(not unknown, path, "paired", unknown, f"a table of fractions for {', '.join(PAIRED_METRICS)}")
    most = MOST_GATING - 2  # perplexity and memory growth gate as well
    _require(
        len(plain["paired"]) <= most, path, "paired", sorted(plain["paired"]), f"at most {most} metrics: with more a PASS becomes rare"
    )
    growth = plain["memory_growth_bytes"]
    _require(_is_number(growth) and 0 < growth < math.inf, path, "memory_growth_bytes", growth, "bytes a step, above 0")
    for name in ("speed_informs", "speed_by_yardstick"):
        strings = isinstance(plain[name], list) and all(isinstance(item, str) for item in plain[name])
        _require(strings, path, name, plain[name], "a list of configurations' names")
        plain[name] = tuple(plain[name])
    margins = {name: plain[name] for name in ("speed", "memory", "micro")}
    margins |= {f"{table}.{name}": margin for table in ("perplexity", "paired") for name, margin in plain[table].items()}
    for name, margin in margins.items():
        _require(_is_number(margin) and 0 < margin < 1, path, name, margin, "a fraction above 0 and below 1")
    for name, start in plain["window_start"].items():
        _require(_is_number(start) and 0 <= start < 1, path, f"window_start.{name}", start, "a fraction from 0 and below 1")
    return Margins(**plain)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _require(valid: bool, path: Path, entry: str, found: object, wanted: str) -> None:
    if not valid:
        raise MarginsError(f"{path}: {entry} is {found!r}; it must be {wanted}")
