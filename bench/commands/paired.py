"""One workload in one configuration, measured on two sides to its end: for `upgrade`, `gate` and `survey`."""

import argparse
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.commands.plans import gating, numbers_plans, pair_plans
from bench.commands.progress import UpgradeProgress
from bench.commands.resume import begun, other_cpus, require_same_launches, require_sides
from bench.commands.usage import UsageError
from bench.drive.paired import PairedRequest, measure_paired
from bench.drive.patience import Patience
from bench.drive.plan import Plan
from bench.judge.gate import Standards
from bench.judge.metrics import STEP_TIMES
from bench.judge.paired import paired_samples
from bench.judge.planning import SoFar
from bench.judge.types import Sample
from bench.record.files import keeper
from bench.record.ledger import Ledger
from bench.record.paired import REFERENCE, PairedRun, Side


@dataclasses.dataclass(frozen=True)
class Extent:
    """The extent of a comparison: which parts of two sides are measured, and for how long."""

    numerics: bool  # the oracle and lockstep
    speed: bool
    only: tuple[str, ...]  # metrics that are judged alone; none: all
    budget_minutes: float
    resume: bool  # go on from what is there
    command_line: Sequence[str]
    margin: float | None  # of step times; None: those of the margins file
    every_metric: bool  # a REGRESSION doesn't end the launches

    def measure(
        self, plan: Plan, path: Path, sides: Mapping[str, Side], standards: Standards, warnings: Sequence[str]
    ) -> PairedRun:
        """Measures a workload in a configuration, and keeps the run in a file."""
        stored = None
        if self.resume and path.exists():
            stored = begun(PairedRun, path, self.command_line, [plan])
            require_sides(path, stored, sides)
        keep = keeper(path, begun=stored is not None)
        margins = dataclasses.replace(standards.margins, step_times=self.margin)
        plans, unpinned = pair_plans(plan, self.only or gating(plan, margins)) if self.speed else ({}, ())
        moved: tuple[str, ...] = ()
        if stored:
            require_same_launches(path, stored, plans)
            moved = other_cpus(stored) if plans else ()
        oracle, lockstep = numbers_plans(plan, sides[REFERENCE]) if self.numerics else (None, None)
        request = PairedRequest(
            sides,
            self.command_line,
            oracle_plan=oracle,
            lockstep_plan=lockstep,
            pair_plans=plans,
            warnings=(*warnings, *unpinned, *moved),
            budget_minutes=self.budget_minutes,
            only=self.only,
            margin=self.margin,
            begun=stored,
        )
        return measured_until_decided(
            request,
            keep,
            lambda run: paired_samples(run, standards.margins),
            standards.ledger,
            every_metric=self.every_metric,
        )


def extent_request(options: argparse.Namespace, only: Sequence[str] = (), *, every_metric: bool = False) -> Extent:
    """Makes the request of --speed-only, --numerics-only, --margin, --budget and --resume.

    Raises UsageError for a margin where no step is timed.
    """
    timed = not options.numerics_only and (not only or bool({*only} & {*STEP_TIMES}))
    if options.margin and not timed:
        raise UsageError("--margin is of step times, which are not measured here: leave it out")
    return Extent(
        numerics=not (options.speed_only or only),
        speed=not options.numerics_only,
        only=tuple(only),
        budget_minutes=options.budget,
        resume=options.resume,
        command_line=options.command_line,
        margin=options.margin,
        every_metric=every_metric,
    )


def measured_until_decided(
    request: PairedRequest,
    keep: Callable[[PairedRun], None],
    samples: Callable[[PairedRun], list[Sample]],
    ledger: Ledger,
    patience: Patience | None = None,
    *,
    every_metric: bool = False,
) -> PairedRun:
    """Measures launches until the judge has seen enough of their `samples`, and shows how that goes on.

    `every_metric`: a REGRESSION doesn't end them.
    """

    def so_far(run: PairedRun) -> SoFar:
        return SoFar(run, samples(run), request.pair_plans, ledger, every_metric)

    with UpgradeProgress(so_far) as progress:
        return measure_paired(request, keep, progress, lambda run: so_far(run).next_kind(), patience)
