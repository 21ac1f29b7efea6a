"""A paired run: both sides against the oracle and in lockstep, then pairs of launches until the judge has enough."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from bench.drive.launch import Launch, measure_launch
from bench.drive.lockstep import lockstep_or_failure, run_lockstep
from bench.drive.pair import PairPlan, import_once, measure_pair
from bench.drive.patience import Deadlines, Patience
from bench.drive.plan import Plan
from bench.drive.repeats import twice
from bench.drive.sized import sized
from bench.drive.watch import warned
from bench.machine import now
from bench.record.failed import FailedError
from bench.record.lockstep import Lockstep
from bench.record.paired import CANDIDATE, REFERENCE, PairedRun, Side
from bench.record.repeats import failed_for_good, to_repeat
from bench.record.types import OWN_CODE, SCHEMA, THE_MACHINE_S, Failure, Record

PAIRED_FILE = "paired.json"
JITTER_BASE = 2000  # of the first pair; a run's launches and a baseline's replicas are other trainings


@dataclasses.dataclass(frozen=True)
class PairedRequest:
    """A paired run that is asked for."""

    sides: Mapping[str, Side]  # by role
    command: Sequence[str]
    oracle_plan: Plan | None = None  # each side's launch checked against the oracle; None: none
    lockstep_plan: Plan | None = None  # None: none
    pair_plans: Mapping[str, PairPlan] = dataclasses.field(default_factory=dict)  # by kind; none: nothing is timed
    warnings: Sequence[str] = ()
    budget_minutes: float | None = None  # that the pairs may take
    only: tuple[str, ...] = ()  # names of the metrics that gate; none: all that have a margin
    margin: float | None = None  # of step times, a fraction; None: those of the margins file
    begun: PairedRun | None = None  # what an interrupted command has measured of it
    created: str = dataclasses.field(default_factory=now)  # ISO 8601, UTC; the report's of which the run is a part


class Listener(Protocol):
    """Hears how a run goes on."""

    def phase(self, name: str, total: int) -> None:
        """Hears that something begins that takes `total` steps."""

    def step(self, done: int) -> None:
        """Hears that `done` steps of it are over."""

    def pair(self, run: PairedRun) -> None:
        """Hears that a launch is over, the last of the run so far."""


def measure_paired(
    request: PairedRequest,
    keep: Callable[[PairedRun], None],
    listener: Listener,
    wanted: Callable[[PairedRun], str | None],
    patience: Patience | None = None,
) -> PairedRun:
    """Measures what is asked for; pairs of the kind that is `wanted` next are added until it is None.

    `keep` gets what there is at first, after each step and last; what was begun is not measured again. What fails is
    measured once more, and ends the run if it fails again: what is to come would fail alike. A user's own file that
    raises ends it at once. `patience` notes the reference's times. Raises what `keep` raises, WorkerError where an
    interpreter of a pair can't be started, or a user's own file was changed, FailedError where what was begun ends at a
    failed launch of a kind that has no plan any more.
    """
    made = _Upgrade(request, keep, listener, patience or Patience())
    made.add()
    if plan := request.oracle_plan:
        for name in (REFERENCE, CANDIDATE)[len(made.run.oracle) :]:
            if any(record.failure and record.failure.kind == OWN_CODE for record in made.run.oracle):
                break
            made.check(name, plan)
    if request.lockstep_plan and not made.run.lockstep and not made.run.numbers_failures:
        made.compare(request.lockstep_plan)
    if request.pair_plans and not made.run.numbers_failures:
        plans = sized(request.pair_plans, request.sides[REFERENCE], made.run)
        while kind := _next_kind(made.run, wanted):
            if kind not in plans:
                raise FailedError(
                    f"the launch on {kind} that failed can't be repeated: no core can be pinned here any more"
                )
            import_once(plans[kind].plan, request.sides, made.patience)
            made.launch(plans[kind])
            listener.pair(made.run)
    keep(made.run)
    return made.run


class _Upgrade:
    """A paired run so far, which is kept after each step."""

    def __init__(
        self, request: PairedRequest, keep: Callable[[PairedRun], None], listener: Listener, patience: Patience
    ) -> None:
        self.run = _begun(request)
        self.patience = patience
        self._request, self._keep, self._listener = request, keep, listener

    def add(self, warnings: Sequence[str] = (), **changes: Any) -> None:
        """Adds warnings, and replaces fields of the run."""
        self.run = dataclasses.replace(self.run, warnings=(*self.run.warnings, *warnings), **changes)
        over = self.run.launches
        launches = "1 launch" if over == 1 else f"{over} launches"
        when = f"after {launches}" if self._request.pair_plans else "before all of its numbers were checked"
        self._keep(dataclasses.replace(self.run, incomplete=f"the run was interrupted {when}"))

    def check(self, name: str, plan: Plan) -> None:
        """Compares a side with the oracle."""
        sides = self._request.sides
        what = f"{name}'s numbers against the reference's float64" if plan.own else f"{name} against the oracle"

        def checked() -> Record:
            self._listener.phase(what, plan.steps)
            launch, deadlines = Launch(0, numerics=True), Deadlines(self.patience, name)
            return measure_launch(plan, launch, sides[name], self._listener.step, deadlines, author=sides[REFERENCE])

        record, warnings = twice(what, checked, lambda record: record.failure, _is_the_machine_s)
        self.add(warnings, oracle=(*self.run.oracle, record))

    def compare(self, plan: Plan) -> None:
        """Compares the sides in lockstep."""

        def compared() -> Lockstep:
            self._listener.phase("lockstep", plan.steps)
            return run_lockstep(plan, self._request.sides, self._listener.step, self.patience)

        found, warnings = lockstep_or_failure(compared)
        if isinstance(found, Failure):
            self.add(warnings, lockstep_failure=found)
        else:
            self.add(warnings, lockstep=found)

    def launch(self, plan: PairPlan) -> None:
        """Adds a pair of launches."""
        before = self.run.pairs
        number = before[-1].launch + (0 if to_repeat(before) else 1) if before else 0
        turn = len({pair.launch for pair in before if pair.cores == plan.kind and pair.launch < number})
        self._listener.phase(f"launch {number + 1}, {plan.kind}", plan.blocks.quads)
        jitter, sides = JITTER_BASE + number, self._request.sides
        pair = measure_pair(plan, number, turn, jitter, sides, self._listener.step, self.patience)
        pairs = (*before, pair)
        shares = ({f"launch {one.launch + 1}": one.others_cpu for one in of} for of in (before, pairs))
        self.run = dataclasses.replace(self.run, warnings=warned(self.run.warnings, *shares))
        self.add(pairs=pairs)


def _is_the_machine_s(record: Record) -> bool:
    return record.failure is not None and record.failure.kind in THE_MACHINE_S


def _next_kind(run: PairedRun, wanted: Callable[[PairedRun], str | None]) -> str | None:
    """Returns the kind of the next launch: that of one to be repeated, or else what is wanted; None for no more."""
    if failed_for_good(run.pairs):
        return None
    return run.pairs[-1].cores if to_repeat(run.pairs) else wanted(run)


def _begun(request: PairedRequest) -> PairedRun:
    """Returns what there is before anything is measured."""
    if request.begun:
        warnings = dict.fromkeys((*request.begun.warnings, *request.warnings))
        return dataclasses.replace(request.begun, incomplete="", warnings=tuple(warnings))
    return PairedRun(
        schema=SCHEMA,
        created=request.created,
        command=tuple(request.command),
        reference=request.sides[REFERENCE],
        candidate=request.sides[CANDIDATE],
        pairs=(),
        oracle=(),
        lockstep=None,
        warnings=tuple(request.warnings),
        budget_minutes=request.budget_minutes,
        only=request.only,
        margin=request.margin,
    )
