"""Micro-benchmarks of a candidate against the reference's, measured in turn. The launch is the sample.

Of a benchmark's launch the median round counts. Launch n of one side pairs with launch n of the other; their log
ratios, less the ratio that the ledger accepted last, are decided as all launches in turn are (bench.judge.samples).
"""

import math
from collections.abc import Iterator, Sequence

from bench.judge.acceptances import not_accepted, tolerated
from bench.judge.ledger import (
    LedgerError,
    accepted_ratio,
    make_entry,
    ratio_of,
    require_acceptable,
)
from bench.judge.notices import NothingGates, Told, UnlikeSettings
from bench.judge.reasons import CandidateFailed, OneSideAlone, Reason, TooFewLaunches
from bench.judge.reports import incomplete
from bench.judge.samples import compare, is_settled
from bench.judge.types import Comparison, Direction, Estimator, Metric, Question, Sample, Scale, Unit, Verdict, overall
from bench.record.ledger import Entry, Ledger, Ratio
from bench.record.micro import MicroCase, MicroLaunch, MicroRun
from bench.record.paired import CANDIDATE, REFERENCE
from bench.stats.outcome import Outcome
from bench.stats.sequential import LOOKS, MOST_GATING, Plan

Launches = Sequence[MicroLaunch]

# At most these eight gate, of the first configuration, implementation and device, in a graph; or the first eight units
# of workloads. The rest is shown alone.
GATING = ("forward", "gradient", "clip", "update", "step", "evaluation", "fit", "predict")
LEAST_LAUNCHES = LOOKS[0]
LAUNCHES = Metric("launches", Unit.NONE, Direction.EQUAL, Estimator.EXACT, Scale.LINEAR)  # of a candidate that fails


class UnlikeError(ValueError):
    """Two sides that have nothing in common to compare."""


def judge_micro(run: MicroRun, reference: Launches, candidate: Launches, margin: float, ledger: Ledger) -> Verdict:
    """Judges a report's launches. `margin` is on the logarithmic scale. Raises UnlikeError.

    A launch that one side alone has doesn't count. Dates in the ledger are compared with the run's own.
    """
    pairs = min(len(reference), len(candidate))
    comparisons = []
    if run.failure:
        reason = CandidateFailed(pairs, run.failure.message)
        comparisons.append(Comparison("hot paths", LAUNCHES, Outcome.REGRESSION, reason))
    warnings: list[Reason] = list(map(Told, run.warnings))
    if pairs:
        judged = _judge_pairs(run, reference[:pairs], candidate[:pairs], margin, ledger)
        comparisons += tolerated(judged, ledger, run)
        warnings += not_accepted(comparisons, ledger, run)
        warnings += _warnings(reference[:pairs], candidate[:pairs])
    failures = tuple(incomplete(run))
    return Verdict(Question.MICRO, overall(comparisons, failures), tuple(comparisons), tuple(warnings), failures)


def decided(run: MicroRun, reference: Launches, candidate: Launches, margin: float, ledger: Ledger) -> bool:
    """Tells whether both sides have as many launches and more would change no benchmark that gates.

    Where none gates, the first look has all that there is to see.
    """
    if not len(reference) == len(candidate) >= LEAST_LAUNCHES:
        return False
    samples = _samples(run, reference, candidate, margin, ledger)
    return all(is_settled(sample) for sample in samples if sample.metric.gates)


def _samples(run: MicroRun, reference: Launches, candidate: Launches, margin: float, ledger: Ledger) -> list[Sample]:
    """Returns every benchmark that all launches have, in log seconds of the median round. Raises UnlikeError."""
    names, gating = common(reference, candidate), gates(reference[0])
    return [_sample(run, name, reference, candidate, (margin, name in gating), ledger) for name in names]


def entry_of_micro(run: MicroRun, reference: Launches, candidate: Launches, ledger: Ledger, reason: str) -> Entry:
    """Returns the ledger's entry of a report's candidate.

    A candidate that is the reference itself has no ratios: each is 1. Raises LedgerError for a reference that isn't the
    ledger's, a report that isn't whole and one of too few launches; and UnlikeError.
    """
    if run.failure:
        raise LedgerError("the candidate failed: there is no ratio to accept")
    require_acceptable(run, len(candidate), ledger)
    versions = [next(iter(side[0].cases.values())).tensorflow for side in (candidate, reference)]
    return make_entry(run, run.machine, versions, _ratios(reference, candidate), reason)


def _ratios(reference: Launches, candidate: Launches) -> Iterator[Ratio]:
    """Yields the ratio of every benchmark that all launches have, two of each side or more. Raises UnlikeError."""
    for name in common(reference, candidate):
        one = candidate[0].cases[name]
        yield ratio_of(one.subject, one.metric, _log_ratios(name, reference, candidate))


def gates(launch: MicroLaunch) -> frozenset[str]:
    """Returns the names of the benchmarks that gate."""
    graphs = [
        one
        for one in launch.cases.values()
        if one.workload or (one.mode == "graph" and one.target in GATING and one.form != "dense")
    ]
    first = graphs[0].subject if graphs else ""
    return frozenset([one.name for one in graphs if one.workload or one.subject == first][:MOST_GATING])


def common(*sides: Launches) -> tuple[str, ...]:
    """Returns the names of the benchmarks that every launch has, in order.

    Raises UnlikeError for none, or for one name with two meanings.
    """
    first = sides[0][0]
    launches = [launch for side in sides for launch in side]
    names = tuple(name for name in first.cases if all(name in launch.cases for launch in launches))
    if not names:
        raise UnlikeError(f"{first.path} and {launches[-1].path} have no benchmark in common")
    for launch in launches:
        for name in names:
            old, new = first.cases[name].fingerprint, launch.cases[name].fingerprint
            if old != new:
                raise UnlikeError(
                    f"{name} is of another model or data in {launch.path} ({new}) than in {first.path} ({old})"
                )
    return names


def _judge_pairs(
    run: MicroRun, reference: Launches, candidate: Launches, margin: float, ledger: Ledger
) -> list[Comparison]:
    samples = _samples(run, reference, candidate, margin, ledger)
    names, gating = common(reference, candidate), gates(reference[0])
    lacking = [(side, one) for side, one in _lacking(reference, candidate, names) if one.name in gating]
    return [*map(compare, samples), *(_one_sided(one, side, margin) for side, one in lacking)]


def _sample(
    run: MicroRun, name: str, reference: Launches, candidate: Launches, margin: tuple[float, bool], ledger: Ledger
) -> Sample:
    """Returns a benchmark's launches; `margin`: on the logarithmic scale, and whether it gates."""
    one = candidate[0].cases[name]
    accepted = accepted_ratio(ledger, run.reference.setup, one.subject, one.metric)
    new, old = (_logarithms(name, side) for side in (candidate, reference))
    differences = tuple(after - before - accepted for after, before in zip(new, old, strict=False))
    plan = Plan(min(run.launches, LOOKS[-1]))
    metric = _metric(one.metric, *margin)
    return Sample(one.subject, metric, tuple(new), tuple(old), differences, accepted, plan=plan)


def _metric(name: str, margin: float, gates: bool) -> Metric:
    return Metric(name, Unit.SECONDS, Direction.LOWER, Estimator.MEDIAN_ROUND, margin=margin, gates=gates)


def _lacking(reference: Launches, candidate: Launches, names: Sequence[str]) -> list[tuple[str, MicroCase]]:
    """Returns (the side that has it, the case) of what one side alone has, or not in all of its launches."""
    sides = ((REFERENCE, reference), (CANDIDATE, candidate))
    found = {name: (side, one) for side, launches in sides for launch in launches for name, one in launch.cases.items()}
    return [pair for name, pair in found.items() if name not in names]


def _one_sided(one: MicroCase, side: str, margin: float) -> Comparison:
    return Comparison(one.subject, _metric(one.metric, margin, True), Outcome.INCONCLUSIVE, OneSideAlone(side))


def _warnings(reference: Launches, candidate: Launches) -> list[Reason]:
    """Returns what holds for all benchmarks, each thing once."""
    found: list[Reason] = []
    old, new = (next(iter(side[0].cases.values())).settings for side in (reference, candidate))
    if old != new:
        found.append(UnlikeSettings(old, new))
    if len(reference) < LEAST_LAUNCHES:
        found.append(TooFewLaunches(len(reference), LEAST_LAUNCHES))
    if not gates(reference[0]):
        found.append(NothingGates(GATING))
    return found


def _log_ratios(name: str, reference: Launches, candidate: Launches) -> list[float]:
    """Returns the log ratios, candidate over reference, by launch."""
    pairs = zip(_logarithms(name, reference), _logarithms(name, candidate), strict=True)
    return [new - old for old, new in pairs]


def _logarithms(name: str, launches: Launches) -> list[float]:
    return [math.log(launch.cases[name].median_seconds) for launch in launches]
