"""How far machines differ in what they say of the same two environments, for a terminal and for programs."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

from bench.judge.machines import Across, machine_of
from bench.judge.survey import Against
from bench.record.codec import to_plain
from bench.record.types import Machine
from bench.report import values
from bench.report.bisect import plain_bounds
from bench.report.grids import short_margin, short_size, why_failed
from bench.report.headlines import GLYPHS
from bench.report.lines import one_line
from bench.report.survey import called, unlike_packages
from bench.report.text import WIDTH, table_text, wrapped
from bench.report.values import NOTHING, Count
from bench.stats.intervals import Interval
from bench.stats.outcome import Outcome

HEADERS = ("", "outcomes", "mean (95% CI)", "deviation", "another machine (95%)")
OUTCOMES = (Outcome.PASS, Outcome.REGRESSION, Outcome.INCONCLUSIVE)
NOTE = (
    f"{', '.join(f'{GLYPHS[one]} {one.value}' for one in OUTCOMES)}, by the margin in brackets; deviation: of the "
    "machines' own effects, without the errors of single reports; another machine: what a report of a machine that "
    "wasn't measured would show, if it is like these"
)


def machines_text(pairs: Sequence[Against], rows: Sequence[Across]) -> str:
    """Returns a table for each subject and pair of environments, then what failed, and the machines."""
    groups: dict[str, list[list[str]]] = {}
    for row in rows:
        title = f"{row.subject}: {called(row.candidate)} against {called(row.reference)}"
        groups.setdefault(one_line(title), []).append(_cells(row))
    blocks = [f"{title}\n{table_text(HEADERS, cells)}" for title, cells in groups.items()]
    told = [f"{one.fingerprint()}: {_named(one)}; {Count(count):comparison}" for one, count in _counted(pairs)]
    lines = [*failures(pairs), *told, *unlike_packages(pairs), NOTE]
    return "\n\n".join([*blocks, "\n".join(wrapped(line, WIDTH) for line in lines)])


def machines_json(pairs: Sequence[Against], rows: Sequence[Across]) -> dict[str, Any]:
    """Returns the same for programs; differences are on the metric's scale, times as log ratios."""
    machines = [
        {"fingerprint": one.fingerprint(), **to_plain(one), "comparisons": count} for one, count in _counted(pairs)
    ]
    return {
        "machines": machines,
        "failures": failures(pairs),
        "warnings": unlike_packages(pairs),
        "comparisons": [_plain(row) for row in rows],
    }


def failures(pairs: Sequence[Against]) -> list[str]:
    """Returns a line for each comparison that is not whole: a side that doesn't run, say."""
    return [one_line(_failure(pair)) for pair in pairs if not pair.whole]


def _failure(pair: Against) -> str:
    machine = machine_of(pair)
    place = f" on {machine.fingerprint()}" if machine else ""
    problem = why_failed(pair) or f"not measured to its end ({pair.run.incomplete})"
    return f"{called(pair.candidate)} against {called(pair.reference)}{place}: {problem}"


def _cells(row: Across) -> list[str]:
    if row.spread is None:
        return [row.metric.name, _outcomes(row), *[NOTHING] * 3]
    mean, metric = row.spread.mean, row.metric
    between = values.deviation(row.spread.between, metric).removesuffix("/step")
    told = f"{short_size(mean.estimate, metric)} ({_bounds(mean, row)})"
    return [metric.name, _outcomes(row), told, between, _bounds(row.spread.another, row)]


def _outcomes(row: Across) -> str:
    """Returns how many outcomes there are of each kind, by the margin that they were judged by."""
    found: dict[str, list[Outcome]] = {}
    for outcome, margin in zip(row.outcomes, row.margins, strict=True):
        found.setdefault(short_margin(dataclasses.replace(row.metric, margin=margin)), []).append(outcome)
    counts = {
        margin: " ".join(f"{count} {GLYPHS[outcome]}" for outcome, count in Counter(outcomes).items())
        for margin, outcomes in found.items()
    }
    return ", ".join(f"{count} ({margin})" if margin else count for margin, count in counts.items())


def _bounds(found: Interval, row: Across) -> str:
    return f"{short_size(found.low, row.metric)} to {short_size(found.high, row.metric)}"


def _counted(pairs: Sequence[Against]) -> list[tuple[Machine, int]]:
    return list(Counter(machine for pair in pairs if (machine := machine_of(pair))).items())


def _named(machine: Machine) -> str:
    gpu = f", {machine.gpu}" if machine.gpu else ""
    return f"{machine.cpu_model}, {Count(machine.cores):core}, {machine.isa}, {machine.memory_gib} GiB{gpu}"


def _plain(row: Across) -> dict[str, Any]:
    found = row.spread
    told = {"mean": plain_bounds(found.mean), "another_machine": plain_bounds(found.another)} if found else {}
    return {
        "reference": row.reference,
        "candidate": row.candidate,
        "subject": row.subject,
        "metric": row.metric.name,
        "outcomes": [outcome.value for outcome in row.outcomes],
        "margins": list(row.margins),
        "machines": row.machines,
        "between": found.between if found else None,
        **told,
    }
