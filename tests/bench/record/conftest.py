"""A run with every field filled in and a baseline, for tests of how they are written and read."""

import math

import pytest

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

MACHINE = Machine("A CPU", 2, "x86_64 avx2", 16, "A GPU", "550.1")
ENVIRONMENT = Environment("3.11.7", "2.21.0", "tensorflow-cpu", "3.15.1", "2.4.0", True, 2, {"OMP_NUM_THREADS": "2"})
SUBJECT = Subject("tiny", "synthetic", "cells", "cpu:0", "0123456789abcdef", 4, 10, 80)
RECORD = Record(
    subject=SUBJECT,
    environment=ENVIRONMENT,
    machine=MACHINE,
    launch=0,
    jitter=1000,
    started="2026-01-02T03:04:05+00:00",
    losses=(62.0, 61.5, 1e300, math.nan),
    step_seconds=(0.002, 0.0021),
    startup=Startup(2.5, 0.25, 0.5, 0.125),
    evaluation=Evaluation(math.inf, 800, 0.5, False),
    memory=Memory(2**29, -0.5),
    retraces=0,
    graph_operations={"MatMul": 12, "Tanh": 4},
    numerics=(NumericError(0, "gradient", "output/kernel", 1e-6, 4e-6), NumericError(3, "loss", "", math.inf, 4e-6)),
    failure=Failure("diverged", "training diverged: the loss is nan at step 3", "a line\nanother\n"),
)


@pytest.fixture
def run() -> Run:
    """A run of one failed launch, every field set."""
    return Run(SCHEMA, "2026-01-02T03:04:06+00:00", ("tfgate", "run"), (RECORD,), ("a warning",))


@pytest.fixture
def baseline() -> Baseline:
    """A baseline of one replica and the words/s of one launch, every field set."""
    stored = Throughput("2026-01-02", MACHINE, "2.21.0", 2, True, (40_000.0,))
    replica = Replica(ENVIRONMENT, 1, (62.0, 61.5))
    return Baseline(SCHEMA, "2026-01-02", "first baseline", ("tfgate", "record"), SUBJECT, (replica,), (stored,))
