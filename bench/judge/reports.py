"""Reports that hold ratios to a reference, as `compare` and `history` read them."""

from typing import TypeAlias

from bench.judge.in_turn import whole_pairs
from bench.record.gate import GateRun
from bench.record.paired import PairedRun
from bench.record.types import Run

Report: TypeAlias = GateRun | PairedRun


def paired_runs(report: Report | Run) -> tuple[PairedRun, ...]:
    """Everything of a report that was measured in turn with a reference, one run for each configuration."""
    if isinstance(report, GateRun):
        return report.speed
    return (report,) if isinstance(report, PairedRun) else ()


def reference_label(run: PairedRun) -> str:
    """The run's reference, as messages name it; equal labels are equal references. The run must have a whole pair."""
    environment = whole_pairs(run)[0].reference.environment
    version = environment.tensorflow if environment else "unknown"
    variables = "".join(f" {name}={value}" for name, value in sorted(run.reference.variables.items()))
    return f"TensorFlow {version} ({run.reference.identity}{variables})"
