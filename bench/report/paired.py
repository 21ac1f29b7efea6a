"""What a paired run compared, and how much its launches differ, as text for a terminal."""

import math
from collections.abc import Sequence

from tabulate import tabulate

from bench.judge.in_turn import decisions, whole_pairs
from bench.judge.paired_metrics import Metric
from bench.judge.quads import quad_log_ratio
from bench.judge.types import percent
from bench.record.paired import CANDIDATE, REFERENCE, Pair, PairedRun, Side
from bench.record.types import Environment
from bench.report.judged import environment
from bench.report.lines import one_line
from bench.stats.sequential import Decision
from bench.stats.spread import spread
from bench.stats.trimmed import launch_summary, robust_seconds

STYLE = "simple"


def sides_text(run: PairedRun) -> str:
    """A line for each side: what was asked for, what was measured, and what its index was read as of."""
    rows = [
        _row(name, side, environment(run, name))
        for name, side in ((REFERENCE, run.reference), (CANDIDATE, run.candidate))
    ]
    headers = [
        "side",
        "asked for",
        "TensorFlow",
        "Keras",
        "NumPy",
        "Python",
        "oneDNN",
        "threads",
        "variables",
        "index as of",
    ]
    table: str = tabulate(rows, headers, STYLE, disable_numparse=True)
    return table


def pairs_text(run: PairedRun) -> str:
    """A line for each launch, and what failed or disturbed it."""
    headers = [
        "launch",
        "first",
        "step ms",
        "reference",
        "ratio",
        "evaluation",
        "peak MiB",
        "reference",
        "seconds",
        "others' CPU",
    ]
    table = tabulate([_pair_row(pair) for pair in run.pairs], headers, STYLE, disable_numparse=True, stralign="right")
    failures = [
        f"failed: launch {pair.launch + 1}, {side}: {record.failure.message}"
        for pair in run.pairs
        for side, record in ((REFERENCE, pair.reference), (CANDIDATE, pair.candidate))
        if record.failure
    ]
    failures += [f"failed: lockstep: {run.lockstep_failure.message}"] if run.lockstep_failure else []
    notes = [one_line(note) for note in (*failures, *(f"warning: {warning}" for warning in run.warnings))]
    title = one_line(f"paired run of {run.created}: {' '.join(run.command)}")
    return "\n".join([title, "", sides_text(run), "", table, *notes])


def _pair_row(pair: Pair) -> list[str]:
    candidate, reference = (robust_seconds(record.step_seconds) for record in (pair.candidate, pair.reference))
    ratios = [
        launch_summary([quad_log_ratio(quad) for quad in quads]) if quads else None
        for quads in (pair.steps, pair.evaluations)
    ]
    peaks = [
        record.memory.peak_rss_bytes / 2**20 if record.memory else None for record in (pair.candidate, pair.reference)
    ]
    return [
        str(pair.launch + 1),
        pair.first,
        *("–" if seconds is None else f"{1000 * seconds:.2f}" for seconds in (candidate, reference)),
        *("–" if ratio is None else percent(ratio) for ratio in ratios),
        *("–" if peak is None else f"{peak:.0f}" for peak in peaks),
        f"{pair.seconds:.0f}",
        "–" if pair.disturbed is None else f"{pair.disturbed:.0%}",
    ]


def spread_text(run: PairedRun, measured: Sequence[Metric]) -> str:
    """A line for each gating metric: how far launches and their quads spread, how alike neighbours are, what would have been caught."""
    rows = [_spread_row(name, decision, run) for name, decision in decisions(whole_pairs(run), measured).items()]
    deviations = ["deviation\nof launches", "launch's\nown", "of\nquads"]
    headers = ["metric", "launches", *deviations, "lag-1\ncorrelation", "bounds\nwidened", "would have\ncaught"]
    table: str = tabulate(rows, headers, STYLE, disable_numparse=True)
    return table if rows else ""


def _spread_row(name: str, decision: Decision, run: PairedRun) -> list[str]:
    rested = whole_pairs(run)[: decision.launches]
    quads = {"step time": [pair.steps for pair in rested], "evaluation step": [pair.evaluations for pair in rested]}
    parts = spread([[quad_log_ratio(quad) for quad in launch] for launch in quads[name]]) if name in quads else None
    found = decision.interval
    ratio = name != "memory growth"
    deviation = found.standard_error / decision.widening * math.sqrt(decision.launches) if found else math.nan
    return [
        name,
        str(decision.launches),
        f"{deviation:.2%}" if ratio else f"{deviation / 1024:.1f} KiB",
        f"{parts.launch_deviation:.2%}" if parts else "–",
        f"{parts.quad_deviation:.1%}" if parts else "–",
        f"{decision.lag1:+.2f}" if decision.lag1 is not None else "–",
        f"× {decision.widening:.2f}",
        "–"
        if decision.detectable is None
        else percent(decision.detectable)
        if ratio
        else f"{decision.detectable / 1024:+.0f} KiB",
    ]


def _row(name: str, side: Side, found: Environment | None) -> list[str]:
    measured = ["–"] * 6
    if found:
        measured = [
            found.tensorflow,
            found.keras,
            found.numpy,
            found.python,
            "on" if found.onednn else "off",
            str(found.threads),
        ]
    variables = " ".join(f"{key}={value}" for key, value in sorted(side.variables.items())) or "–"
    return [one_line(cell) for cell in (name, side.requested, *measured, variables, side.as_of or "–")]
