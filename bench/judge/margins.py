"""The margins file: how much of a difference matters, with the reason for each number beside it in the file.

`gating` is of the default workload; another has `workloads` of its own, and `without_pilot` where it has none.
"""

import dataclasses
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.judge.metrics import NAMES, PERPLEXITY, STEP_TIMES, in_turn, key
from bench.judge.types import Direction, Scale
from bench.record.types import DEFAULT_WORKLOAD
from bench.stats.sequential import MOST_GATING

# By the names that the file gives them: the metrics that are compared as ratios.
RATIOS = tuple(key(row.metric.name) for row in in_turn() if row.metric.scale is Scale.LOG)
# What may creep: of a metric that is to stay equal no budget is kept.
BUDGETED = tuple(
    key(row.metric.name)
    for row in in_turn()
    if row.metric.scale is Scale.LOG and row.metric.direction is not Direction.EQUAL
)

Gating = dict[str, float | dict[str, float]]  # by metric, some by configuration; metrics left out are not gated


class MarginsError(ValueError):
    """A margins file that can't be used; the message names the entry."""


@dataclasses.dataclass(frozen=True)
class Margins:
    """Relative differences as fractions, 0.05 is 5%; of what is no ratio in the metric's unit."""

    gating: Gating
    window_start: dict[str, float]  # part of the steps that the perplexity statistic leaves out, by configuration
    budget: dict[str, float]  # by metric: the change since the ledger's first entry
    between_hosts: float  # standard deviation of a release's ratio from host to host
    micro: float  # of a micro-benchmark's median round
    without_pilot: Gating = dataclasses.field(default_factory=dict)  # of workloads but the default one
    workloads: dict[str, Gating] = dataclasses.field(default_factory=dict)  # by workload
    step_times: float | None = None  # of those of both kinds, where a run asked for a margin: the file has none

    def of(self, metric: str, config: str, workload: str = DEFAULT_WORKLOAD) -> float | None:
        """Returns a metric's margin; None where it isn't gated."""
        if self.step_times is not None and metric in STEP_TIMES:
            return self.step_times
        tables = (
            [self.gating] if workload == DEFAULT_WORKLOAD else [self.workloads.get(workload, {}), self.without_pilot]
        )
        found = (table.get(key(metric)) for table in tables)
        margins = (one.get(config) if isinstance(one, dict) else one for one in found)
        return next((margin for margin in margins if margin is not None), None)

    def metrics(self, config: str, workload: str = DEFAULT_WORKLOAD) -> list[str]:
        """Returns the names of the metrics in turn that gate a configuration of a workload."""
        return [name for name in NAMES if self.of(name, config, workload) is not None]


NO_MARGINS = Margins({}, {}, {}, 0.0, 0.0)


def read_margins(path: Path) -> Margins:
    """Reads a TOML file. Raises MarginsError for a missing, unknown or impossible entry, and OSError."""
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # also of text that is no UTF-8, integers of thousands of digits
        raise MarginsError(f"{path} is not TOML: {error}") from error
    try:
        return _checked({"without_pilot": {}, "workloads": {}} | plain)
    except MarginsError as error:
        raise MarginsError(f"{path}: {error}") from None


def _checked(plain: dict[str, Any]) -> Margins:
    """Returns the margins of a file's tables. Raises MarginsError, without the file's name."""
    known = {field.name for field in dataclasses.fields(Margins)} - {"step_times"}
    if wrong := sorted(known ^ plain.keys()):
        raise MarginsError(f"entry {wrong[0]!r} is {'missing' if wrong[0] in known else 'unknown'}")
    own = plain["workloads"]
    _require(isinstance(own, dict), "workloads", own, "a table with a table of margins for each workload")
    gating = {
        "gating": plain["gating"],
        "without_pilot": plain["without_pilot"],
        **{f"workloads.{name}": table for name, table in own.items()},
    }
    for name, table in {**gating, "window_start": plain["window_start"], "budget": plain["budget"]}.items():
        _require(isinstance(table, dict), name, table, "a table of numbers")
    _require_known_metrics({**gating, "budget": plain["budget"]})
    _require_judged(gating, plain["budget"])
    _require_few(gating, plain["budget"])
    _require_values(gating, plain)
    return Margins(**plain)


def _require_known_metrics(tables: Mapping[str, Mapping[str, Any]]) -> None:
    for name, table in tables.items():
        metrics = BUDGETED if name == "budget" else [*map(key, NAMES)]
        unknown = sorted(set(table) - set(metrics))
        _require(not unknown, name, unknown, f"a table of margins for {', '.join(metrics)}")


def _require_judged(gating: Mapping[str, Mapping[str, Any]], budget: Mapping[str, Any]) -> None:
    """Requires a margin of every metric with a budget: a gate judges the total of no other."""
    gated = {metric for table in gating.values() for metric in table}
    for metric, share in budget.items():
        wanted = "of a metric with a margin in [gating], [without_pilot] or a workload's table: no other is judged"
        _require(metric in gated, f"budget.{metric}", share, wanted)


def _require_few(gating: Mapping[str, Mapping[str, Any]], budget: Mapping[str, Any]) -> None:
    """Requires no more metrics of one comparison than false alarms are bounded for; replicates judge perplexity."""
    piloted, others = gating["gating"], {name: table for name, table in gating.items() if name != "gating"}
    counts = {
        "gating": len(piloted),
        "gating and budget": len(piloted.keys() - {PERPLEXITY}) + len(budget),
        **{name: _count({**gating["without_pilot"], **table}, budget) for name, table in others.items()},
    }
    for name, count in counts.items():
        wanted = f"at most {MOST_GATING} metrics of launches in turn, budgets counted: with more a PASS becomes rare"
        _require(count <= MOST_GATING, name, f"{count} metrics in all", wanted)


def _count(table: Mapping[str, Any], budget: Mapping[str, Any]) -> int:
    """Returns how many metrics of a workload gate, the totals that have a budget included."""
    return len(table) + len(table.keys() & budget.keys())


def _require_values(gating: Mapping[str, Mapping[str, Any]], plain: Mapping[str, Any]) -> None:
    configs = plain["window_start"]
    for table, margins in gating.items():
        for metric, margin in margins.items():
            unknown = sorted(set(margin) - set(configs)) if isinstance(margin, Mapping) else []
            known = f"a table of margins for {', '.join(configs)}, as window_start is"
            _require(not unknown, f"{table}.{metric}", unknown, known)
            _require(margin != {}, f"{table}.{metric}", margin, known)
            for name, value in _entries(f"{table}.{metric}", margin):
                _require_margin(name, value, relative=metric in RATIOS)
    for name, value in (
        *_entries("budget", plain["budget"]),
        *((one, plain[one]) for one in ("between_hosts", "micro")),
    ):
        _require_margin(name, value, relative=True)
    for name, start in _entries("window_start", configs):
        _require(_is_number(start) and 0 <= start < 1, name, start, "a fraction from 0 and below 1")


def _entries(name: str, value: Any) -> list[tuple[str, Any]]:
    """Returns (name, value) of each entry of a table, or of the value itself."""
    return [(f"{name}.{key}", inner) for key, inner in value.items()] if isinstance(value, Mapping) else [(name, value)]


def _require_margin(name: str, margin: Any, *, relative: bool) -> None:
    most, wanted = (1, "a fraction above 0 and below 1") if relative else (math.inf, "a number above 0, in its unit")
    _require(_is_number(margin) and 0 < margin < most, name, margin, wanted)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _require(valid: bool, entry: str, found: object, wanted: str) -> None:
    if not valid:
        raise MarginsError(f"{entry} is {found!r}; it must be {wanted}")
