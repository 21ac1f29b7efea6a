"""Whole gates by simulation: with nothing changed they hardly ever alarm, and with something changed they do.

Numbers: running perplexity spreads by 0.34%. Speed: launches as experiments/data/launch_noise.json has them, ten
training quads each, with heavy tails (Student's t); six evaluation quads, shorter and hence twice as noisy; memory as
docs/baselines.md has it: the peak by 2.7%, its growth by 40 KiB a step.
"""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.judge.gate import Standards, gate_samples, judge_gate
from bench.judge.margins import read_margins
from bench.judge.planning import SoFar
from bench.judge.types import Verdict
from bench.record.ledger import Ledger
from bench.record.paired import ABBA, ALL_CORES, CANDIDATE, REFERENCE, Pair, Quad
from bench.record.types import SCHEMA, Baseline, Record
from bench.stats.outcome import Outcome
from bench.stats.sequential import LOOKS
from experiments.noise import read_noise
from tests.builders.launches import accepted, regressed
from tests.builders.paired import gate_run, side_record
from tests.builders.records import SUBJECT, baseline, records, replica, run

MARGINS = read_margins(Path(__file__).resolve().parents[3] / "baselines" / "margins.toml")
PERPLEXITY, PEAK, GROWTH, TRACE = 0.0034, 0.027, 40_960, 0.05
VERSIONS = ("2.12.1", "2.15.1", "2.16.2", "2.18.1", "2.20.0", "2.21.0")
LEDGER = Ledger(SCHEMA, (accepted(1.0), accepted(1.01, "2.20.1")))
FREEDOM = 6.6  # of a Student's t whose excess kurtosis, 6/(df − 4), is the noise file's 2.3
KNOWN = read_noise()


def simulated(generator: np.random.RandomState, perplexity: float = 0.0, step: float = math.log(1.01)) -> Verdict:
    """A gate of three subjects, notebook's speed in turn until it is settled. The ledger accepted a ratio of 1.01."""
    made: dict[str, Baseline] = {}
    of: list[Record] = []
    for config in ("tiny", "notebook", "small"):
        subject = dataclasses.replace(SUBJECT, config=config)
        replicas = [
            replica(5 + PERPLEXITY * generator.standard_normal(), version) for version in VERSIONS for _ in range(3)
        ]
        made[subject.name] = baseline(replicas, (), subject)
        values = 5 + perplexity + PERPLEXITY * generator.standard_normal(4)
        of += records(map(float, values), subject=subject)
    by = Standards(made, MARGINS, LEDGER)
    gate = gate_run([noisy(generator, 0, step)], run(of))
    while (
        len((timed := gate.speed[0]).pairs) not in LOOKS
        or SoFar(timed, gate_samples(timed, by), (ALL_CORES,)).next_kind()
    ):
        gate = gate_run([*timed.pairs, noisy(generator, len(timed.pairs), step)], run(of))
    return judge_gate(gate, by)


def noisy(generator: np.random.RandomState, launch: int, step: float) -> Pair:
    """A launch whose candidate is `step` slower, and else as noise has it."""

    def draw(*shape: int) -> NDArray[np.float64]:
        return np.asarray(generator.standard_t(FREEDOM, shape) / math.sqrt(FREEDOM / (FREEDOM - 2)))

    def quads(count: int, deviation: float, size: float = 0.0) -> tuple[Quad, ...]:
        ratios = size + KNOWN.launch_deviation * draw() + deviation * draw(count)
        blocks = ((0.1, 0.1 * ratio, 0.1 * ratio, 0.1) for ratio in np.exp(ratios).tolist())
        return tuple(Quad(ABBA, seconds, seconds) for seconds in blocks)

    peak, growth = 1000 * math.exp(PEAK * float(draw())), GROWTH * float(draw())
    candidate = side_record(launch, "2.21.0", 5.0, peak, growth)
    assert candidate.startup is not None
    trace = candidate.startup.trace_seconds * math.exp(TRACE * float(draw()))
    return Pair(
        launch,
        (REFERENCE, CANDIDATE)[launch % 2],
        side_record(launch, "2.20.0", 5.0, 1000, 0.0),
        dataclasses.replace(candidate, startup=dataclasses.replace(candidate.startup, trace_seconds=trace)),
        quads(KNOWN.quads, KNOWN.quad_deviation, step),
        quads(6, 2 * KNOWN.quad_deviation),
        30.0,
    )


@pytest.mark.parametrize("gates", [25, pytest.param(300, marks=pytest.mark.slow)])
def test_nothing_changed_is_called_a_regression_in_at_most_one_gate_in_a_hundred(gates: int) -> None:
    # No alarm in 300 gates: the rate is below 1% with 95% confidence (0.99^300 = 0.049). 25 show a grave mistake.
    generator = np.random.RandomState(4)
    verdicts = [simulated(generator).outcome for _ in range(gates)]
    assert verdicts.count(Outcome.REGRESSION) == 0
    assert verdicts.count(Outcome.PASS) > 0.9 * gates  # and nearly all are judged, not merely left open


@pytest.mark.parametrize(
    ("changed", "metric"), [({"perplexity": 0.04}, "perplexity"), ({"step": math.log(1.01 * 1.10)}, "step time")]
)
def test_the_same_simulation_alarms_when_something_changed(changed: Mapping[str, float], metric: str) -> None:
    generator = np.random.RandomState(5)
    assert all(metric in regressed(simulated(generator, **changed)) for _ in range(8))
