"""The sides of a paired run, its launches, and how much they differ, as text for a terminal."""

from tabulate import tabulate

from bench.judge.quads import quad_log_ratio
from bench.judge.spread import spreads
from bench.record.paired import CANDIDATE, REFERENCE, Pair, PairedRun, Quad, Side
from bench.record.types import Environment, Record
from bench.report.judged import environment
from bench.report.lines import one_line
from bench.report.text import STYLE
from bench.report.values import MEBIBYTE, NOTHING, percent
from bench.stats.trimmed import launch_summary, robust_seconds


def sides_text(run: PairedRun) -> str:
    """Returns a line for each side: the request, what was measured, and when its index was read."""
    sides = ((REFERENCE, run.reference), (CANDIDATE, run.candidate))
    rows = [_side_row(name, side, environment(run, name)) for name, side in sides]
    headers = [
        *("side", "asked for", "TensorFlow", "Keras", "NumPy", "Python", "oneDNN", "threads", "variables"),
        "index as of",
    ]
    table: str = tabulate(rows, headers, STYLE, disable_numparse=True)
    return table


def pairs_text(run: PairedRun) -> str:
    """Returns a line for each launch, and what failed or disturbed it."""
    headers = [
        *(
            "launch",
            "cores",
            "first",
            "step ms",
            "reference",
            "ratio",
            "evaluation",
            "peak\nresident MiB",
            "reference",
            "seconds",
        ),
        "others' CPU",
    ]
    table = tabulate(map(_pair_row, run.pairs), headers, STYLE, disable_numparse=True, stralign="right")
    notes = [
        f"failed: launch {pair.launch + 1}, {side}: {record.failure.message}"
        for pair in run.pairs
        for side, record in ((REFERENCE, pair.reference), (CANDIDATE, pair.candidate))
        if record.failure
    ]
    notes += [f"failed: lockstep: {run.lockstep_failure.message}"] if run.lockstep_failure else []
    notes += [f"incomplete: {run.incomplete}"] if run.incomplete else []
    notes += [f"warning: {warning}" for warning in run.warnings]
    title = f"paired run of {run.created}: {' '.join(run.command)}"
    return "\n".join([one_line(title), "", sides_text(run), "", table, *map(one_line, notes)])


def spread_text(run: PairedRun) -> str:
    """Returns a line on each time a step: the deviation between launches, and between quads within them."""
    found = (f"{one.metric} {one.summary_deviation:.2%}, {one.quad_deviation:.1%}" for one in spreads(run))
    told = "; ".join(found)
    return f"Deviation between launches, between quads: {told}" if told else ""


def _pair_row(pair: Pair) -> list[str]:
    records = (pair.candidate, pair.reference)
    return [
        str(pair.launch + 1),
        "all" if pair.core is None else f"CPU {pair.core}",
        pair.first,
        *(_shown(robust_seconds(record.step_seconds), 1e-3, ".2f") for record in records),
        *(_ratio(quads) for quads in (pair.steps, pair.evaluations)),
        *(_shown(_peak_bytes(record), MEBIBYTE, ".0f") for record in records),
        f"{pair.seconds:.0f}",
        NOTHING if pair.disturbed is None else f"{pair.disturbed:.0%}",
    ]


def _shown(value: float | None, unit: float, form: str) -> str:
    return NOTHING if value is None else format(value / unit, form)


def _peak_bytes(record: Record) -> int | None:
    return record.memory.peak_rss_bytes if record.memory else None


def _ratio(quads: tuple[Quad, ...]) -> str:
    return percent(launch_summary(list(map(quad_log_ratio, quads)))) if quads else NOTHING


def _side_row(name: str, side: Side, found: Environment | None) -> list[str]:
    measured = [NOTHING] * 6
    if found:
        versions = [found.tensorflow, found.keras, found.numpy, found.python]
        measured = [*versions, "on" if found.onednn else "off", str(found.threads)]
    variables = " ".join(f"{key}={value}" for key, value in sorted(side.variables.items())) or NOTHING
    return [one_line(cell) for cell in (name, side.requested, *measured, variables, side.as_of or NOTHING)]
