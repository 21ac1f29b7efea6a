"""The sides of a paired run and its launches, as text for a terminal."""

import shlex
import textwrap
from collections.abc import Sequence

from tabulate import tabulate

from bench.judge.exact import left_open
from bench.judge.notices import LeftOpen
from bench.record.paired import CANDIDATE, REFERENCE, Pair, PairedRun, Quad
from bench.record.types import Record
from bench.report import compared
from bench.report.lines import one_line
from bench.report.text import LEAST_WHY_WIDTH, STYLE, WIDTH, failed_lines, fitted, over_limits, wrapped
from bench.report.values import MEBIBYTE, NOTHING, percent
from bench.stats.trimmed import robust_seconds, trimmed_mean

LAUNCH = ("launch", "cores", "first", "step ms", "ratio", "evaluation", "peak MiB", "seconds", "others' CPU")
LEAST_NEEDED = ("first", "others' CPU", "seconds")  # columns that give way on a narrow terminal, in this order
VALUES = "step ms, and peak MiB of anonymous memory: candidate / reference"


def sides_text(run: PairedRun, width: int = WIDTH) -> str:
    """Returns the sides next to each other: the request, what was measured, and when its index was read; then the
    packages that differ.
    """
    properties = compared.properties(run)
    room = max((width - max(len(one.name) for one in properties)) // 2 - len("  "), LEAST_WHY_WIDTH)
    rows = [[one.name, _broken(one.reference, room), _broken(one.candidate, room)] for one in properties]
    table: str = tabulate(rows, ["", REFERENCE, CANDIDATE], STYLE, disable_numparse=True)
    others = ", ".join(
        f"{one.name} {one.reference} → {one.candidate}"
        for one in compared.packages(run)
        if one.differs and NOTHING not in (one.reference, one.candidate)
    )
    return f"{table}\n{wrapped(f'other packages that differ: {others}', width)}" if others else table


def _broken(text: str, room: int) -> str:
    return "\n".join(textwrap.wrap(one_line(text), room, break_on_hyphens=False))


def pairs_text(run: PairedRun, width: int = WIDTH) -> str:
    """Returns the sides, a line for each launch, and what failed or disturbed it."""
    failed = [
        line
        for pair in run.pairs
        for side, failure in pair.failures.items()
        for line in failed_lines(f"launch {pair.launch + 1}, {side}", failure, width)
    ]
    failed += [line for failure in run.numbers_failures for line in failed_lines("numbers", failure, width)]
    notes = [f"incomplete: {run.incomplete}"] if run.incomplete else []
    notes += [f"warning: {warning}" for warning in run.warnings]
    notes += [
        line
        for side, record in zip((REFERENCE, CANDIDATE), run.oracle, strict=False)
        for line in over_limits(side, record)
    ]
    opened = left_open("", run.oracle[1:])
    notes += [f"not compared: {', '.join(one.tensors)}" for one in opened if isinstance(one, LeftOpen)]
    title = wrapped(f"paired run of {run.created}: {shlex.join(run.command)}", width)
    launches = fitted(LAUNCH, list(map(_pair_row, run.pairs)), LEAST_NEEDED, width)
    lines = [wrapped(VALUES, width), *failed, *(wrapped(note, width) for note in notes)]
    return "\n".join([title, "", sides_text(run, width), "", *launches, *lines])


def _pair_row(pair: Pair) -> list[str]:
    records = (pair.candidate, pair.reference)
    return [
        str(pair.launch + 1),
        "all" if pair.core is None else f"CPU {pair.core}",
        pair.first,
        " / ".join(_shown(robust_seconds(record.step_seconds), 1e-3, ".2f") for record in records),
        *(ratio_text(quads) for quads in (pair.steps, pair.evaluations)),
        " / ".join(_shown(_peak_bytes(record), MEBIBYTE, ".0f") for record in records),
        f"{pair.seconds:.0f}",
        NOTHING if pair.others_cpu is None else f"{pair.others_cpu:.0%}",
    ]


def _shown(value: float | None, unit: float, form: str) -> str:
    return NOTHING if value is None else format(value / unit, form)


def _peak_bytes(record: Record) -> int | None:
    return record.memory.peak_anonymous_bytes if record.memory else None


def ratio_text(quads: Sequence[Quad]) -> str:
    """Returns a launch's ratio as a change: +1.2%; a dash where it has no quads."""
    return percent(trimmed_mean(list(map(Quad.log_ratio, quads)))) if quads else NOTHING
