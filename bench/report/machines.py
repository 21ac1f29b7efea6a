"""How far machines differ in what they say of the same two environments, for a terminal and for programs."""

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tabulate import tabulate

from bench.judge.machines import Across, machine_of
from bench.judge.survey import Against
from bench.record.types import Machine
from bench.report import values
from bench.report.headlines import GLYPHS
from bench.report.lines import one_line
from bench.report.sentences import Count
from bench.report.survey import called, short_size, unlike_packages
from bench.report.text import STYLE, WIDTH, wrapped
from bench.report.values import NOTHING
from bench.stats.intervals import Interval
from bench.stats.outcome import Outcome

HEADERS = ("", "outcomes", "mean (95% CI)", "SD", "another machine (95%)")
OUTCOMES = (Outcome.PASS, Outcome.REGRESSION, Outcome.INCONCLUSIVE)
NOTE = (
    f"{', '.join(f'{GLYPHS[one.value]} {one.value}' for one in OUTCOMES)}; SD: of machines' own effects, without the "
    "errors of reports; another machine: what a report of one that wasn't measured would show, if it is like these"
)


def machines_text(pairs: Sequence[Against], rows: Sequence[Across]) -> str:
    """Returns a table for each subject and pair of environments, then the machines."""
    blocks = []
    for (reference, candidate, subject), group in itertools.groupby(rows, _compared):
        title = one_line(f"{subject}: {called(candidate)} against {called(reference)}")
        table = tabulate([_cells(row) for row in group], HEADERS, STYLE, disable_numparse=True)
        blocks.append(f"{title}\n{table}")
    told = [f"{machine.fingerprint()}: {_named(machine)}, {Count(count):report}" for machine, count in _counted(pairs)]
    lines = [*told, *unlike_packages(pairs), NOTE]
    return "\n\n".join([*blocks, "\n".join(wrapped(line, WIDTH) for line in lines)])


def machines_json(pairs: Sequence[Against], rows: Sequence[Across]) -> dict[str, Any]:
    """Returns the same for programs; differences are on the metric's scale, times as log ratios."""
    machines = [
        {"fingerprint": machine.fingerprint(), "cpu_model": machine.cpu_model, "cores": machine.cores, "reports": count}
        for machine, count in _counted(pairs)
    ]
    return {"machines": machines, "warnings": unlike_packages(pairs), "comparisons": [_plain(row) for row in rows]}


def _compared(row: Across) -> tuple[str, str, str]:
    return row.reference, row.candidate, row.subject


def _cells(row: Across) -> list[str]:
    outcomes = " ".join(f"{count} {GLYPHS[outcome.value]}" for outcome, count in Counter(row.outcomes).items())
    if row.spread is None:
        return [row.metric.name, outcomes, *[NOTHING] * 3]
    mean, metric = row.spread.mean, row.metric
    between = values.deviation(row.spread.between, metric).removesuffix("/step")
    told = f"{short_size(mean.estimate, metric)} ({_bounds(mean, row)})"
    return [metric.name, outcomes, told, between, _bounds(row.spread.another, row)]


def _bounds(found: Interval, row: Across) -> str:
    return f"{short_size(found.low, row.metric)} to {short_size(found.high, row.metric)}"


def _counted(pairs: Sequence[Against]) -> list[tuple[Machine, int]]:
    return list(Counter(machine for pair in pairs if (machine := machine_of(pair))).items())


def _named(machine: Machine) -> str:
    return f"{machine.cpu_model}, {Count(machine.cores):core}, {machine.isa}, {machine.memory_gib} GiB"


def _plain(row: Across) -> dict[str, Any]:
    found = row.spread
    told = {"mean": _plain_bounds(found.mean), "another_machine": _plain_bounds(found.another)} if found else {}
    return {
        "reference": row.reference,
        "candidate": row.candidate,
        "subject": row.subject,
        "metric": row.metric.name,
        "outcomes": [outcome.value for outcome in row.outcomes],
        "machines": row.machines,
        "between": found.between if found else None,
        **told,
    }


def _plain_bounds(found: Interval) -> dict[str, float]:
    return {"estimate": found.estimate, "low": found.low, "high": found.high}
