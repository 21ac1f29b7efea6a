"""pytest-benchmark files, one a launch, reference against candidate.

One side measured after the other can't be judged: the machine's drift would be taken for the candidate's. Launches
taken in turn, in an order that favours neither side, are judged as a paired run's are: launch n of one side against
launch n of the other.
"""

import math
import statistics
from collections.abc import Collection, Sequence

from bench.judge.reasons import FilesLackIt, NotInTurn, Reason, UnlikeFiles, unlike
from bench.judge.samples import compare, mean_told
from bench.judge.types import Comparison, Direction, Estimator, Metric, Question, Sample, Scope, Unit, Verdict, overall
from bench.record.benchmarks import Benchmark, BenchmarkLaunch
from bench.record.paired import CANDIDATE, REFERENCE
from bench.stats.outcome import Outcome
from bench.stats.sequential import LOOKS, MOST_GATING

Launches = Sequence[BenchmarkLaunch]
LEAST_IN_TURN = LOOKS[0]  # launches a side, of which ABBA and BAAB make two
MOST_IN_A_ROW = 2  # of one side, so that drift has no long stretch of it
# Of the sides' mean places in the order: 0 for ABBAABBA; 1 for ABABABAB, in which the first always is the same.
MOST_RANKS_APART = 0.5


def compare_benchmarks(
    reference: Launches, candidate: Launches, margin: float, gating: Collection[str] = ()
) -> Verdict:
    """Returns the verdict on every benchmark, by full name; `margin` a fraction, `gating` the names that gate (none:
    all).

    Raises ValueError for a file given twice, for a name that no file has, and for more than MOST_GATING that gate.
    """
    files = [launch.path for launch in (*reference, *candidate)]
    again = next((path for path in files if files.count(path) > 1), None)
    if again:
        raise ValueError(f"{again} is given twice: each launch counts once")
    names = list(dict.fromkeys(name for launch in (*reference, *candidate) for name in launch.benchmarks))
    unknown = next((name for name in gating if name not in names), None)
    if unknown:
        raise ValueError(f"--gate {unknown!r}: no file has a benchmark of this full name")
    gates = gating or names
    if len(gates) > MOST_GATING:
        raise ValueError(
            f"{len(gates)} benchmarks would gate, and false alarms add up: name {MOST_GATING} at most by --gate"
        )
    reference, candidate = (sorted(side, key=lambda launch: launch.created) for side in (reference, candidate))
    launches = [*reference, *candidate]
    problem: Reason | None = _unlike([(launch.path, launch.machine) for launch in launches])
    if problem is None and not _in_turn(reference, candidate):
        problem = NotInTurn(LEAST_IN_TURN)
    limit = math.log1p(margin)
    comparisons = tuple(_compared(name, reference, candidate, (limit, name in gates), problem) for name in names)
    return Verdict(Question.BENCHMARKS, overall(comparisons), comparisons, (), scope=Scope.SPEED)


def _compared(
    name: str, reference: Launches, candidate: Launches, margin: tuple[float, bool], problem: Reason | None
) -> Comparison:
    """Compares one benchmark.

    `margin`: on the logarithmic scale, and whether it gates; `problem` keeps all from being judged.
    """
    sides = [[launch.benchmarks.get(name) for launch in side] for side in (candidate, reference)]
    new, old = (tuple(math.log(one.median_seconds) if one else None for one in side) for side in sides)
    subject, _, short = name.rpartition("::")
    metric = Metric(short, Unit.SECONDS, Direction.LOWER, Estimator.MEDIAN_ROUND, margin=margin[0], gates=margin[1])
    differences = tuple(
        None if after is None or before is None else after - before for after, before in zip(new, old, strict=False)
    )
    sample = Sample(subject or "benchmarks", metric, new, old, differences)
    launches = [*reference, *candidate]
    problem = problem or _lacking(sides) or _unlike([(one.path, one.benchmarks[name].subject) for one in launches])
    if problem is None:
        return compare(sample)
    outcome = Outcome.INCONCLUSIVE if metric.gates else Outcome.NOT_GATED
    means = [metric.natural(mean_told(side)) for side in (new, old)]
    return Comparison(sample.subject, metric, outcome, problem, means[0], means[1])


def _lacking(sides: Sequence[Sequence[Benchmark | None]]) -> FilesLackIt | None:
    """Returns the first side, of candidate and reference, not all of whose files have the benchmark."""
    for name, side in zip((CANDIDATE, REFERENCE), sides, strict=True):
        having = sum(one is not None for one in side)
        if having < len(side):
            return FilesLackIt(name, having, len(side))
    return None


def _unlike(told: Sequence[tuple[str, dict[str, str]]]) -> UnlikeFiles | None:
    """Returns how the first file that is unlike `told[0]` differs from it. `told`: (path, properties), by file."""
    path, first = told[0]
    other = next((one for one in told if one[1] != first), None)
    return UnlikeFiles(unlike(first, other[1]), (path, other[0])) if other else None


def _in_turn(reference: Launches, candidate: Launches) -> bool:
    """Tells whether enough launches of both sides alternate and a steady drift would reach both alike; equal times tell
    no order.
    """
    if min(len(reference), len(candidate)) < LEAST_IN_TURN:
        return False
    moments = sorted([(launch.created, 0) for launch in reference] + [(launch.created, 1) for launch in candidate])
    if len({created for created, _ in moments}) < len(moments):
        return False
    order = [side for _, side in moments]
    if any(len(set(order[start : start + MOST_IN_A_ROW + 1])) == 1 for start in range(len(order) - MOST_IN_A_ROW)):
        return False
    means = [statistics.fmean(place for place, which in enumerate(order) if which == side) for side in (0, 1)]
    return abs(means[0] - means[1]) <= MOST_RANKS_APART
