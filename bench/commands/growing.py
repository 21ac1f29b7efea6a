"""Reports that grow launch by launch, or by a comparison of numbers: an environment in turn with a reference."""

import contextlib
import dataclasses
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.commands.messages import say
from bench.commands.plans import numbers_plans, pair_plans
from bench.commands.progress import PhaseProgress
from bench.commands.resume import begun, require_same_launches, require_sides
from bench.commands.sides import side_warnings
from bench.commands.usage import UsageError
from bench.drive.paired import PAIRED_FILE, PairedRequest, measure_paired
from bench.drive.plan import Plan
from bench.judge.bisect import NUMBERS, values_of
from bench.judge.margins import Margins
from bench.judge.metrics import SEARCHED
from bench.record.files import keeper
from bench.record.paired import REFERENCE, PairedRun, Side
from bench.record.survey import folder_name
from bench.report.bisect import cost
from bench.report.values import percent
from lm.workloads.registry import workload

METRICS = (*SEARCHED, NUMBERS)
# Typical seconds of a launch and of a comparison of numbers: the launches of `notebook` in reports/published, on two
# cores, and the three comparisons of docs/bisect.md.
LAUNCH_SECONDS, NUMBERS_SECONDS = 17.5, 50.0


@dataclasses.dataclass
class Growing:
    """The report of one environment of a search, which grows launch by launch."""

    name: str
    path: Path
    run: PairedRun | None = None
    side: Side | None = None  # once it is built

    @property
    def compared(self) -> bool:
        """Tells whether its numbers were compared to the end."""
        return self.run is not None and not self.run.incomplete


@dataclasses.dataclass
class Pace:
    """The time of measurements: a typical one until this command has its own."""

    usual_seconds: float
    budget_minutes: float
    count: int = 0
    seconds: float = 0.0

    @property
    def is_spent(self) -> bool:
        """Tells whether no further measurement may start."""
        return self.seconds >= 60 * self.budget_minutes

    def minutes(self, count: float) -> float:
        """Returns the minutes that so many measurements take."""
        return count * (self.seconds / self.count if self.count else self.usual_seconds) / 60

    def left(self, counts: Sequence[int]) -> str:
        """Returns a line on the measurements that are left: (least, most) of them, or so many."""
        return cost(counts, [self.minutes(count) for count in counts], paced=bool(self.count))

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        """Counts the block as one measurement, and adds its time."""
        began = time.monotonic()
        yield
        self.count, self.seconds = self.count + 1, self.seconds + time.monotonic() - began


@dataclasses.dataclass(frozen=True)
class Measure:
    """The metric that is measured, and how."""

    plan: Plan
    metric: str  # one of METRICS
    margins: Margins
    command_line: Sequence[str]
    disturbed: Sequence[str] = ()  # by what, a line each

    @property
    def numbers(self) -> bool:
        """Tells whether numbers are compared, and nothing is timed."""
        return self.metric == NUMBERS

    def warn(self) -> None:
        """Says what disturbs this machine."""
        for line in self.disturbed:
            say(f"warning: {line}")

    def pace(self, budget_minutes: float) -> Pace:
        """Returns the pace before anything is measured."""
        return Pace(NUMBERS_SECONDS if self.numbers else LAUNCH_SECONDS, budget_minutes)

    def report(self, output: Path, place: int, name: str, *, resume: bool, here: bool = True) -> Growing:
        """Returns the report of one environment of several, with what was measured of it before.

        Raises UsageError for one that another command has begun, or another machine, if it goes on `here`.
        """
        path = output / folder_name(place, name) / PAIRED_FILE
        if not (resume and path.exists()):
            return Growing(name, path)
        return Growing(name, path, begun(PairedRun, path, self.command_line, [self.plan], here=here))

    def origin(self, reports: Iterable[Growing]) -> dict[str, Any]:
        """Returns the command, when it began, and the machines' processors, for programs."""
        runs = [report.run for report in reports if report.run]
        machines = dict.fromkeys(record.machine.cpu_model for run in runs for record in run.records)
        return {
            "command": list(runs[0].command if runs else self.command_line),
            "created": min((run.created for run in runs), default=None),
            "machines": list(machines),
        }

    def values(self, run: PairedRun | None) -> list[float]:
        """Returns the metric's values by launch. Raises UsageError for a metric that no launch measured."""
        values = values_of(run, self.metric, self.margins)
        if not values:
            known = [name for name in workload(self.plan.workload).metrics if name in METRICS and name != self.metric]
            more = f"one of {', '.join(known)}" if known else "another metric"
            raise UsageError(f"launches of this workload don't measure {self.metric} here: name {more}")
        return values

    def last(self, run: PairedRun | None) -> str:
        """Returns a line on the last launch. Raises what `values` does."""
        values = self.values(run)
        return f"launch {len(values)}, {self.metric} {percent(values[-1])}"

    def grow(self, growing: Growing, sides: Mapping[str, Side], progress: PhaseProgress) -> PairedRun:
        """Returns a report's run with one launch more, or with its numbers."""
        only = () if self.numbers else (self.metric,)
        plans, warnings = ({}, ()) if self.numbers else pair_plans(self.plan, only)
        if growing.run:
            require_sides(growing.path, growing.run, sides)
            require_same_launches(growing.path, growing.run, plans)
        oracle, lockstep = numbers_plans(self.plan, sides[REFERENCE]) if self.numbers else (None, None)
        request = PairedRequest(
            sides,
            self.command_line,
            oracle_plan=oracle,
            lockstep_plan=lockstep,
            pair_plans=plans,
            warnings=(*side_warnings(sides), *self.disturbed, *warnings),
            only=only,
            begun=growing.run,
        )
        before = len(growing.run.pairs) if growing.run else 0
        keep = keeper(growing.path, begun=growing.run is not None)
        kinds = tuple(plans)
        return measure_paired(request, keep, progress, lambda run: kinds[0] if len(run.pairs) == before else None)
