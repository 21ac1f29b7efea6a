"""The numbers behind the plots, as tables whose columns can be sorted."""

import dataclasses
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence

from bench.judge.reports import paired_runs
from bench.judge.summary import log_perplexity, perplexity_text
from bench.judge.types import Comparison, percent
from bench.profile.compare import Comparison as ProfileComparison
from bench.profile.compare import Difference
from bench.profile.timeline import REST
from bench.record.lockstep import Lockstep
from bench.record.types import NumericError, Record
from bench.report.judged import Judged, Measured, by_subject, records
from bench.report.story import reached

NOTHING = "–"


@dataclasses.dataclass(frozen=True)
class Cell:
    """What a cell shows, and the number that it is sorted by; without one it is sorted as text."""

    text: str
    key: float | None = None

    @property
    def number(self) -> str | None:
        """The key as JavaScript reads it; None where there is nothing to compare."""
        if self.key is None or math.isnan(self.key):
            return None
        return str(self.key) if math.isfinite(self.key) else f"{'-' * (self.key < 0)}Infinity"


@dataclasses.dataclass(frozen=True)
class Table:
    """Columns with a cell for each in every row."""

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def tables(judged: Judged) -> list[Table]:
    """All that have rows."""
    found = [
        _comparisons(judged.verdict.comparisons),
        _launches(by_subject(judged.run)),
        _numerics(records(judged.run)),
    ]
    found += [_lockstep(run.lockstep) for run in paired_runs(judged.run) if run.lockstep]
    return [table for table in found if table.rows]


def differences(found: ProfileComparison) -> list[Table]:
    """Two profiles part by part, what got slower first: by type of operation and by layer."""
    headers = ("reference ms", "candidate ms", "slower by ms", "reference calls", "candidate calls")
    return [
        Table(f"By {what}", (what, *headers), tuple(map(_difference, rows)))
        for what, rows in (("operation", found.by_kind), ("layer", found.by_layer))
    ]


def _difference(row: Difference) -> tuple[Cell, ...]:
    milliseconds = (1000 * seconds for seconds in (row.reference_seconds, row.candidate_seconds))
    calls = (row.reference_calls, row.candidate_calls)
    return (
        Cell(row.name),
        *(_number(value, ".3f") for value in milliseconds),
        _number(1000 * row.slower_seconds, "+.3f"),
        *(_number(None if row.name in REST else count, ".1f") for count in calls),
    )


def _comparisons(comparisons: Iterable[Comparison]) -> Table:
    headers = (
        "subject",
        "metric",
        "outcome",
        "candidate",
        "reference",
        "difference",
        "low",
        "high",
        "margin",
        "would have caught",
        "why",
    )
    return Table("Metrics", headers, tuple(_comparison(comparison) for comparison in comparisons))


def _comparison(comparison: Comparison) -> tuple[Cell, ...]:
    found, margin = comparison.interval, comparison.margin
    interval = (
        [Cell(percent(value), value) for value in (found.estimate, found.low, found.high)]
        if found
        else [Cell(NOTHING)] * 3
    )
    return (
        Cell(comparison.subject),
        Cell(comparison.metric),
        Cell(comparison.outcome.value),
        Cell(comparison.candidate),
        Cell(comparison.reference),
        *interval,
        Cell(percent(margin), margin) if margin is not None else Cell(NOTHING),
        Cell(reached(comparison) or NOTHING, comparison.detectable),
        Cell(comparison.note),
    )


def _launches(groups: Mapping[str, Sequence[Measured]]) -> Table:
    headers = (
        *(
            "subject",
            "side",
            "launch",
            "TensorFlow",
            "running perplexity",
            "words/s",
            "p5 ms",
            "p25 ms",
            "median ms",
            "p75 ms",
            "p95 ms",
        ),
        *("import s", "build s", "trace s", "first step s", "evaluation s", "evaluation perplexity"),
        *("peak MiB", "KiB a step", "retraces", "graph operations", "failure"),
    )
    return Table(
        "Launches", headers, tuple(_launch(name, launch) for name, launches in groups.items() for launch in launches)
    )


def _launch(name: str, launch: Measured) -> tuple[Cell, ...]:
    record = launch.record
    subject, startup, evaluation, memory = record.subject, record.startup, record.evaluation, record.memory
    median = 1000 * statistics.median(launch.block_seconds) if launch.block_seconds else None
    p5, p25, _, p75, p95 = launch.percentiles_ms or (None,) * 5
    parts = (
        (startup.import_seconds, startup.build_seconds, startup.trace_seconds, startup.first_step_seconds)
        if startup
        else [None] * 4
    )
    whole = bool(record.losses) and not record.failure
    perplexity = log_perplexity(record.losses, subject, 0.0) if whole else None
    return (
        Cell(name),
        Cell(launch.side),
        _number(launch.launch + 1, "d"),
        Cell(record.environment.tensorflow if record.environment else NOTHING),
        Cell(perplexity_text(perplexity), perplexity) if perplexity is not None else Cell(NOTHING),
        _number(1000 * subject.tokens_per_step / median if median else None, ",.0f"),
        *(_number(milliseconds, ".2f") for milliseconds in (p5, p25, median, p75, p95)),
        *(_number(part, ".2f") for part in parts),
        _number(evaluation.seconds if evaluation else None, ".2f"),
        _number(evaluation.perplexity if evaluation else None, ".2f"),
        _number(memory.peak_rss_bytes / 2**20 if memory else None, ".0f"),
        _number(memory.slope_bytes_per_step / 2**10 if memory else None, "+.1f"),
        _number(record.retraces, "d"),
        _number(sum(record.graph_operations.values()) or None, "d"),
        Cell(record.failure.message if record.failure else NOTHING),
    )


def _numerics(of: Iterable[Record]) -> Table:
    """The error nearest to its limit of each quantity, by subject and TensorFlow."""
    nearest: dict[tuple[str, str, str], NumericError] = {}
    for record in of:
        for error in record.numerics:
            key = (
                record.subject.name,
                record.environment.tensorflow if record.environment else NOTHING,
                error.quantity,
            )
            if key not in nearest or _used(error) > _used(nearest[key]):
                nearest[key] = error
    rows = tuple(
        (
            *(Cell(part) for part in key),
            Cell(error.tensor or NOTHING),
            _number(error.step, "d"),
            _number(error.error, ".1e"),
            _number(error.limit, ".1e"),
            _number(100 * _used(error), ".0f"),
        )
        for key, error in nearest.items()
    )
    headers = ("subject", "TensorFlow", "quantity", "tensor", "step", "error", "limit", "% of limit")
    return Table("Against the oracle: of each quantity the error nearest to its limit", headers, rows)


def _lockstep(result: Lockstep) -> Table:
    """The largest difference of each quantity and tensor, and the step where it was found."""
    rows = []
    for name, differences in result.differences.items():
        if not differences:  # no step was taken
            continue
        quantity, _, tensor = name.partition(" of ")
        largest = max(differences, key=lambda difference: math.inf if math.isnan(difference) else difference)
        equal = sum(difference == 0 for difference in differences)
        found = (
            _number(largest, ".1e"),
            _number(differences.index(largest), "d"),
            _number(len(differences), "d"),
            _number(equal, "d"),
        )
        rows.append((Cell(quantity), Cell(tensor or NOTHING), *found))
    headers = ("quantity", "tensor", "largest difference", "at step", "steps", "equal to the last bit")
    return Table("Lockstep: the largest difference of each tensor", headers, tuple(rows))


def _used(error: NumericError) -> float:
    """Part of the limit that an error takes; an error that is not a number takes all that there is."""
    return error.error / error.limit if error.error <= error.limit or error.error > error.limit > 0 else math.inf


def _number(value: float | None, form: str) -> Cell:
    return Cell(format(value, form), float(value)) if value is not None else Cell(NOTHING)
