"""Whole gates by simulation: with nothing changed they hardly ever alarm, and with something changed they do.

Each number's spread is a measured one. Perplexity: the variance components of the committed baselines.
Step time: experiments/data/launch_noise.json, ten training quads a launch; six evaluation quads, shorter and hence
twice as noisy. Step time on one core and trace: the pilot's worst host (docs/protocol.md). Memory: docs/baselines.md,
the peak by 2.7%, its growth by 40 KiB a step. Tails of speed and memory are heavy (Student's t).
"""

import dataclasses
import functools
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.judge.gate import Standards, gate_samples, judge_gate
from bench.judge.ledger import NO_LEDGER, entry_of
from bench.judge.margins import read_margins
from bench.judge.metrics import ONE_CORE_STEP_TIME
from bench.judge.perplexity import EnvironmentKey, replica_groups
from bench.judge.planning import SoFar
from bench.judge.types import Verdict
from bench.record.files import read_record
from bench.record.gate import GateRun
from bench.record.ledger import Entry, Ledger
from bench.record.paired import ABBA, ALL_CORES, CANDIDATE, ONE_CORE, REFERENCE, Pair, Quad
from bench.record.types import SCHEMA, Baseline, Record
from bench.stats.intervals import Components, components
from bench.stats.outcome import Outcome
from experiments.noise import read_noise
from experiments.pilot import read_store, spreads
from tests.builders.launches import accepted, regressed
from tests.builders.paired import gate_run, paired_run, side_of, side_record
from tests.builders.records import SPEEDS, SUBJECT, baseline, records, replica, run

BASELINES = Path(__file__).resolve().parents[3] / "baselines"
MARGINS = read_margins(BASELINES / "margins.toml")
PEAK, GROWTH = 0.027, 40_960
ONE_CORE_STEP, TRACE = (
    max(one.deviation for one in spreads(read_store(), [metric]) if one.config == "notebook")
    for metric in (ONE_CORE_STEP_TIME, "trace")
)
ACCEPTED = math.log(1.01)  # of both step times: the true ratio of the TensorFlow that was accepted last
FREEDOM = 6.6  # of a Student's t whose excess kurtosis, 6/(df − 4), is the noise file's 2.3
KNOWN = read_noise()


def simulated(
    generator: np.random.RandomState,
    corpus: str,
    perplexity: float = 0.0,
    step: float = ACCEPTED,
    one_core: float = ACCEPTED,
) -> Verdict:
    """A gate of three configurations, notebook's speed in turn until it is settled. The ledger's last entry is of six
    launches of each kind, as noisy as the gate's.
    """
    made: dict[str, Baseline] = {}
    of: list[Record] = []
    for config in ("tiny", "notebook", "small"):
        subject, groups = dataclasses.replace(SUBJECT, config=config), replicas_of(config, corpus)
        spread = components(list(groups.values()))

        def environment(trainings: int, spread: Components = spread) -> list[float]:
            effect = math.sqrt(spread.between) * generator.standard_normal()
            return [5 + effect + math.sqrt(spread.within) * generator.standard_normal() for _ in range(trainings)]

        replicas = [
            replica(value, key.tensorflow, onednn=key.onednn, threads=key.threads)
            for key, logs in groups.items()
            for value in environment(len(logs))
        ]
        made[subject.name] = baseline(replicas, (), subject)
        of += records([perplexity + value for value in environment(3)], SPEEDS[:3], subject=subject)
    by = Standards(made, MARGINS, Ledger(SCHEMA, (accepted(1.0), entry(generator))))
    pairs = [noisy(generator, 0, step)]
    while kind := next_kind(gate := gate_run(pairs, run(of)), by):
        pairs.append(
            noisy(generator, len(pairs), step) if kind == ALL_CORES else pinned(generator, len(pairs), one_core)
        )
    return judge_gate(gate, by)


@functools.cache
def replicas_of(config: str, corpus: str) -> dict[EnvironmentKey, list[float]]:
    """The committed replicates."""
    stored: Baseline = read_record(Baseline, BASELINES / f"{config}-{corpus}-cells-cpu0.json")
    return replica_groups(stored, MARGINS.window_start.get(config, 0.0))


def next_kind(gate: GateRun, by: Standards) -> str | None:
    (timed,) = gate.speed
    return SoFar(timed, gate_samples(timed, by), (ALL_CORES, ONE_CORE)).next_kind()


def entry(generator: np.random.RandomState) -> Entry:
    """Returns what `tfgate record` makes of six launches of each kind."""
    pairs = [launch(generator, number, ACCEPTED) for number in range(6) for launch in (noisy, pinned)]
    return entry_of(paired_run(pairs, reference=side_of("2.20.0"), candidate=side_of("2.20.1")), NO_LEDGER, "why")


def heavy(generator: np.random.RandomState, *shape: int) -> NDArray[np.float64]:
    """Draws of deviation 1."""
    return np.asarray(generator.standard_t(FREEDOM, shape) / math.sqrt(FREEDOM / (FREEDOM - 2)))


def quads(ratios: NDArray[np.float64]) -> tuple[Quad, ...]:
    blocks = ((0.1, 0.1 * ratio, 0.1 * ratio, 0.1) for ratio in np.exp(ratios).tolist())
    return tuple(Quad(ABBA, seconds, seconds) for seconds in blocks)


def noisy(generator: np.random.RandomState, launch: int, step: float) -> Pair:
    """A launch on all cores whose candidate is `step` slower, and else as noise has it."""

    def timed(count: int, deviation: float, size: float = 0.0) -> tuple[Quad, ...]:
        own = size + KNOWN.launch_deviation * heavy(generator)
        return quads(own + deviation * heavy(generator, count))

    peak, growth = 1000 * math.exp(PEAK * float(heavy(generator))), GROWTH * float(heavy(generator))
    candidate = side_record(launch, "2.21.0", 5.0, peak, growth)
    assert candidate.startup is not None
    trace = candidate.startup.trace_seconds * math.exp(TRACE * float(heavy(generator)))
    return Pair(
        launch,
        (REFERENCE, CANDIDATE)[launch % 2],
        side_record(launch, "2.20.0", 5.0, 1000, 0.0),
        dataclasses.replace(candidate, startup=dataclasses.replace(candidate.startup, trace_seconds=trace)),
        timed(KNOWN.quads, KNOWN.quad_deviation, step),
        timed(6, 2 * KNOWN.quad_deviation),
        30.0,
    )


def pinned(generator: np.random.RandomState, launch: int, step: float) -> Pair:
    """A launch on one core: nothing but its step time is judged."""
    reference, candidate = (side_record(launch, version, 5.0, 1000, 0.0) for version in ("2.20.0", "2.21.0"))
    steps = quads(step + ONE_CORE_STEP * heavy(generator, 1))
    return Pair(launch, (REFERENCE, CANDIDATE)[launch % 2], reference, candidate, steps, (), 30.0, core=0)


@pytest.mark.parametrize(
    ("corpus", "gates", "passed"),
    [
        ("synthetic", 8, 6),
        # These two are on docs/statistics.md. In PTB environments of notebook differ more, so that perplexity is left
        # open more often.
        pytest.param("synthetic", 300, 274, marks=pytest.mark.slow),
        pytest.param("ptb", 300, 202, marks=pytest.mark.slow),
    ],
)
def test_nothing_changed_is_called_a_regression_in_at_most_one_gate_in_a_hundred(
    corpus: str, gates: int, passed: int
) -> None:
    # No alarm in 300 gates: the rate is below 1% with 95% confidence (0.99^300 = 0.049). 8 show a grave mistake.
    generator = np.random.RandomState(4)
    verdicts = [simulated(generator, corpus).outcome for _ in range(gates)]
    assert verdicts.count(Outcome.REGRESSION) == 0
    # And most are judged, not merely left open; another processor may round one verdict to the other side.
    assert abs(verdicts.count(Outcome.PASS) - passed) <= 1


@pytest.mark.parametrize(
    ("changed", "metric"),
    [
        ((0.04, ACCEPTED, ACCEPTED), "perplexity"),
        ((0.0, math.log(1.01 * 1.10), ACCEPTED), "step time"),
        ((0.0, ACCEPTED, math.log(1.01 * 1.06)), "step time on one core"),
    ],
)
def test_the_same_simulation_alarms_when_something_changed(changed: tuple[float, float, float], metric: str) -> None:
    generator = np.random.RandomState(5)
    assert all(metric in regressed(simulated(generator, "synthetic", *changed)) for _ in range(2))
