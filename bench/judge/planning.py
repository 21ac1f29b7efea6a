"""How many launches of each kind a run takes, and of which kind the next one is.

The largest number of launches is fixed by a run's first four of a kind, which count: those of the gating metric that
needs most, as many as the run's budget allows. A PASS takes nine launches of both kinds together (PASS_LAUNCHES), in
which a candidate that is slow in three launches of ten is slow in one at least, in 95% of runs.
"""

import dataclasses
import math
from collections.abc import Collection, Sequence
from statistics import fmean

from bench.judge.acceptances import tolerated
from bench.judge.ledger import NO_LEDGER
from bench.judge.samples import compare, differences_of, is_settled, whole_pairs
from bench.judge.types import Comparison, Sample
from bench.record.ledger import Ledger
from bench.record.paired import ALL_CORES, ONE_CORE, PairedRun
from bench.stats.outcome import Outcome
from bench.stats.power import planned
from bench.stats.sequential import LOOKS, PASS_LAUNCHES, USUAL_LAUNCHES, Plan


def with_plans(samples: Sequence[Sample], run: PairedRun) -> list[Sample]:
    """Returns a run's samples, each with the plan of its kind of launches."""
    kinds = {pair.cores for pair in run.pairs}
    most, pass_from = affordable(run), math.ceil(PASS_LAUNCHES / max(len(kinds), 1))
    plans = {kind: _plan([sample for sample in samples if sample.cores == kind], most, pass_from) for kind in kinds}
    return [dataclasses.replace(sample, plan=plans.get(sample.cores, sample.plan)) for sample in samples]


def affordable(run: PairedRun) -> int:
    """Returns the launches of each kind that the run's budget allows, by the time that the first of each kind took."""
    by_kind = [whole_pairs(run, kind)[: LOOKS[0]] for kind in (ALL_CORES, ONE_CORE)]
    seconds = math.fsum(fmean(pair.seconds for pair in pairs) for pairs in by_kind if pairs)
    return int(60 * run.budget_minutes / seconds) if run.budget_minutes and seconds else LOOKS[-1]


def next_kind(
    run: PairedRun,
    samples: Sequence[Sample],
    kinds: Collection[str],
    ledger: Ledger = NO_LEDGER,
    *,
    every_metric: bool = False,
) -> str | None:
    """Returns the kind of launch to measure next: of those that may still change something, the one with the fewest
    launches; None once nothing is open. A REGRESSION that the ledger doesn't accept closes all kinds, unless
    `every_metric` is set.
    """
    left = _open(run, samples, kinds, ledger, every_metric=every_metric)
    return min(left, key=lambda kind: len(whole_pairs(run, kind)), default=None)


def seconds_left(
    run: PairedRun,
    samples: Sequence[Sample],
    kinds: Collection[str],
    ledger: Ledger = NO_LEDGER,
    *,
    every_metric: bool = False,
) -> tuple[float, float] | None:
    """Returns the seconds that a PASS takes yet, and the most that plan and budget take, at the pace of the launches so
    far; None before the first launch. Where the budget allows no PASS, the first number is what one would take, and is
    larger than the second. A REGRESSION may end a run sooner: see next_kind.
    """
    measured = whole_pairs(run)
    if not measured:
        return None
    least, most, needed, fits = 0.0, 0.0, 0.0, True  # needed: by the first look, whatever the budget is
    for kind in _open(run, samples, kinds, ledger, every_metric=every_metric):
        pairs, of_kind = whole_pairs(run, kind), [sample for sample in samples if sample.cores == kind]
        most_planned = max((sample.plan.most for sample in of_kind), default=USUAL_LAUNCHES)
        limit = min(most_planned, max(affordable(run), LOOKS[0]))
        proof = max(len(pairs) + 1, math.ceil(PASS_LAUNCHES / len(kinds)))
        look = next((look for look in LOOKS if look >= proof), limit)
        fits &= look <= limit or len(pairs) >= math.ceil(PASS_LAUNCHES / len(kinds)) or not pairs
        pace = fmean(pair.seconds for pair in pairs or measured)
        needed += pace * max(LOOKS[0] - len(pairs), 0)
        most += pace * max(limit - len(pairs), 1)
        least += pace * max((look if look > limit and not fits else min(look, limit)) - len(pairs), 1)
    if run.budget_minutes:  # its launches are known once there is one of each kind
        left = max(60 * run.budget_minutes - math.fsum(pair.seconds for pair in measured), needed)
        most = min(most, left)
    return least if not fits else min(least, most), most


def so_far(
    run: PairedRun,
    samples: Sequence[Sample],
    kinds: Collection[str],
    ledger: Ledger = NO_LEDGER,
    *,
    every_metric: bool = False,
) -> tuple[list[Comparison], tuple[float, float] | None]:
    """Returns the comparisons of a run that goes on, those of its last launch's kind first, and `seconds_left`."""
    last_first = sorted(samples, key=lambda sample: sample.cores != run.pairs[-1].cores)
    return list(map(compare, last_first)), seconds_left(run, samples, kinds, ledger, every_metric=every_metric)


def _open(
    run: PairedRun, samples: Sequence[Sample], kinds: Collection[str], ledger: Ledger, *, every_metric: bool
) -> list[str]:
    """Returns the kinds of which more launches may change something."""
    if not every_metric and _regressed(run, samples, ledger):
        return []
    of_kind = {kind: [sample for sample in samples if sample.cores == kind] for kind in kinds}
    return [kind for kind in kinds if not (of_kind[kind] and all(map(is_settled, of_kind[kind])))]


def _plan(samples: Sequence[Sample], most: int, pass_from: int) -> Plan:
    """Returns the plan of launches of one kind, of which these are the samples."""
    gating = ((sample.metric.margin, differences_of(sample)[: LOOKS[0]]) for sample in samples if sample.metric.gates)
    wanted = [planned(first, margin, most) for margin, first in gating if margin and len(first) == LOOKS[0]]
    return Plan(max(wanted, default=USUAL_LAUNCHES), pass_from)


def _regressed(run: PairedRun, samples: Sequence[Sample], ledger: Ledger) -> bool:
    """Tells whether a metric is a REGRESSION that the ledger doesn't accept."""
    compared = [compare(sample) for sample in samples if sample.metric.gates]
    return any(one.outcome is Outcome.REGRESSION for one in tolerated(compared, ledger, run))
