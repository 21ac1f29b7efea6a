"""Fills docs/metrics.md, every metric with its margins, from the judge's table and the margins file.

`python -m tests.docs.metrics`
"""

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

from bench.judge.margins import Margins, read_margins
from bench.judge.metrics import COMPILATION, LOCKSTEP, NUMERICS, OPERATIONS, RETRACES, TRAINING, in_turn, key
from bench.judge.samples import DEFAULT_MARGIN
from bench.judge.types import Metric, Scale
from bench.report import values
from bench.report.terms import METRICS
from experiments.markdown import bare_table, fill, paragraph
from lm.config import CONFIGS
from lm.workloads.registry import names, workload

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "docs" / "metrics.md"
MARGINS = ROOT / "baselines" / "margins.toml"
EXACT = {
    NUMERICS: "[numerics](numerics.md): the error of a checked step that is nearest to its limit",
    LOCKSTEP: "[lockstep](lockstep.md): the difference of the sides that is nearest to its limit",
    RETRACES: (
        "traces beyond the first (`fit`: after its first unit; an own model: after two); no more than the reference's, "
        "or 0"
    ),
    OPERATIONS: "operations of the training step's graph, by type; the five largest changes are named; not gated",
    COMPILATION: "whether the graph compiles, for [a workload](workloads.md) that compiles one",
    TRAINING: "whether the candidate finishes: no crash, no hang, a finite loss",
}
NAMED = f"""\
`upgrade --metric NAME` gates a metric without a margin, too: a metric that is compared as a ratio is then judged by
{DEFAULT_MARGIN:.0%}. That holds for every workload.
"""


def made(margins: Margins) -> dict[str, str]:
    """Returns what the page says of metrics and margins, by its place."""
    said = [(row.metric.name, METRICS[row.metric.name]) for row in in_turn()]
    told = [_row(row.metric) for row in in_turn()]
    rows = [row for row in (_margins(one.metric, margins) for one in in_turn()) if set(row[1:]) != {values.NOTHING}]
    launch_by_launch = (
        bare_table(said, ["metric", "what it is"]),
        bare_table(told, ["metric", "unit", "better", "a launch's value", "sides compared by"]),
        _traced(),
    )
    return {
        "launch by launch": "\n".join(launch_by_launch),
        "the training step": f"{bare_table(rows, ['metric', *CONFIGS])}\n{NAMED}",
        "other workloads": "\n".join(_others(margins)),
        "exactly": bare_table(
            ((metric.name, about) for metric, about in EXACT.items()), ["metric", "what is compared"]
        ),
    }


def _row(metric: Metric) -> tuple[str, ...]:
    compared = "ratio" if metric.scale is Scale.LOG else "difference"
    return metric.name, metric.unit.value, metric.direction.value, metric.estimator.value, compared


def _traced() -> str:
    """Returns which workloads have a trace: one that names no metrics has all."""
    traced = [f"`{name}`" for name in names() if "trace" in (workload(name).metrics or ("trace",))]
    return paragraph(
        "[The glossary](glossary.md) says more of *import*, *build*, *trace* and *first step*. *Trace* is measured of "
        f"{', '.join(traced[:-1])} and {traced[-1]}. Elsewhere, as in your own model, the first step traces whatever "
        "is traced."
    )


def _margins(metric: Metric, margins: Margins) -> tuple[str, ...]:
    return metric.name, *(_shown(metric, margins.of(metric.name, config)) for config in CONFIGS)


def _shown(metric: Metric, margin: float | None) -> str:
    """Returns a margin of the file as reports show it."""
    if margin is not None and metric.scale is Scale.LOG:
        margin = math.log1p(margin)
    return values.margin(dataclasses.replace(metric, margin=margin))


def _others(margins: Margins) -> Iterator[str]:
    """Yields a point each of the margins of what has no pilot, and of single workloads."""
    known = {key(row.metric.name): row.metric for row in in_turn()}
    for name, table in {"without a pilot of its own": margins.without_pilot, **margins.workloads}.items():
        shown = [f"{known[metric].name} {_of(known[metric], margin)}" for metric, margin in table.items()]
        yield f"- {f'`{name}`' if name in margins.workloads else name}: {', '.join(shown)}"


def _of(metric: Metric, margin: float | dict[str, float]) -> str:
    if isinstance(margin, dict):
        return ", ".join(f"{_shown(metric, one)} (`{config}`)" for config, one in margin.items())
    return _shown(metric, margin)


if __name__ == "__main__":
    fill(OUTPUT, made(read_margins(MARGINS)))
