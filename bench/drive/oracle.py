"""A launch compared with the oracle: the worker takes steps, a process of the orchestrator's interpreter compares.

They work in turn, through files that both map (bench.measure.exchange).
"""

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from bench.drive.folders import shared_folder
from bench.drive.measured import Measured
from bench.drive.patience import ALONE_SECONDS, STRESS, Deadlines
from bench.drive.plan import EVALUATION_STEPS, Plan
from bench.drive.process import Worker, naming
from bench.record.replies import Agenda, Published
from bench.record.types import Evaluation, NumericError

T = TypeVar("T")

INTERPRETER = sys.executable


def measure_checked(
    plan: Plan,
    jitter: int,
    worker: Worker,
    again: Callable[[], AbstractContextManager[Worker]],
    measured: Measured,
    on_step: Callable[[int], None],
    deadlines: Deadlines,
) -> None:
    """Trains the plan's steps, evaluates, takes the stress steps; has another process take the first steps again.

    `again` opens the model in a fresh process. Raises WorkerError; what was found before stays in `measured`.
    """
    with _oracle(plan, jitter) as (oracle, agenda, folder):
        checked = _Checked(worker, deadlines, oracle, agenda, measured)
        checked.ask_worker(None, "publish", folder=folder)
        checked.train(plan, on_step)
        measured.evaluation = checked.ask_worker(Evaluation, "evaluate", max_steps=EVALUATION_STEPS)
        checked.stress()
        if not measured.failure:
            with again() as other:
                dataclasses.replace(checked, worker=other).repeat(folder)


@contextlib.contextmanager
def _oracle(plan: Plan, jitter: int) -> Iterator[tuple[Worker, Agenda, str]]:
    """Starts the oracle's process; yields it, its plan, and the folder with the files that it shares."""
    # The worker waits meanwhile, but more threads than one would spin on in the way of its next step.
    with Worker(INTERPRETER, "oracle", variables={"OPENBLAS_NUM_THREADS": "1"}) as oracle:
        with naming("the oracle"):
            asked = {**plan.data(), "steps": plan.steps, "device": plan.device, "jitter": jitter}
            agenda = oracle.request(Agenda, "prepare", ALONE_SECONDS, **asked)
        with shared_folder(agenda.bytes) as folder:
            with naming("the oracle"):
                oracle.request(None, "share", ALONE_SECONDS, folder=str(folder))
            yield oracle, agenda, str(folder)


@dataclasses.dataclass(frozen=True)
class _Checked:
    """Both processes of a launch, and what they measured."""

    worker: Worker
    deadlines: Deadlines
    oracle: Worker
    agenda: Agenda
    measured: Measured

    def ask_worker(self, kind: type[T] | None, operation: str, noted: str = "", **arguments: Any) -> T:
        return self.deadlines.request(self.worker, kind, operation, noted=noted, **arguments)

    def ask_oracle(self, kind: type[T] | None, operation: str, **arguments: Any) -> T:
        with naming("the oracle"):
            return self.oracle.request(kind, operation, ALONE_SECONDS, **arguments)

    def train(self, plan: Plan, on_step: Callable[[int], None]) -> None:
        """Takes the steps of training, each of which is compared.

        Every other step that the oracle takes keeps its logits; all others are as they are where they are timed.
        """
        keeping = set(self.agenda.oracle_steps[::2])
        for step in range(plan.steps):
            published = self.ask_worker(Published, "take", noted="steps", step=step, with_logits=step in keeping)
            self.measured.add_step(published)
            self.ask_oracle(None, "check", step=step, logits=published.logits)
            done = step + 1 == plan.steps or self.measured.failure
            if done or (step + 1) % plan.block_steps == 0:
                self._keep_errors()
                on_step(step + 1)
            if done:
                return

    def stress(self) -> None:
        """Takes the stress steps."""
        for number, case in enumerate(self.agenda.stress):
            self.ask_oracle(None, "pose", case=number)
            published = self.ask_worker(Published, STRESS, small=case.small, evaluation=case.evaluation)
            self.ask_oracle(None, "check_stress", case=number, logits=published.logits)
        self._keep_errors()

    def repeat(self, folder: str) -> None:
        """Takes the first steps, in a process that took none, without reading anything in between."""
        self.ask_worker(None, "publish", folder=folder)
        self.ask_worker(None, "repeat", steps=self.agenda.repeated)
        self.ask_oracle(None, "check_repeat")
        self._keep_errors()

    def _keep_errors(self) -> None:
        self.measured.numerics = list(self.ask_oracle(tuple[NumericError, ...], "errors"))
