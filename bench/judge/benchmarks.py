"""pytest-benchmark files, one a launch, reference against candidate.

One side measured after the other can't be judged: the machine's drift would be taken for the candidate's. Launches taken in turn, in an
order that favours neither side, are judged as a paired run's are: launch n of one side against launch n of the other.
"""

import dataclasses
import math
import statistics
from collections.abc import Collection, Sequence

from bench.judge.launches import judge_launches
from bench.judge.types import Comparison, Scope, Verdict, overall
from bench.record.benchmarks import BenchmarkLaunch
from bench.stats.outcome import Outcome
from bench.stats.sequential import LOOKS, MOST_GATING

Launches = Sequence[BenchmarkLaunch]
LEAST_IN_TURN = LOOKS[0]  # launches a side, of which ABBA and BAAB make two
MOST_IN_A_ROW = 2  # of one side, so that drift has no long stretch of it
MOST_RANKS_APART = (
    0.5  # of the sides' mean places in the order: 0 for ABBAABBA; 1 for ABABABAB, in which the first always is the same
)
NOT_IN_TURN = (
    f"the sides were not measured in turn, {LEAST_IN_TURN} launches or more of each in a balanced order, "
    "so drift of the machine counts as theirs: take launches as ABBABAAB"
)


def compare_benchmarks(
    reference: Launches, candidate: Launches, margin: float, gating: Collection[str] = ()
) -> Verdict:
    """The verdict on every benchmark, by full name; `margin` a fraction, `gating` the names that gate (none: all).

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
    if len(gating or names) > MOST_GATING:
        raise ValueError(
            f"{len(gating or names)} benchmarks would gate; at most {MOST_GATING} may, since false alarms add up: use --gate"
        )
    reference, candidate = (sorted(side, key=lambda launch: launch.created) for side in (reference, candidate))
    problem = _unlike_machines([*reference, *candidate]) or ("" if _in_turn(reference, candidate) else NOT_IN_TURN)
    comparisons = [
        _compared(name, reference, candidate, math.log1p(margin), name in (gating or names), problem) for name in names
    ]
    return Verdict(overall(comparisons), tuple(comparisons), (), scope=Scope.SPEED)


def _compared(
    name: str, reference: Launches, candidate: Launches, margin: float, gates: bool, problem: str
) -> Comparison:
    """One benchmark; `problem` says what keeps all of them from being judged, "" if nothing."""
    sides = [
        [launch.benchmarks[name] for launch in side if name in launch.benchmarks] for side in (reference, candidate)
    ]
    logarithms = [[math.log(benchmark.median_seconds) for benchmark in side] for side in sides]
    shown = [_shown(statistics.fmean(side)) if side else "–" for side in reversed(logarithms)]
    subject, _, metric = name.rpartition("::")
    unjudged = Outcome.CANNOT_JUDGE if gates else Outcome.INFORMS
    comparison = Comparison(
        subject or "benchmarks", metric, unjudged, shown[0], shown[1], problem, margin=margin, gates=gates
    )
    if problem:
        return comparison
    for side, benchmarks, launches in zip(("reference", "candidate"), sides, (reference, candidate), strict=True):
        if len(benchmarks) < len(launches):
            return dataclasses.replace(
                comparison, note=f"{len(benchmarks)} of the {len(launches)} files of the {side} have it"
            )
    subjects = [benchmark.subject for side in sides for benchmark in side]
    other = next((one for one in subjects if one != subjects[0]), None)
    if other is not None:
        return dataclasses.replace(
            comparison, note=f"the files are of unlike things ({_difference(subjects[0], other)})"
        )
    return judge_launches(comparison, logarithms[0], logarithms[1], margin, _shown)


def _shown(logarithm: float) -> str:
    return f"{1000 * math.exp(logarithm):.3f} ms"


def _unlike_machines(launches: Launches) -> str:
    first = launches[0]
    other = next((launch for launch in launches if launch.machine != first.machine), None)
    if other is None:
        return ""
    return (
        f"the files are of unlike machines ({_difference(first.machine, other.machine)}): {first.path} and {other.path}"
    )


def _difference(one: dict[str, str], other: dict[str, str]) -> str:
    keys = [key for key in dict.fromkeys([*one, *other]) if one.get(key) != other.get(key)]
    return "; ".join(f"{key} {one.get(key, 'unknown')} in one, {other.get(key, 'unknown')} in another" for key in keys)


def _in_turn(reference: Launches, candidate: Launches) -> bool:
    """Whether enough launches of both sides alternate and a steady drift would reach both alike; equal times tell no order."""
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
