"""A launch compared with the oracle: the worker computes, a process of the orchestrator's interpreter compares.

They pass steps through files that both map (bench.measure.exchange); one is compared while the next is taken.
"""

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from bench.drive.folders import shared_folder
from bench.drive.measured import Measured
from bench.drive.patience import ALONE_SECONDS, STARTUP_SECONDS, STRESS, Deadlines
from bench.drive.plan import EVALUATION_STEPS, Plan
from bench.drive.process import Worker, WorkerError, naming
from bench.record.replies import Agenda, Answered, Block, Cases, Published
from bench.record.types import NO_ORACLE, NO_REFERENCE, Evaluation, NumericError, Unchecked

T = TypeVar("T")
Asked = TypeVar("Asked", Agenda, Cases)

INTERPRETER = sys.executable


def measure_checked(
    plan: Plan,
    jitter: int,
    worker: Worker,
    again: Callable[[], AbstractContextManager[Worker]],
    author: Callable[[], AbstractContextManager[Worker]],
    measured: Measured,
    on_step: Callable[[int], None],
    deadlines: Deadlines,
) -> None:
    """Does what the oracle's process asks for: takes the steps of training, or answers the workload's cases.

    `again` opens the model in a fresh process, `author` in one that writes the files that cases read (`again` itself if
    that is a process of the same side). Raises WorkerError, of the kind NO_ORACLE where no process of this side failed;
    what was found before stays in `measured`.
    """
    if plan.own:
        deadlines.request(worker, Block, "steps", count=1)  # a model that can't be trained has no numbers to compare
        if not plan.definer:
            measured.unchecked.append(Unchecked(NO_REFERENCE, ""))
            return
    told = {"config": plan.config, "workload": plan.workload, "device": plan.device, "jitter": jitter}
    if plan.answers:
        with _oracle("answers", Cases, plan, told) as (oracle, cases, folder):
            measured.unchecked += cases.unchecked
            if cases.files:
                blamed = naming if author is again else _saying_what_is_right
                with blamed("the process that writes the files to be read"), author() as writer:
                    deadlines.request(writer, None, "write_files", folder=folder)
            _Checked(worker, deadlines, oracle, measured).answer(cases, folder)
    else:
        told |= {**plan.data(), "steps": plan.steps}
        with _oracle("oracle", Agenda, plan, told) as (oracle, agenda, folder):
            _Checked(worker, deadlines, oracle, measured).take_steps(plan, agenda, folder, again, on_step)


@contextlib.contextmanager
def _saying_what_is_right(whose: str) -> Iterator[None]:
    """Names a process in the block whose failure says nothing of the side: its kind is NO_ORACLE."""
    try:
        with naming(whose):
            yield
    except WorkerError as error:
        raise WorkerError(dataclasses.replace(error.failure, kind=NO_ORACLE)) from error


@contextlib.contextmanager
def _oracle(kind: str, reply: type[Asked], plan: Plan, told: Mapping[str, Any]) -> Iterator[tuple[Worker, Asked, str]]:
    """Starts the oracle's process; yields it, what it asks for, and the folder with the files that it shares."""
    # The worker takes its next step meanwhile: more threads than one would be in its way.
    interpreter, variables = (plan.definer.interpreter, plan.definer.variables) if plan.definer else (INTERPRETER, {})
    with Worker(interpreter, kind, variables={**variables, "OPENBLAS_NUM_THREADS": "1"}) as oracle:
        with _saying_what_is_right("the oracle"):
            asked = oracle.request(reply, "prepare", STARTUP_SECONDS if plan.own else ALONE_SECONDS, **told)
        with shared_folder(asked.bytes) as folder:
            with _saying_what_is_right("the oracle"):
                oracle.request(None, "share", ALONE_SECONDS, folder=str(folder))
            yield oracle, asked, str(folder)


@dataclasses.dataclass(frozen=True)
class _Checked:
    """Both processes of a launch, and what they measured."""

    worker: Worker
    deadlines: Deadlines
    oracle: Worker
    measured: Measured

    def ask_worker(self, kind: type[T] | None, operation: str, noted: str = "", **arguments: Any) -> T:
        return self.deadlines.request(self.worker, kind, operation, noted=noted, **arguments)

    def ask_oracle(self, kind: type[T] | None, operation: str, **arguments: Any) -> T:
        with _saying_what_is_right("the oracle"):
            return self.oracle.request(kind, operation, ALONE_SECONDS, **arguments)

    def answer(self, cases: Cases, folder: str) -> None:
        """Has the workload's cases answered, each of which is compared."""
        if not cases.answers:
            return
        self.ask_worker(None, "share_answers", folder=folder, answers=cases.answers)
        for case in cases.answers:
            answered = self.ask_worker(Answered, "answer", case=case)
            if answered.unchecked:
                self.measured.unchecked[:0] = answered.unchecked
                break
            self.ask_oracle(None, "check_answer", case=case, refused=answered.refused, promised=answered.promised)
            self._keep_errors()

    def take_steps(
        self,
        plan: Plan,
        agenda: Agenda,
        folder: str,
        again: Callable[[], AbstractContextManager[Worker]],
        on_step: Callable[[int], None],
    ) -> None:
        """Trains the plan's steps, evaluates, takes stress steps; has another process take the first steps again."""
        self.ask_worker(None, "publish", folder=folder)
        self.train(plan, agenda, on_step)
        self.evaluate(agenda)
        self.stress(agenda)
        if not self.measured.failure:
            with again() as other:
                dataclasses.replace(self, worker=other).repeat(agenda, folder)

    def train(self, plan: Plan, agenda: Agenda, on_step: Callable[[int], None]) -> None:
        """Takes the steps of training, each of which is compared while the next one is taken.

        Every other step that the oracle takes keeps its logits; all others are as they are where they are timed.
        """
        keeping = set(agenda.oracle_steps[::2])
        for step in range(plan.steps):
            try:
                published = self.ask_worker(Published, "take", noted="steps", step=step, with_logits=step in keeping)
            except WorkerError:
                if step:
                    self._end_training()
                raise
            self.measured.add_step(published)
            with _saying_what_is_right("the oracle"):
                if step:
                    self.oracle.receive(None, "check", ALONE_SECONDS)
                self.oracle.send("check", step=step, logits=published.logits)
            if (step + 1) % plan.block_steps == 0 or step + 1 == plan.steps:
                on_step(step + 1)
            if self.measured.failure:
                break
        self._end_training()

    def _end_training(self) -> None:
        """Waits for the comparison of the last step."""
        with _saying_what_is_right("the oracle"):
            self.oracle.receive(None, "check", ALONE_SECONDS)
        self._keep_errors()

    def evaluate(self, agenda: Agenda) -> None:
        """Evaluates as many batches as the oracle took steps of training, at most EVALUATION_STEPS, and compares."""
        steps = min(EVALUATION_STEPS, len(agenda.oracle_steps))
        self.measured.evaluation = self.ask_worker(Evaluation, "evaluate", max_steps=steps)
        self.ask_oracle(None, "check_evaluation", steps=steps, perplexity=self.measured.evaluation.perplexity)
        self._keep_errors()

    def stress(self, agenda: Agenda) -> None:
        """Takes the stress steps."""
        for number, case in enumerate(agenda.stress):
            self.ask_oracle(None, "pose", case=number)
            published = self.ask_worker(Published, STRESS, small=case.small, evaluation=case.evaluation)
            self.ask_oracle(None, "check_stress", case=number, logits=published.logits)
        self._keep_errors()

    def repeat(self, agenda: Agenda, folder: str) -> None:
        """Takes the first steps, in a process that took none, without reading anything in between."""
        self.ask_worker(None, "publish", folder=folder)
        self.ask_worker(None, "repeat", steps=agenda.repeated)
        self.ask_oracle(None, "check_repeat")
        self._keep_errors()

    def _keep_errors(self) -> None:
        self.measured.numerics = list(self.ask_oracle(tuple[NumericError, ...], "errors"))
