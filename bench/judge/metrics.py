"""The one table of metrics: what each is, and how a launch of both sides in turn gives it.

To add one that is measured in turn, add its row to `in_turn`, and its margin to baselines/margins.toml if it is to
gate.
"""

import dataclasses
import math
from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias

from bench.judge.types import Direction, Estimator, Metric, Scale, Unit
from bench.record.paired import ALL_CORES, CANDIDATE, ONE_CORE, REFERENCE, Pair, Quad
from bench.record.types import FITTED_LOSS, STEP_TIME_GROWTH, Record, Subject
from bench.stats.sequential import LOOKS
from bench.stats.trimmed import trimmed_mean

PERPLEXITY, STEP_TIME, EVALUATION_STEP, PEAK_MEMORY = "perplexity", "step time", "evaluation step", "peak memory"
ONE_CORE_STEP_TIME = "step time on one core"
STEP_TIMES = (STEP_TIME, ONE_CORE_STEP_TIME)
START = ("import", "build", "trace", "first step")
MEAN_STEP, CPU_TIME, MEMORY_GROWTH, GPU_MEMORY = "mean step", "cpu time", "memory growth", "GPU memory"

FITTED_UNITS = 8  # of a launch, the first ones, over which a loss is fitted: docs/workloads.md has the spread of seeds
FITTED_LAUNCHES = 8  # each of a seed of its own

# Compared exactly: no statistic.
TRAINING = Metric("training", Unit.NONE, Direction.EQUAL, Estimator.EXACT, Scale.LINEAR)
COMPILATION = Metric("compilation", Unit.NONE, Direction.EQUAL, Estimator.EXACT, Scale.LINEAR)
NUMERICS = Metric("numerics", Unit.RELATIVE_ERROR, Direction.LOWER, Estimator.EXACT, Scale.LINEAR)
LOCKSTEP = Metric("lockstep", Unit.RELATIVE_ERROR, Direction.LOWER, Estimator.EXACT, Scale.LINEAR)
RETRACES = Metric("retraces", Unit.COUNT, Direction.LOWER, Estimator.EXACT, Scale.LINEAR)
OPERATIONS = Metric("graph operations", Unit.COUNT, Direction.LOWER, Estimator.EXACT, Scale.LINEAR, gates=False)
# Where nothing could be measured or compared.
SPEED = Metric("speed", Unit.NONE, Direction.LOWER, Estimator.EXACT, Scale.LINEAR)
LIKENESS = Metric("likeness", Unit.NONE, Direction.EQUAL, Estimator.EXACT, Scale.LINEAR)
# Against the baselines' trainings and launches.
REPLICATES = Metric(PERPLEXITY, Unit.PERPLEXITY, Direction.EQUAL, Estimator.MEAN_LOSS)
WORDS = Metric("words/s", Unit.WORDS_PER_SECOND, Direction.HIGHER, Estimator.TRIMMED_STEPS, Scale.LINEAR)

SideValue: TypeAlias = Callable[[Pair, str], float | None]


@dataclasses.dataclass(frozen=True)
class InTurn:
    """A metric of launches in turn. Its values are on the metric's scale; None where a launch doesn't tell."""

    metric: Metric  # without a margin
    side: SideValue  # one side's value in a launch
    apart: Callable[[Pair], float | None] | None = None  # candidate − reference, if not the sides' difference
    optional: bool = False  # left out where no launch tells it, unless it is asked for by name
    cores: str = ALL_CORES  # the kind of launches that tell it
    first: int = LOOKS[0]  # launches before which nothing is decided

    def difference(self, pair: Pair) -> float | None:
        """Returns candidate − reference in a launch."""
        if self.apart:
            return self.apart(pair)
        candidate, reference = self.side(pair, CANDIDATE), self.side(pair, REFERENCE)
        return None if candidate is None or reference is None else candidate - reference


def in_turn(window_start: float = 0.0) -> tuple[InTurn, ...]:
    """Returns the table, those that gate first. `window_start`: the part of the steps that perplexity leaves out."""
    return (
        InTurn(REPLICATES, lambda pair, side: _log_perplexity(pair.of(side), pair.reference.subject, window_start)),
        InTurn(
            Metric(FITTED_LOSS, Unit.NATS, Direction.EQUAL, Estimator.FIRST_UNITS),
            lambda pair, side: _log_fitted_loss(pair.of(side)),
            optional=True,
            first=FITTED_LAUNCHES,
        ),
        _of_quads(_step_time(ONE_CORE_STEP_TIME), cores=ONE_CORE),
        _of_quads(_step_time(STEP_TIME)),
        InTurn(_step_time(MEAN_STEP, Estimator.MEAN_BLOCK), _log_mean_block),
        _of_quads(_step_time(EVALUATION_STEP), lambda pair: pair.evaluations),
        _of_record(_memory(PEAK_MEMORY), lambda one: one.memory.peak_anonymous_bytes if one.memory else None),
        InTurn(
            Metric(MEMORY_GROWTH, Unit.BYTES_PER_STEP, Direction.LOWER, Estimator.TRIMMED_GROWTH, Scale.LINEAR),
            lambda pair, side: memory.slope_bytes_per_step if (memory := pair.of(side).memory) else None,
        ),
        _of_quads(Metric(STEP_TIME_GROWTH, Unit.RATIO, Direction.LOWER, Estimator.LATER_HALF), statistic=_growth),
        _of_quads(_step_time(CPU_TIME), _cpu_quads),
        *(_of_record(Metric(name, Unit.SECONDS, Direction.LOWER, Estimator.VALUE), _startup(name)) for name in START),
        _of_record(_memory(GPU_MEMORY), lambda one: one.memory.peak_gpu_bytes if one.memory else None, optional=True),
    )


def log_perplexity(losses: Sequence[float], subject: Subject, window_start: float) -> float:
    """Returns the mean loss a token over the steps from `window_start` (a fraction of them) on: the logarithm of the
    running perplexity there.

    Raises ValueError for more or fewer losses than the subject has steps.
    """
    if not losses or len(losses) != subject.steps:
        raise ValueError(
            f"{subject.name}: {len(losses)} losses in a training of {subject.steps} steps: measure or record it again"
        )
    first = int(window_start * subject.steps)
    return math.fsum(losses[first:]) / (len(losses) - first) / subject.num_steps


def kinds_of(metrics: Collection[str]) -> set[str]:
    """Returns the kinds of launches that tell these metrics."""
    return {row.cores for row in in_turn() if row.metric.name in metrics}


def key(name: str) -> str:
    """Returns the name of a metric in the margins file: step_time."""
    return name.replace(" ", "_")


def _step_time(name: str, estimator: Estimator = Estimator.TRIMMED_QUADS) -> Metric:
    return Metric(name, Unit.SECONDS_PER_STEP, Direction.LOWER, estimator)


def _memory(name: str) -> Metric:
    return Metric(name, Unit.BYTES, Direction.LOWER, Estimator.VALUE)


def _of_quads(
    metric: Metric,
    quads: Callable[[Pair], Sequence[Quad]] = lambda pair: pair.steps,
    statistic: Callable[[Sequence[float]], float | None] = trimmed_mean,
    cores: str = ALL_CORES,
) -> InTurn:
    """Returns a metric of the blocks that both sides took in turn: a statistic of the quads' logarithms."""

    def launch(pair: Pair, log: Callable[[Quad], float]) -> float | None:
        logs = list(map(log, quads(pair)))
        return statistic(logs) if logs else None

    return InTurn(
        metric,
        lambda pair, side: launch(pair, lambda quad: _log_seconds(quad, side)),
        lambda pair: launch(pair, Quad.log_ratio),
        cores=cores,
    )


def _log_mean_block(pair: Pair, side: str) -> float | None:
    """Returns the log of the mean over a launch's blocks, none left out: outlier steps count here alone."""
    own = [seconds for quad in pair.steps for seconds in quad.of(side)]
    return math.log(math.fsum(own) / len(own)) if own else None


def _growth(logs: Sequence[float]) -> float | None:
    """Returns the trimmed mean over the later half of a launch's quads, less that over the earlier half."""
    half = len(logs) // 2
    return trimmed_mean(logs[-half:]) - trimmed_mean(logs[:half]) if half else None


def _log_seconds(quad: Quad, side: str) -> float:
    """Returns the mean log seconds of one side's two blocks."""
    own = quad.of(side)
    return math.fsum(map(math.log, own)) / len(own)


def is_trained(record: Record) -> bool:
    """Tells whether a launch has a perplexity of its whole training."""
    return record.subject.tells(PERPLEXITY) and bool(record.losses) and not record.failure


def _cpu_quads(pair: Pair) -> list[Quad]:
    """Returns the training quads with CPU time in the place of wall time; none of a launch with a block of 0 seconds:
    where a CPU clock counts ticks, a block may be shorter than one.
    """
    if not all(all(quad.cpu_seconds) for quad in pair.steps):
        return []
    return [dataclasses.replace(quad, seconds=quad.cpu_seconds) for quad in pair.steps]


def _log_perplexity(record: Record, subject: Subject, window_start: float) -> float | None:
    return log_perplexity(record.losses, subject, window_start) if subject.tells(PERPLEXITY) else None


def _log_fitted_loss(record: Record) -> float | None:
    """Returns the log of the mean loss of a launch's first units, of a workload that tells it."""
    fitted = record.losses[:FITTED_UNITS]
    if not record.subject.tells(FITTED_LOSS) or len(fitted) < FITTED_UNITS:
        return None
    return math.log(math.fsum(fitted) / FITTED_UNITS)


def _of_record(metric: Metric, value: Callable[[Record], float | None], *, optional: bool = False) -> InTurn:
    """Returns a metric whose value is a number above 0 that a record holds."""

    def side(pair: Pair, side: str) -> float | None:
        found = value(pair.of(side))
        return math.log(found) if found else None

    return InTurn(metric, side, optional=optional)


def _startup(name: str) -> Callable[[Record], float | None]:
    return lambda one: getattr(one.startup, f"{key(name)}_seconds") if one.startup else None


NAMES = tuple(row.metric.name for row in in_turn())
SEARCHED = tuple(row.metric.name for row in in_turn() if row.metric.scale is not Scale.LINEAR)  # by bisect and blame
