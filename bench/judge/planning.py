"""How many launches of each kind a run takes, and of which kind the next one is.

The largest number of launches is fixed by a run's first four of a kind, which count: those of the gating metric that
needs most, as many as the run's budget allows. A PASS takes nine launches of both kinds together (PASS_LAUNCHES), in
which a candidate that is slow in three launches of ten is slow in one at least, in 96% of runs.
"""

import dataclasses
import math
from collections.abc import Callable, Collection, Sequence
from statistics import fmean

from bench.judge.acceptances import tolerated
from bench.judge.ledger import NO_LEDGER
from bench.judge.samples import compare, differences_of, is_settled, whole_pairs
from bench.judge.types import Comparison, Sample
from bench.record.ledger import Ledger
from bench.record.paired import ALL_CORES, ONE_CORE, PairedRun
from bench.stats.outcome import Outcome
from bench.stats.power import planned
from bench.stats.sequential import LOOKS, USUAL_LAUNCHES, LookPlan, launches_of_a_pass


def with_plans(samples: Sequence[Sample], run: PairedRun) -> list[Sample]:
    """Returns a run's samples, each with the plan of its kind of launches."""
    kinds = {pair.cores for pair in run.pairs}
    most, pass_from = affordable(run), launches_of_a_pass(len(kinds))
    plans = {kind: _plan([sample for sample in samples if sample.cores == kind], most, pass_from) for kind in kinds}
    return [
        dataclasses.replace(
            sample, plan=dataclasses.replace(plans.get(sample.cores, sample.plan), first=sample.plan.first)
        )
        for sample in samples
    ]


def affordable(run: PairedRun) -> int:
    """Returns the launches of each kind that the run's budget allows, by the time that the first of each kind took."""
    by_kind = [whole_pairs(run, kind)[: LOOKS[0]] for kind in (ALL_CORES, ONE_CORE)]
    seconds = math.fsum(fmean(pair.seconds for pair in pairs) for pairs in by_kind if pairs)
    return int(60 * run.budget_minutes / seconds) if run.budget_minutes and seconds else LOOKS[-1]


@dataclasses.dataclass(frozen=True)
class SoFar:
    """A run that is still measured, and what may yet change its verdict."""

    run: PairedRun
    samples: Sequence[Sample]
    kinds: Collection[str]  # of launches that are planned
    ledger: Ledger = NO_LEDGER
    every_metric: bool = False  # a REGRESSION doesn't end the run

    def open_kinds(self) -> list[str]:
        """Returns the kinds of which more launches may change something. A REGRESSION that the ledger doesn't accept
        closes all, unless `every_metric` is set.
        """
        if not self.every_metric and _regressed(self.run, self.samples, self.ledger):
            return []
        of_kind = {kind: self._of(kind) for kind in self.kinds}
        return [kind for kind in self.kinds if not (of_kind[kind] and all(map(is_settled, of_kind[kind])))]

    def next_kind(self) -> str | None:
        """Returns the kind of launch to measure next: of the open ones, that with the fewest launches; None once
        nothing is open.
        """
        return min(self.open_kinds(), key=self._count, default=None)

    def seconds_left(self) -> tuple[float, float] | None:
        """Returns the seconds that a PASS takes yet, and the most that plan and budget take, at the pace of the
        launches so far; None before the first launch. Where the budget allows no PASS, the first number is what one
        would take, and is larger than the second. A REGRESSION may end a run sooner: see open_kinds.
        """
        measured = whole_pairs(self.run)
        if not measured:
            return None
        pace = {
            kind: fmean(pair.seconds for pair in whole_pairs(self.run, kind) or measured) for kind in self.open_kinds()
        }

        def seconds(launches: Callable[[str], int]) -> float:
            return math.fsum(pace[kind] * launches(kind) for kind in pace)

        least, most = seconds(self._needed), seconds(self._allowed)
        if self.run.budget_minutes:  # its launches are known once there is one of each kind
            left = 60 * self.run.budget_minutes - math.fsum(pair.seconds for pair in measured)
            most = min(most, max(left, seconds(self._to_first_look)))
        no_pass = any(self._needed(kind) > self._allowed(kind) for kind in pace)
        return least if no_pass else min(least, most), most

    def comparisons(self) -> list[Comparison]:
        """Returns what the samples come to, those of the last launch's kind first."""
        last = self.run.pairs[-1].cores
        return list(map(compare, sorted(self.samples, key=lambda sample: sample.cores != last)))

    def _of(self, kind: str) -> list[Sample]:
        return [sample for sample in self.samples if sample.cores == kind]

    def _count(self, kind: str) -> int:
        return len(whole_pairs(self.run, kind))

    def _needed(self, kind: str) -> int:
        """Returns the launches of an open kind that a PASS needs yet: up to the first look at which there may be one,
        and the next launch in any case.
        """
        count = self._count(kind)
        first = max((one.plan.first for one in self._of(kind) if one.metric.gates), default=0)
        takes = max(launches_of_a_pass(len(self.kinds)), first)
        look = next((look for look in LOOKS if look >= max(count + 1, takes)), self._limit(kind))
        if count >= takes or not count:  # a PASS waits for no launches of that kind, or nobody knows what they take
            look = min(look, self._limit(kind))
        return max(look - count, 1)

    def _allowed(self, kind: str) -> int:
        """Returns the launches of an open kind that plan and budget allow yet, and the next one in any case."""
        return max(self._limit(kind) - self._count(kind), 1)

    def _to_first_look(self, kind: str) -> int:
        return max(LOOKS[0] - self._count(kind), 0)

    def _limit(self, kind: str) -> int:
        """Returns the launches of a kind that plan and budget allow; the first look is taken whatever the budget is."""
        planned_most = max((sample.plan.most for sample in self._of(kind)), default=USUAL_LAUNCHES)
        return min(planned_most, max(affordable(self.run), LOOKS[0]))


def _plan(samples: Sequence[Sample], most: int, pass_from: int) -> LookPlan:
    """Returns the plan of launches of one kind, of which these are the samples."""
    gating = ((sample.metric.margin, differences_of(sample)[: LOOKS[0]]) for sample in samples if sample.metric.gates)
    wanted = [planned(first, margin, most) for margin, first in gating if margin and len(first) == LOOKS[0]]
    return LookPlan(max(wanted, default=USUAL_LAUNCHES), pass_from)


def _regressed(run: PairedRun, samples: Sequence[Sample], ledger: Ledger) -> bool:
    """Tells whether a metric is a REGRESSION that the ledger doesn't accept."""
    compared = [compare(sample) for sample in samples if sample.metric.gates]
    return any(one.outcome is Outcome.REGRESSION for one in tolerated(compared, ledger, run))
