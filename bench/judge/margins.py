"""The margins file: how much of a difference matters, with the reason for each number beside it in the file."""

import dataclasses
import math
import tomllib
from pathlib import Path

from bench.judge.metrics import PAIRED, in_turn, key
from bench.judge.types import Scale
from bench.stats.sequential import MOST_GATING

# The metrics in turn with one margin for all configurations, by the names that the margins file gives them: a fraction
# of those that are compared as ratios, a number of its unit of any other.
RELATIVE, ABSOLUTE = (
    tuple(key(row.metric.name) for row in in_turn() if row.margins == PAIRED and row.metric.scale is scale)
    for scale in (Scale.LOG, Scale.LINEAR)
)


class MarginsError(ValueError):
    """A margins file that can't be used; the message names the entry."""


@dataclasses.dataclass(frozen=True)
class Margins:
    """Relative differences as fractions, 0.05 is 5%; of what is no ratio in the metric's unit."""

    perplexity: dict[str, float]  # by configuration
    window_start: dict[str, float]  # part of the steps that the perplexity statistic leaves out, by configuration
    paired: dict[str, float]  # measured in turn, by metric; metrics that aren't named are not gated
    memory_growth_bytes: dict[str, float]  # by configuration: bytes a step more than the reference's growth
    budget: dict[str, float]  # by metric: the change since the ledger's first entry
    between_hosts: float  # standard deviation of a release's ratio from host to host
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
    tables = ("perplexity", "window_start", "paired", "memory_growth_bytes", "budget")
    for name in tables:
        _require(isinstance(plain[name], dict), path, name, plain[name], "a table of numbers")
    for name, metrics in ((PAIRED, RELATIVE + ABSOLUTE), ("budget", RELATIVE)):
        unknown = sorted(set(plain[name]) - set(metrics))
        _require(not unknown, path, name, unknown, f"a table of margins for {', '.join(metrics)}")
    gating = [*plain["paired"], *plain["budget"]]
    most = MOST_GATING - 2  # perplexity and memory growth gate as well
    _require(
        len(gating) <= most, path, "paired and budget", gating, f"at most {most} metrics: with more a PASS becomes rare"
    )
    for name, growth in plain["memory_growth_bytes"].items():
        _require(
            _is_number(growth) and 0 < growth < math.inf,
            path,
            f"memory_growth_bytes.{name}",
            growth,
            "bytes a step, above 0",
        )
    for name in ABSOLUTE:
        if name in plain[PAIRED]:
            margin = plain[PAIRED][name]
            valid = _is_number(margin) and 0 < margin < math.inf
            _require(valid, path, f"paired.{name}", margin, "a number above 0, in the metric's unit")
    margins = {name: plain[name] for name in ("between_hosts", "micro")}
    margins |= {
        f"{table}.{name}": margin
        for table in ("perplexity", PAIRED, "budget")
        for name, margin in plain[table].items()
        if name not in ABSOLUTE
    }
    for name, margin in margins.items():
        _require(_is_number(margin) and 0 < margin < 1, path, name, margin, "a fraction above 0 and below 1")
    for name, start in plain["window_start"].items():
        _require(
            _is_number(start) and 0 <= start < 1, path, f"window_start.{name}", start, "a fraction from 0 and below 1"
        )
    return Margins(**plain)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _require(valid: bool, path: Path, entry: str, found: object, wanted: str) -> None:
    if not valid:
        raise MarginsError(f"{path}: {entry} is {found!r}; it must be {wanted}")
