"""Paired runs and gates made of numbers, for the tests of judge, report and commands."""

import dataclasses
import math
from collections.abc import Sequence

from bench.record.gate import GateRun
from bench.record.paired import ABBA, CANDIDATE, REFERENCE, Package, Pair, PairedRun, Quad, Side
from bench.record.types import SCHEMA, Failure, Memory, Record, Run
from tests.builders.records import record, records, run

# Log ratios of launches: mean 0.
NOISE = (0.004, -0.006, 0.001, 0.003, -0.002, 0.005, -0.004, 0.002, -0.001, 0.006, -0.003, -0.005)
CREATED = "2026-01-02T03:04:05+00:00"
SIDES = (Side("2.20.0", "/envs/a/bin/python", {}), Side("2.21.0", "/envs/b/bin/python", {}))


def quad(log_ratio: float, seconds: float = 0.1) -> Quad:
    """A quad whose candidate blocks are exp(log_ratio) times as long as the reference's."""
    slow = seconds * math.exp(log_ratio)
    return Quad(ABBA, (seconds, slow, slow, seconds), (2 * seconds, 2 * slow, 2 * slow, 2 * seconds))


def side_record(launch: int, tensorflow: str, log_perplexity: float, mebibytes: float, slope: float) -> Record:
    made = record(log_perplexity, launch=launch, tensorflow=tensorflow, numerics=())
    return dataclasses.replace(made, memory=Memory(int(mebibytes * 2**20), slope), graph_operations={"MatMul": 7})


def pair(
    launch: int = 0,
    *,
    step: float = 0.0,
    evaluation: float = 0.0,
    perplexity: float = 0.0,
    memory: float = 0.0,
    growth: float = 0.0,
    failure: Failure | None = None,
) -> Pair:
    """One launch. All but `growth`, in bytes a step, are log ratios; the noise of the launch is added to each."""
    noise = NOISE[launch % len(NOISE)]
    reference = side_record(launch, "2.20.0", 5.0, 1000, 0.0)
    candidate = side_record(
        launch, "2.21.0", 5.0 + perplexity + noise / 4, 1000 * math.exp(memory + noise / 4), growth + 1000 * noise
    )
    return Pair(
        launch,
        (REFERENCE, CANDIDATE)[launch % 2],
        reference,
        dataclasses.replace(candidate, failure=failure),
        (quad(step + noise), quad(step + noise)),
        (quad(evaluation + noise),),
        30.0,
        0.0,
    )


def paired_run(
    pairs: Sequence[Pair],
    oracle: Sequence[Record] = (),
    warnings: Sequence[str] = (),
    *,
    created: str = CREATED,
    reference: Side = SIDES[0],
    candidate: Side = SIDES[1],
) -> PairedRun:
    sides = (reference, candidate)
    return PairedRun(SCHEMA, created, ("tfgate", "upgrade"), *sides, tuple(pairs), tuple(oracle), None, tuple(warnings))


def side_of(tensorflow: str) -> Side:
    """An environment that holds this TensorFlow, so that each has an identity of its own."""
    return Side(tensorflow, f"/envs/{tensorflow}/bin/python", {}, packages=(Package("tensorflow-cpu", tensorflow),))


def gate_run(
    pairs: Sequence[Pair] = (),
    numbers: Run | None = None,
    *,
    created: str = CREATED,
    reference: Side = side_of("2.20.0"),  # noqa: B008  # frozen
    candidate: Side = side_of("2.21.0"),  # noqa: B008  # frozen
    speed_problem: str = "",
    gate_stored: bool = False,
    warnings: Sequence[str] = (),
) -> GateRun:
    """A gate: `numbers`, four sound launches if none are given, and the speed that `pairs` measured, if any."""
    speed = paired_run(pairs, created=created, reference=reference, candidate=candidate)
    return GateRun(
        SCHEMA,
        created,
        ("tfgate", "gate"),
        candidate,
        numbers or run(records(), created),
        (speed,) if pairs else (),
        speed_problem,
        gate_stored,
        tuple(warnings),
    )
