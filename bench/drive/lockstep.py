"""Lockstep: reference and candidate take the same step from the reference's weights and state, again and again.

Three processes: the two sides, and a referee in this orchestrator's interpreter that compares what they publish. They
work in turn, so that a side's own step is timed alone.
"""

import contextlib
import dataclasses
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping

from bench.drive.folders import shared_folder
from bench.drive.opening import describe, open_model, started
from bench.drive.patience import Deadlines, Patience
from bench.drive.plan import Plan
from bench.drive.process import Worker, WorkerError
from bench.drive.repeats import twice
from bench.record.lockstep import Compared, Difference, Lockstep, Prepared, TensorDifferences
from bench.record.paired import CANDIDATE, REFERENCE, Side
from bench.record.replies import Description, Opened, Published
from bench.record.types import NO_ORACLE, NOT_THE_CANDIDATE_S, Failure


@dataclasses.dataclass
class _SoFar:
    """The steps and messages of a comparison so far: they outlive the candidate's failure."""

    candidate: Description | None = None
    opened: Opened | None = None
    compared: list[Compared] = dataclasses.field(default_factory=list)
    seconds: dict[str, float] = dataclasses.field(default_factory=lambda: {REFERENCE: 0.0, CANDIDATE: 0.0})
    wall_seconds: float = 0.0
    failure: Failure | None = None

    @contextlib.contextmanager
    def failing(self) -> Iterator[None]:
        """Notes that the candidate fails in the block, where the reference, which goes first, has not."""
        try:
            yield
        except WorkerError as error:
            if error.failure.kind in NOT_THE_CANDIDATE_S:
                raise  # nothing to judge
            self.failure = error.failure


def lockstep_or_failure(compare: Callable[[], Lockstep]) -> tuple[Lockstep | Failure, list[str]]:
    """Returns what `run_lockstep` does, or why it could not be done, tried again if it failed; and a warning if it
    didn't fail again.

    Where another than the candidate failed in either try, or the machine, that is the failure.
    """

    def compared() -> Lockstep | Failure:
        try:
            return compare()
        except WorkerError as error:
            return error.failure

    return twice("lockstep", compared, _failure_of, lambda found: isinstance(found, Failure))


def _failure_of(found: Lockstep | Failure) -> Failure | None:
    return found if isinstance(found, Failure) else found.failure


def run_lockstep(
    plan: Plan,
    sides: Mapping[str, Side],
    on_step: Callable[[int], None] = lambda steps: None,
    patience: Patience | None = None,
) -> Lockstep:
    """Compares `plan.steps` steps of two sides by role; `on_step` hears how many are done.

    A failure of the candidate is a field of the result.
    Raises WorkerError where the reference or the referee fails, and where the candidate's interpreter has no TensorFlow
    to judge, or its disk is full.
    """
    patience = patience or Patience()
    # Its products are small: more threads than one would only spin in the way of the sides' own.
    variables = {"OPENBLAS_NUM_THREADS": "1"}
    with (
        Worker(sys.executable, "referee", variables=variables, whose="the referee", failing_as=NO_ORACLE) as referee,
        started(plan, sides[REFERENCE], Deadlines(patience, REFERENCE), whose="the reference") as reference,
        started(plan, sides[CANDIDATE], Deadlines(patience, CANDIDATE)) as candidate,
    ):
        prepared = referee.request(Prepared, "prepare", **plan.data())
        with shared_folder(prepared.bytes) as folder:
            path = str(folder / "exchange")
            referee.request(None, "share", path=path)
            described, opened = describe(reference, plan), open_model(reference, plan)
            reference.request(None, "share", path=path, role=REFERENCE)
            so_far = _SoFar()
            with so_far.failing():
                so_far.candidate = describe(candidate, plan)
                opened_too = open_model(candidate, plan)
                candidate.request(None, "share", path=path, role=CANDIDATE)
                so_far.opened = opened_too  # not sooner: what fails before has no step
            if not so_far.failure:
                _take_steps(plan, reference, candidate, referee, so_far, on_step)
    return _result(prepared, described, opened, so_far)


def _take_steps(
    plan: Plan,
    reference: Worker,
    candidate: Worker,
    referee: Worker,
    so_far: _SoFar,
    on_step: Callable[[int], None],
) -> None:
    """Takes steps until they are all done, one has left its limit, the reference has diverged or the candidate has
    failed.
    """
    began = time.perf_counter()
    for step in range(plan.steps):
        so_far.seconds[REFERENCE] += reference.request(Published, "lockstep", step=step).seconds
        with so_far.failing():
            so_far.seconds[CANDIDATE] += candidate.request(Published, "lockstep", step=step).seconds
        if so_far.failure:
            return
        compared = referee.request(Compared, "compare", step=step)
        so_far.compared.append(compared)
        so_far.wall_seconds = time.perf_counter() - began
        on_step(step + 1)
        if compared.departure or not math.isfinite(compared.reference_loss):
            return


def _result(prepared: Prepared, described: Description, opened: Opened, so_far: _SoFar) -> Lockstep:
    compared = so_far.compared
    nearest: Difference | None = max(
        (one.nearest for one in compared), key=lambda one: one.difference / one.limit, default=None
    )
    return Lockstep(
        subject=opened.subject,
        reference=described.environment,
        candidate=so_far.candidate.environment if so_far.candidate else None,
        candidate_fingerprint=so_far.opened.subject.fingerprint if so_far.opened else "",
        losses=tuple(one.reference_loss for one in compared),
        differences=tuple(
            TensorDifferences(tensor.quantity, tensor.name, tuple(one.differences[index] for one in compared))
            for index, tensor in enumerate(prepared.tensors)
        ),
        nearest=nearest,
        departure=compared[-1].departure if compared else None,
        oracle_steps=sum(one.oracle for one in compared),
        reference_seconds=so_far.seconds[REFERENCE],
        candidate_seconds=so_far.seconds[CANDIDATE],
        wall_seconds=so_far.wall_seconds,
        failure=so_far.failure,
    )
