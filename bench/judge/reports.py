"""Reports that hold launches in turn with a reference, as verdicts, the ledger, `compare` and `history` read them."""

from collections.abc import Iterable
from typing import TypeAlias

from bench.judge.notices import Incomplete
from bench.judge.reasons import Reason
from bench.judge.samples import whole_pairs
from bench.record.gate import GateRun
from bench.record.micro import MicroRun
from bench.record.paired import PairedRun
from bench.record.types import Record, Run

Report: TypeAlias = GateRun | PairedRun


def paired_runs(report: object) -> tuple[PairedRun, ...]:
    """Returns everything of a report that was measured in turn with a reference, one run for each configuration; none
    of another report.
    """
    if isinstance(report, GateRun):
        return report.speed
    return (report,) if isinstance(report, PairedRun) else ()


def subject_of(run: PairedRun) -> str:
    """Returns Subject.name of what was measured; "nothing" of an empty run."""
    records = run.records
    return records[0].subject.name if records else run.lockstep.subject.name if run.lockstep else "nothing"


def incomplete(run: Run | PairedRun | MicroRun) -> list[Reason]:
    """Returns the failure of a run whose launches are not all there."""
    return [Incomplete(run.incomplete)] if run.incomplete else []


def reference_label(run: PairedRun) -> str:
    """Returns a name of the run's reference; equal names are equal references. The run must have a whole pair."""
    version = whole_pairs(run)[0].reference.tensorflow or "unknown"
    variables = "".join(f" {name}={value}" for name, value in sorted(run.reference.variables.items()))
    return f"TensorFlow {version} ({run.reference.identity}{variables})"


def records_by_subject(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Returns the records by what they measured (Subject.name), in the order of their first."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record.subject.name, []).append(record)
    return groups
