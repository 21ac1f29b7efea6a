"""Micro-benchmarks of a candidate against the reference's, measured in turn. The launch is the sample.

Of a benchmark's launch the median round counts. Launch n of one side pairs with launch n of the other; their log
ratios, less the ratio that the ledger accepted last, are decided as all launches in turn are (bench.judge.samples).
"""

import math
from collections.abc import Sequence

from bench.judge.acceptances import not_accepted, tolerated
from bench.judge.ledger import (
    NO_LEDGER,
    LedgerError,
    accepted_ratio,
    is_foreign,
    make_entry,
    of_models,
    require_acceptable,
)
from bench.judge.notices import ForeignReference, NothingGates, Told, UnlikeSettings
from bench.judge.reasons import CandidateFailed, LaunchesLackIt, Reason, TooFewLaunches
from bench.judge.reports import incomplete
from bench.judge.samples import compare, is_settled
from bench.judge.types import Comparison, Direction, Estimator, Metric, Question, Sample, Scale, Unit, Verdict
from bench.record.ledger import Entry, Ledger
from bench.record.micro import Micro, MicroCase, MicroLaunch
from bench.stats.outcome import Outcome
from bench.stats.sequential import LOOKS, MOST_GATING, LookPlan

# These targets gate, in graph mode, for the first configuration, implementation and device asked for; of workloads, the
# first eight units gate. All else is only shown.
GATING = ("forward", "gradient", "clip", "update", "step", "evaluation", "fit", "predict")
LAUNCHES = Metric("launches", Unit.NONE, Direction.EQUAL, Estimator.EXACT, Scale.LINEAR)  # of a candidate that fails


class UnlikeError(ValueError):
    """Two sides that have nothing in common to compare."""


def judge_micro(report: Micro, margin: float, ledger: Ledger) -> Verdict:
    """Judges a report's launches. `margin` is on the logarithmic scale. Raises UnlikeError.

    A launch that one side alone has doesn't count. Dates in the ledger are compared with the run's own.
    """
    run, pairs = report.run, min(len(report.reference), len(report.candidate))
    comparisons = []
    if run.failure:
        reason = CandidateFailed(pairs, run.failure.message)
        comparisons.append(Comparison("hot paths", LAUNCHES, Outcome.REGRESSION, reason))
    warnings: list[Reason] = list(map(Told, run.warnings))
    if pairs:
        whole = report._replace(reference=report.reference[:pairs], candidate=report.candidate[:pairs])
        judged = [*map(compare, _samples(whole, margin, ledger)), *_lacking(whole, margin)]
        comparisons += tolerated(judged, ledger, report)
        warnings += not_accepted(comparisons, ledger, report)
        if is_foreign(ledger, run.reference.setup):
            warnings.append(ForeignReference(run.reference.requested, run.reference.setup))
        warnings += _warnings(whole)
    return Verdict(Question.MICRO, tuple(comparisons), tuple(warnings), tuple(incomplete(run)))


def settled(report: Micro, margin: float, ledger: Ledger) -> bool:
    """Tells whether both sides have as many launches and more would change no benchmark that gates.

    Where none gates, the first look has all that there is to see.
    """
    if not len(report.reference) == len(report.candidate) >= LOOKS[0]:
        return False
    return all(is_settled(sample) for sample in _samples(report, margin, ledger) if sample.metric.gates)


def entry_of_micro(report: Micro, ledger: Ledger, reason: str) -> Entry:
    """Returns the ledger's entry of a report's candidate.

    A candidate that is the reference itself has no ratios: each is 1. Raises LedgerError for a reference that isn't the
    ledger's, a report that isn't whole and one of too few launches; and UnlikeError.
    """
    run, reference, candidate = report
    if run.failure:
        raise LedgerError("the candidate failed: there is no ratio to accept")
    require_acceptable(run, len(candidate), ledger)
    versions = [side[0].first.tensorflow for side in (candidate, reference)]
    return make_entry(report, run.machine, versions, _samples(report), reason)


def gates(launch: MicroLaunch) -> frozenset[str]:
    """Returns the names of the benchmarks that gate."""
    graphs = [
        one
        for one in launch.cases.values()
        if one.workload or (one.mode == "graph" and one.target in GATING and one.form != "dense")
    ]
    gating = [one.name for one in graphs if one.workload or one.subject == (one.first or graphs[0].subject)]
    return frozenset(gating[:MOST_GATING])


def common(*sides: Sequence[MicroLaunch]) -> tuple[str, ...]:
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


def _samples(report: Micro, margin: float | None = None, ledger: Ledger = NO_LEDGER) -> list[Sample]:
    """Returns every benchmark that all launches have, in log seconds of the median round. Raises UnlikeError."""
    run, reference, candidate = report
    ledger = of_models(ledger, report)
    last = max((look for look in LOOKS if look <= run.launches), default=LOOKS[0])
    gating, plan, found = gates(reference[0]), LookPlan(last), []
    for name in common(reference, candidate):
        case = candidate[0].cases[name]
        accepted = accepted_ratio(ledger, run.reference.setup, case.subject, case.metric)
        new, old = (tuple(math.log(one.cases[name].median_seconds) for one in side) for side in (candidate, reference))
        differences = tuple(after - before - accepted for after, before in zip(new, old, strict=True))
        metric = _metric(case, margin, gates=name in gating)
        found.append(Sample(case.subject, metric, new, old, differences, accepted, plan=plan))
    return found


def _lacking(report: Micro, margin: float) -> list[Comparison]:
    """Returns the benchmarks that gate and that some launches lack: they can't be judged."""
    first, launches = report.reference[0], [*report.reference, *report.candidate]
    gating = gates(first)
    cases = [case for name, case in first.cases.items() if name in gating]
    lacking = [(case, sum(case.name not in launch.cases for launch in launches)) for case in cases]
    return [
        Comparison(case.subject, _metric(case, margin), Outcome.INCONCLUSIVE, LaunchesLackIt(count, len(launches)))
        for case, count in lacking
        if count
    ]


def _metric(case: MicroCase, margin: float | None, *, gates: bool = True) -> Metric:
    return Metric(case.metric, Unit.SECONDS, Direction.LOWER, Estimator.MEDIAN_ROUND, margin=margin, gates=gates)


def _warnings(report: Micro) -> list[Reason]:
    """Returns what holds for all benchmarks, each thing once."""
    found: list[Reason] = []
    _, reference, candidate = report
    one, other = reference[0].first, candidate[0].first
    old, new = one.settings(other), other.settings(one)
    if old != new:
        found.append(UnlikeSettings(old, new))
    if len(reference) < LOOKS[0]:
        found.append(TooFewLaunches(len(reference), LOOKS[0]))
    if not gates(reference[0]):
        found.append(NothingGates(GATING))
    return found
