"""Launches in turn, a lockstep comparison, and verdicts read by metric, for the tests of the judge."""

import dataclasses
import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from bench.judge.margins import Margins
from bench.judge.metrics import in_turn
from bench.judge.types import Comparison, Verdict
from bench.record.ledger import Entry, Ratio
from bench.record.lockstep import Difference, Lockstep, TensorDifferences
from bench.record.paired import ALL_CORES, CANDIDATE, ONE_CORE, REFERENCE, Pair, PairedRun
from bench.record.types import OF_SOME, Startup
from bench.stats.intervals import Interval
from bench.stats.outcome import Outcome
from tests.builders.paired import CREATED, NOISE, pair, paired_run, side_of
from tests.builders.records import GATE_MARGINS, MACHINE, SUBJECT, environment

PAIRED: Margins = dataclasses.replace(
    GATE_MARGINS, gating={**GATE_MARGINS.gating, "step_time_on_one_core": 0.02}, budget={}
)
GATING = ["perplexity", "step time", "mean step", "evaluation step", "peak memory", "memory growth"]  # by those margins
# Not gated.
SHOWN = {row.metric.name for row in in_turn() if not row.optional and row.cores == ALL_CORES} - {*GATING, *OF_SOME}


def mean_noise(count: int) -> float:
    """The mean noise of the first launches, in each metric but perplexity, memory and its growth."""
    return fmean(NOISE[:count])


def launches(count: int = 10, /, **effects: float) -> list[Pair]:
    return [pair(launch, **effects) for launch in range(count)]  # type: ignore[arg-type]  # never `failure`


def of_kinds(kinds: Sequence[str], **effects: float) -> PairedRun:
    """A run of launches on all cores and on one core, in this order."""
    cores = {ALL_CORES: None, ONE_CORE: 1}
    made = zip(launches(len(kinds), **effects), kinds, strict=True)
    return paired_run([dataclasses.replace(one, core=cores[kind]) for one, kind in made])


def with_one_core(of: Sequence[Pair]) -> list[Pair]:
    """The launches, after each one on one core, on which both sides take ten times as long."""
    slow = {"step_seconds": (1.0,) * 5, "startup": Startup(80.0, 5.0, 10.0, 2.5)}
    both = (each for one in of for each in (one, dataclasses.replace(on_both(one, **slow), core=1)))
    return [dataclasses.replace(one, launch=launch) for launch, one in enumerate(both)]


def on_candidate(of: Pair, **changes: Any) -> Pair:
    """A pair with fields of the candidate's record replaced."""
    return dataclasses.replace(of, candidate=dataclasses.replace(of.candidate, **changes))


def on_both(of: Pair, **changes: Any) -> Pair:
    """A pair with fields of both sides' records replaced."""
    sides = {side: dataclasses.replace(getattr(of, side), **changes) for side in (REFERENCE, CANDIDATE)}
    return dataclasses.replace(of, **sides)


def slowed(of: Pair, factor: float) -> Pair:
    """A pair on a machine on which both sides' training steps take `factor` times as long."""
    steps = (dataclasses.replace(quad, seconds=tuple(factor * s for s in quad.seconds)) for quad in of.steps)
    return dataclasses.replace(of, steps=tuple(steps))


def accepted(ratio: float, tensorflow: str = "2.19.1", *, machine: str = "", metric: str = "step time") -> Entry:
    """A TensorFlow that was accepted at `ratio` times TensorFlow 2.20.0, known to 0.2%."""
    entered = Ratio(SUBJECT.name, metric, math.log(ratio), 0.002, 6)
    identities = side_of(tensorflow).identity, side_of("2.20.0").identity
    return Entry(
        f"{CREATED}, {tensorflow}", tensorflow, *identities, machine or MACHINE.fingerprint(), "", "why", (entered,)
    )


def lockstep(**changes: Any) -> Lockstep:
    """Ten steps of two tensors that agree."""
    whole = Lockstep(
        subject=SUBJECT,
        reference=environment("2.20.0"),
        candidate=environment(),
        candidate_fingerprint=SUBJECT.fingerprint,
        losses=(62.0,) * SUBJECT.steps,
        differences=(
            TensorDifferences("loss", "", (0.0,) * SUBJECT.steps),
            TensorDifferences("update", "embedding", (2e-5,) * SUBJECT.steps),
        ),
        nearest=Difference(1, "update", "embedding", 2e-5, 8e-5),
        departure=None,
        oracle_steps=0,
        reference_seconds=1.0,
        candidate_seconds=1.0,
        wall_seconds=3.0,
    )
    return dataclasses.replace(whole, **changes)


def by_metric(verdict: Verdict) -> dict[str, Comparison]:
    return {comparison.metric.name: comparison for comparison in verdict.comparisons}


def with_outcome(verdict: Verdict, outcome: Outcome) -> list[str]:
    return [comparison.metric.name for comparison in verdict.comparisons if comparison.outcome is outcome]


def regressed(verdict: Verdict) -> list[str]:
    return with_outcome(verdict, Outcome.REGRESSION)


def interval_of(comparison: Comparison) -> Interval:
    assert comparison.interval is not None
    return comparison.interval
