"""Writes docs/metrics.md, every metric with its margins, from the judge's table and the margins file.

`python -m tests.docs.metrics`
"""

import dataclasses
import math
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.judge.margins import Margins, read_margins
from bench.judge.metrics import COMPILATION, LOCKSTEP, NUMERICS, OPERATIONS, RETRACES, TRAINING, in_turn, key
from bench.judge.samples import DEFAULT_MARGIN
from bench.judge.types import Metric, Scale
from bench.report import values
from bench.report.terms import METRICS
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
HEAD = """\
# Metrics and margins

This page lists every metric that tfgate judges, and its margins. `python -m tests.docs.metrics` writes it from the
table in [`bench/judge/metrics.py`](../bench/judge/metrics.py) and from
[`baselines/margins.toml`](../baselines/margins.toml), which has the reason for each margin. A PASS rules out a
difference as large as the margin; a REGRESSION lies beyond it ([statistics](statistics.md)).
"""
NAMED = f"""\
`upgrade --metric NAME` gates a metric without a margin, too: a metric that is compared as a ratio is then judged by
{DEFAULT_MARGIN:.0%}. That holds for every workload.
"""


def reference(margins: Margins) -> str:
    """Returns the page."""
    configs = tuple(CONFIGS)
    said = [(row.metric.name, METRICS[row.metric.name]) for row in in_turn()]
    told = [_row(row.metric) for row in in_turn()]
    rows = [_margins(row.metric, margins) for row in in_turn()]
    return "\n".join(
        [
            HEAD,
            "## Compared launch by launch\n",
            "Candidate and reference are measured in turn. A launch has one value of each side.\n",
            _table("metric | what it is", said),
            _table("metric | unit | better | a launch's value | sides compared by", told),
            _traced(),
            "## Margins of the training step\n",
            "The margins of the workload `train`, by configuration. A metric without one is shown, but is not gated.\n",
            _table(f"metric | {' | '.join(configs)}", [row for row in rows if set(row[1:]) != {values.NOTHING}]),
            NAMED,
            "## Margins of other workloads\n",
            "[Workloads](workloads.md) has the measurements.\n",
            *_others(margins),
            "## Compared exactly\n",
            "These metrics have no noise, so they need no statistics and no margin.\n",
            _table("metric | what is compared", [(metric.name, told) for metric, told in EXACT.items()]),
        ]
    )


def _row(metric: Metric) -> tuple[str, ...]:
    compared = "ratio" if metric.scale is Scale.LOG else "difference"
    return metric.name, metric.unit.value, metric.direction.value, metric.estimator.value, compared


def _traced() -> str:
    """Returns which workloads have a trace: one that names no metrics has all."""
    traced = [f"`{name}`" for name in names() if "trace" in (workload(name).metrics or ("trace",))]
    text = (
        "[The glossary](glossary.md) says more of *import*, *build*, *trace* and *first step*. *Trace* is measured of "
        f"{', '.join(traced[:-1])} and {traced[-1]}. Elsewhere, as in your own model, the first step traces whatever "
        "is traced."
    )
    return f"{textwrap.fill(text, 120, break_on_hyphens=False)}\n"


def _margins(metric: Metric, margins: Margins) -> tuple[str, ...]:
    return metric.name, *(_shown(metric, margins.of(metric.name, config)) for config in CONFIGS)


def _shown(metric: Metric, margin: float | None) -> str:
    """Returns a margin of the file as reports show it."""
    if margin is not None and metric.scale is Scale.LOG:
        margin = math.log1p(margin)
    return values.margin(dataclasses.replace(metric, margin=margin))


def _others(margins: Margins) -> Iterator[str]:
    """Yields a point each of the margins of what has no pilot, and of single workloads; an empty line ends them."""
    known = {key(row.metric.name): row.metric for row in in_turn()}
    for name, table in {"without a pilot of its own": margins.without_pilot, **margins.workloads}.items():
        shown = [f"{known[metric].name} {_of(known[metric], margin)}" for metric, margin in table.items()]
        yield f"- {f'`{name}`' if name in margins.workloads else name}: {', '.join(shown)}"
    yield ""


def _of(metric: Metric, margin: float | dict[str, float]) -> str:
    if isinstance(margin, dict):
        return ", ".join(f"{_shown(metric, one)} (`{config}`)" for config, one in margin.items())
    return _shown(metric, margin)


def _table(head: str, rows: Sequence[tuple[str, ...]]) -> str:
    lines = [f"| {head} |", f"|{' --- |' * (head.count('|') + 1)}", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    OUTPUT.write_text(reference(read_margins(MARGINS)), encoding="utf-8")
