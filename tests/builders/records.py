"""Runs and baselines made of numbers, for the tests of judge, report and commands: no TensorFlow, no clock.

Every training has 10 steps of 10 time steps. A launch whose log perplexity should be x has losses 10·x, so that every
window's mean loss a token is x.
"""

import dataclasses
from collections.abc import Iterable, Sequence

from bench.judge.gate import Standards
from bench.judge.margins import Margins
from bench.record.ledger import Ledger
from bench.record.types import (
    SCHEMA,
    Baseline,
    Environment,
    Evaluation,
    Failure,
    Machine,
    Memory,
    NumericError,
    Record,
    Replica,
    Run,
    Startup,
    Subject,
    Throughput,
)

STEPS = 10
MARGINS = Margins(
    gating={
        "perplexity": dict.fromkeys(("tiny", "notebook", "small"), 0.01),
        "memory_growth": {"notebook": 102_400, "tiny": 4096},
    },
    window_start={"notebook": 0.2},
    budget={},
    between_hosts=0.03,
    micro=0.15,
)
# What gates and upgrades are judged by.
GATE_MARGINS = dataclasses.replace(
    MARGINS,
    gating={**MARGINS.gating, "step_time": 0.05, "mean_step": 0.25, "evaluation_step": 0.10, "peak_memory": 0.10},
    budget={"step_time": 0.10},
)
MACHINE = Machine("A CPU", 2, "x86_64 avx2", 16)
OTHER_MACHINE = Machine("Another CPU", 64, "x86_64 avx512f", 256)
SUBJECT = Subject("notebook", "synthetic", "cells", "cpu:0", "0123456789abcdef", STEPS, 10, 300)
TINY = dataclasses.replace(SUBJECT, config="tiny")
SPEEDS = (0.100, 0.101, 0.102, 0.103)  # seconds a step of four launches
LOG_PERPLEXITIES = (5.000, 5.003, 4.998, 5.001)
WITHIN = NumericError(0, "gradient", "embedding", 1e-6, 4e-6)
BEYOND = NumericError(5, "update", "output/bias", 1e-2, 4e-6)


def environment(tensorflow: str = "2.21.0", *, onednn: bool = True, threads: int = 2) -> Environment:
    return Environment("3.11.7", tensorflow, "tensorflow-cpu", "3.15.1", "2.4.0", onednn, threads, {})


def losses(log_perplexity: float) -> tuple[float, ...]:
    return (10 * log_perplexity,) * STEPS


def record(
    log_perplexity: float = 5.0,
    step_seconds: float = 0.1,
    *,
    launch: int = 0,
    subject: Subject = SUBJECT,
    tensorflow: str = "2.21.0",
    machine: Machine = MACHINE,
    numerics: Sequence[NumericError] = (WITHIN,),
    peak_rss_mebibytes: int = 1024,
    failure: Failure | None = None,
) -> Record:
    """A launch; the first (launch 0) is checked against the oracle, the others judge memory, as in a real run."""
    return Record(
        subject=subject,
        environment=environment(tensorflow),
        machine=machine,
        launch=launch,
        jitter=1000 + launch,
        started="2026-01-02T03:04:05+00:00",
        losses=losses(log_perplexity),
        step_seconds=(step_seconds,) * 5,
        startup=Startup(8.0, 0.5, 1.0, 0.25),
        evaluation=Evaluation(150.0, 1000, 0.5, False),
        memory=Memory(peak_rss_mebibytes * 2**20, 0.0) if launch else None,
        retraces=0,
        graph_operations={},
        numerics=tuple(numerics) if launch == 0 else (),
        failure=failure,
    )


def records(
    log_perplexities: Iterable[float] = LOG_PERPLEXITIES,
    speeds: Iterable[float] = SPEEDS,
    *,
    subject: Subject = SUBJECT,
    tensorflow: str = "2.21.0",
    machine: Machine = MACHINE,
) -> tuple[Record, ...]:
    """One launch for each pair."""
    pairs = enumerate(zip(log_perplexities, speeds, strict=True))
    return tuple(
        record(*pair, launch=launch, subject=subject, tensorflow=tensorflow, machine=machine) for launch, pair in pairs
    )


def run(
    of: Sequence[Record],
    created: str = "2026-01-02T03:04:05+00:00",
    warnings: Sequence[str] = (),
    incomplete: str = "",
) -> Run:
    return Run(SCHEMA, created, ("tfgate", "run"), tuple(of), tuple(warnings), incomplete)


def replica(log_perplexity: float, tensorflow: str = "2.21.0", **kind: bool | int) -> Replica:
    """`kind`: onednn, threads."""
    found = dataclasses.replace(environment(tensorflow), **kind)  # type: ignore[arg-type]  # by name
    return Replica(found, 1, losses(log_perplexity))


def throughput(
    words_per_second: Iterable[float],
    day: int = 1,
    *,
    machine: Machine = MACHINE,
    tensorflow: str = "2.21.0",
    in_turn: bool = False,
) -> Throughput:
    return Throughput(f"2026-01-{day:02}T00:00:00+00:00", machine, tensorflow, 2, in_turn, tuple(words_per_second))


REPLICAS = tuple(
    replica(value, tensorflow)
    for tensorflow, values in {
        "2.12.1": (5.001, 4.999),
        "2.16.2": (5.002, 4.997),
        "2.20.0": (4.998, 5.003),
        "2.21.0": (5.000, 5.0015, 4.996, 5.004),
    }.items()
    for value in values
)
# Words a second of steps of 0.098 to 0.104 s, of 300 words each.
THROUGHPUT = (
    throughput([3000, 2970, 2941, 2913], 1),
    throughput([2941, 2913, 2885, 2970], 2),
    throughput([3030, 2970, 3000, 3061], 3),
)


def standards(of: Sequence[Baseline] = (), margins: Margins = MARGINS, ledger: Ledger | None = None) -> Standards:
    return Standards({each.subject.name: each for each in of}, margins, ledger or Ledger(SCHEMA, ()))


def baseline(
    replicas: Sequence[Replica] = REPLICAS,
    stored: Sequence[Throughput] = THROUGHPUT,
    subject: Subject = SUBJECT,
    reason: str = "first baseline",
) -> Baseline:
    return Baseline(
        SCHEMA, "2026-01-04T00:00:00+00:00", reason, ("tfgate", "record"), subject, tuple(replicas), tuple(stored)
    )
