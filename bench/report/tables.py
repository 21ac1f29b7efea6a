"""The numbers behind the plots, as tables whose columns can be sorted."""

import dataclasses
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence

from bench.judge.metrics import is_trained, log_perplexity
from bench.judge.reports import paired_runs
from bench.judge.throughput import words_per_second
from bench.profile.compare import PartDifference, ProfileComparison
from bench.profile.timeline import REST
from bench.record.lockstep import Lockstep
from bench.record.micro import Micro
from bench.record.paired import CANDIDATE, REFERENCE
from bench.record.types import NumericError, Record
from bench.report import values
from bench.report.judged import Judged, SideLaunch, launches_by_subject, records
from bench.report.values import NOTHING


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell's text, and the number that it is sorted by; without one it is sorted as text."""

    text: str
    key: float | None = None

    @property
    def number(self) -> str | None:
        """Returns the key as JavaScript reads it; None where there is nothing to compare."""
        if self.key is None or math.isnan(self.key):
            return None
        return str(self.key) if math.isfinite(self.key) else f"{'-' * (self.key < 0)}Infinity"


@dataclasses.dataclass(frozen=True)
class Table:
    """Columns with a cell for each in every row."""

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""  # explains its columns

    @property
    def texts(self) -> list[list[str]]:
        """Returns the rows without their keys."""
        return [[cell.text for cell in row] for row in self.rows]


def tables(judged: Judged) -> list[Table]:
    """Returns all tables of a run that have rows."""
    found = [
        _launches(launches_by_subject(judged.run)),
        _numerics(records(judged.run)),
    ]
    found += [_cases(judged.run)] if isinstance(judged.run, Micro) else []
    found += [_lockstep(run.lockstep) for run in paired_runs(judged.run) if run.lockstep]
    return [table for table in found if table.rows]


def differences(found: ProfileComparison) -> list[Table]:
    """Returns two profiles part by part, what got slower first: by type of operation and by layer."""
    headers = ("reference ms", "candidate ms", "slower by ms", "reference calls", "candidate calls")
    return [
        Table(f"By {what}", (what, *headers), tuple(map(_difference, rows)))
        for what, rows in (("operation", found.by_kind), ("layer", found.by_layer))
    ]


def _difference(row: PartDifference) -> tuple[Cell, ...]:
    milliseconds = (1000 * seconds for seconds in (row.reference_seconds, row.candidate_seconds))
    calls = (row.reference_calls, row.candidate_calls)
    return (
        Cell(row.name),
        *(_number(value, ".3f") for value in milliseconds),
        _number(1000 * row.slower_seconds, "+.3f"),
        *(_number(None if row.name in REST else count, ".1f") for count in calls),
    )


def _launches(groups: Mapping[str, Sequence[SideLaunch]]) -> Table:
    headers = (
        *("subject", "side", "launch", "TensorFlow", "running perplexity", "words/s"),
        *("p5 ms", "p25 ms", "median ms", "p75 ms", "p95 ms"),
        *("import", "build", "trace", "first step", "evaluation", "evaluation perplexity"),
        *("peak resident MiB", "KiB/step", "retraces", "graph operations", "failure"),
    )
    rows = (_launch(name, launch) for name, launches in groups.items() for launch in launches)
    return Table("Launches", headers, tuple(rows))


def _launch(name: str, launch: SideLaunch) -> tuple[Cell, ...]:
    record = launch.record
    subject, startup, evaluation, memory = record.subject, record.startup, record.evaluation, record.memory
    median = 1000 * statistics.median(launch.block_seconds) if launch.block_seconds else None
    p5, p25, _, p75, p95 = launch.percentiles_ms or (None,) * 5
    parts: Sequence[float | None] = [None] * 4
    if startup:
        parts = [startup.import_seconds, startup.build_seconds, startup.trace_seconds, startup.first_step_seconds]
    perplexity = log_perplexity(record.losses, subject, 0.0) if is_trained(record) else None
    return (
        Cell(name),
        Cell(launch.side),
        _number(launch.launch + 1, "d"),
        Cell(record.tensorflow or NOTHING),
        Cell(values.perplexity_of(perplexity), perplexity) if perplexity is not None else Cell(NOTHING),
        _number(words_per_second(record) or None, ",.0f"),
        *(_number(milliseconds, ".2f") for milliseconds in (p5, p25, median, p75, p95)),
        *map(_seconds, parts),
        _seconds(evaluation.seconds if evaluation else None),
        _number(evaluation.perplexity if evaluation else None, ".2f"),
        _number(memory.peak_rss_bytes / values.MEBIBYTE if memory else None, ".0f"),
        _number(memory.slope_bytes_per_step / values.KIBIBYTE if memory else None, "+.1f"),
        _number(record.retraces, "d"),
        _number(sum(record.graph_operations.values()) or None, "d"),
        Cell(record.failure.message if record.failure else NOTHING),
    )


def _cases(micro: Micro) -> Table:
    """Returns the launches' median rounds of each case of micro, side by side."""
    rows = []
    for side, launches in ((REFERENCE, micro.reference), (CANDIDATE, micro.candidate)):
        for case in (launches[0].cases if launches else {}).values():
            found = [launch.cases[case.name].median_seconds for launch in launches if case.name in launch.cases]
            times = map(_seconds, (statistics.median(found), min(found), max(found)))
            rows.append((Cell(case.subject), Cell(case.metric), Cell(side), _number(len(found), "d"), *times))
    headers = ("subject", "case", "side", "launches", "median", "least", "most")
    return Table("Cases: the median round of each launch", headers, tuple(rows))


def _numerics(of: Iterable[Record]) -> Table:
    """Returns the error nearest to its limit of each quantity, by subject and TensorFlow."""
    nearest: dict[tuple[str, str, str], NumericError] = {}
    for record in of:
        for error in record.numerics:
            key = (record.subject.name, record.tensorflow or NOTHING, error.label)
            if key not in nearest or error.used > nearest[key].used:
                nearest[key] = error
    rows = tuple(
        (
            *(Cell(part) for part in key),
            Cell(error.tensor or NOTHING),
            _number(None if error.is_answer else error.step, "d"),
            _number(error.error, ".1e"),
            _number(error.limit, ".1e"),
            _number(100 * error.used, ".0f"),
        )
        for key, error in nearest.items()
    )
    headers = ("subject", "TensorFlow", "quantity", "tensor", "step", "error", "limit", "% of limit")
    return Table("Numerics: of each quantity the error nearest to its limit", headers, rows)


def _lockstep(result: Lockstep) -> Table:
    """Returns the largest difference of each quantity and tensor, and the step where it was found."""
    rows = []
    for each in result.differences:
        if not each.by_step:  # no step was taken
            continue
        largest = max(each.by_step, key=lambda difference: math.inf if math.isnan(difference) else difference)
        numbers = (
            _number(largest, ".1e"),
            _number(each.by_step.index(largest), "d"),
            _number(len(each.by_step), "d"),
            _number(each.by_step.count(0.0), "d"),
        )
        rows.append((Cell(each.quantity), Cell(each.tensor or NOTHING), *numbers))
    headers = ("quantity", "tensor", "largest difference", "at step", "steps", "bit-identical steps")
    return Table("Lockstep: the largest difference of each tensor", headers, tuple(rows))


def _seconds(value: float | None) -> Cell:
    return Cell(values.seconds(value), value) if value is not None else Cell(NOTHING)


def _number(value: float | None, form: str) -> Cell:
    return Cell(format(value, form), float(value)) if value is not None else Cell(NOTHING)
