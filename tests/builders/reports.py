"""Reports with ratios to a reference, made of numbers, for the tests of `compare` and `history`."""

import dataclasses
from collections.abc import Sequence

from bench.record.gate import GateRun
from bench.record.paired import Package, Pair, PairedRun, Side
from bench.record.types import SCHEMA
from tests.builders.paired import CREATED, SIDES, pair, paired_run
from tests.builders.records import records, run

LATER = "2026-02-02T03:04:05+00:00"
REFERENCE_SIDE = Side(
    "reference", "/envs/reference/bin/python", {}, packages=(Package("numpy", "2.4.0"), Package("tensorflow", "2.20.0"))
)
OTHER_REFERENCE = dataclasses.replace(
    REFERENCE_SIDE, packages=(Package("numpy", "2.4.1"), Package("tensorflow", "2.20.0"))
)


def pairs(launches: int = 10, shift: int = 0, *, step: float = 0.0, growth: float = 0.0) -> list[Pair]:
    """Launches with the noise of those `shift` later, so that two reports differ by more than a constant."""
    return [
        dataclasses.replace(pair(launch + shift, step=step, growth=growth), launch=launch) for launch in range(launches)
    ]


def paired_report(
    of: Sequence[Pair], created: str = CREATED, reference: Side = REFERENCE_SIDE, warnings: Sequence[str] = ()
) -> PairedRun:
    return paired_run(of, warnings=warnings, created=created, reference=reference)


def gate_report(speed: Sequence[PairedRun], created: str = CREATED, speed_problem: str = "") -> GateRun:
    return GateRun(SCHEMA, created, ("tfgate", "gate"), SIDES[1], run(records()), tuple(speed), speed_problem)
