"""A launch compared with the oracle: the worker computes, a process of the orchestrator's interpreter compares.

They pass steps through files that both map (bench.measure.exchange); one is compared while the next is taken.
"""

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from bench.drive.folders import shared_folder
from bench.drive.measured import Measured
from bench.drive.opening import opened
from bench.drive.patience import ALONE_SECONDS, STARTUP_SECONDS, STRESS, Deadlines
from bench.drive.plan import EVALUATION_STEPS, Plan
from bench.drive.process import Worker, WorkerError
from bench.record.paired import Side
from bench.record.replies import Agenda, Answered, Block, Cases, Published
from bench.record.types import NO_ORACLE, NO_REFERENCE, Evaluation, NumericError, Unchecked

Asked = TypeVar("Asked", Agenda, Cases)

INTERPRETER = sys.executable


def measure_checked(
    plan: Plan,
    jitter: int,
    worker: Worker,
    side: Side,
    author: Side | None,
    measured: Measured,
    on_step: Callable[[int], None],
    deadlines: Deadlines,
) -> None:
    """Does what the oracle's process asks for: takes the steps of training, or answers the workload's cases.

    `worker` is the side's own; `author` writes the files that cases read (None: another process of this side). Raises
    WorkerError, of the kind NO_ORACLE where no process of this side failed; what was found before stays in `measured`.
    """
    if plan.own:
        worker.request(None, "compute_in_float32")  # before the first step: cuDNN's recurrent layers keep its precision
        worker.request(Block, "steps", count=1)  # a model that can't be trained has no numbers to compare
        if not plan.definer:
            measured.unchecked.append(Unchecked(NO_REFERENCE, ""))
            return
    told = {"config": plan.config, "workload": plan.workload, "device": plan.device, "jitter": jitter}
    if plan.answers:
        with _oracle("answers", Cases, plan, told) as (oracle, cases, folder):
            measured.unchecked += cases.unchecked
            if cases.files:
                whose, failing_as = "the process that writes the files to be read", NO_ORACLE if author else ""
                with opened(plan, author or side, jitter, deadlines, whose=whose, failing_as=failing_as) as writer:
                    writer.request(None, "write_files", folder=folder)
            _Checked(worker, oracle, measured).answer(cases, folder)
    else:
        told |= {**plan.data(), "steps": plan.steps}
        with _oracle("oracle", Agenda, plan, told) as (oracle, agenda, folder):
            checked = _Checked(worker, oracle, measured)
            checked.take_steps(plan, agenda, folder, on_step)
            if not measured.failure:
                with opened(plan, side, jitter, deadlines) as other:
                    dataclasses.replace(checked, worker=other).repeat(agenda, folder)


@contextlib.contextmanager
def _oracle(kind: str, reply: type[Asked], plan: Plan, told: Mapping[str, Any]) -> Iterator[tuple[Worker, Asked, str]]:
    """Starts the oracle's process; yields it, what it asks for, and the folder with the files that it shares."""
    interpreter, variables = (plan.definer.interpreter, plan.definer.variables) if plan.definer else (INTERPRETER, {})
    # The worker takes its next step meanwhile: more threads than one would be in its way.
    variables = {**variables, "OPENBLAS_NUM_THREADS": "1"}
    with Worker(interpreter, kind, variables=variables, whose="the oracle", failing_as=NO_ORACLE) as oracle:
        # What is right of a user's own model its own TensorFlow says, which is imported first.
        asked = oracle.request(reply, "prepare", seconds=STARTUP_SECONDS if plan.own else ALONE_SECONDS, **told)
        with shared_folder(asked.bytes) as folder:
            oracle.request(None, "share", folder=str(folder))
            yield oracle, asked, str(folder)


@dataclasses.dataclass(frozen=True)
class _Checked:
    """Both processes of a launch, and what they measured."""

    worker: Worker
    oracle: Worker
    measured: Measured

    def answer(self, cases: Cases, folder: str) -> None:
        """Has the workload's cases answered, each of which is compared."""
        if not cases.answers:
            return
        self.worker.request(None, "share_answers", folder=folder, answers=cases.answers)
        for case in cases.answers:
            answered = self.worker.request(Answered, "answer", case=case)
            if answered.unchecked:
                self.measured.unchecked[:0] = answered.unchecked
                break
            self.oracle.request(None, "check_answer", case=case, refused=answered.refused, promised=answered.promised)
            self._keep_errors()

    def take_steps(self, plan: Plan, agenda: Agenda, folder: str, on_step: Callable[[int], None]) -> None:
        """Trains the plan's steps, evaluates, takes stress steps."""
        self.worker.request(None, "publish", folder=folder)
        self.train(plan, agenda, on_step)
        self.evaluate(agenda)
        self.stress(agenda)

    def train(self, plan: Plan, agenda: Agenda, on_step: Callable[[int], None]) -> None:
        """Takes the steps of training, each of which is compared while the next one is taken.

        Every other step that the oracle takes keeps its logits; all others are as they are where they are timed.
        """
        keeping = set(agenda.oracle_steps[::2])
        for step in range(plan.steps):
            try:
                published = self.worker.request(Published, "take", step=step, with_logits=step in keeping)
            except WorkerError:
                if step:
                    self._end_training()
                raise
            self.measured.add_step(published)
            if step:
                self.oracle.receive(None, "check")
            self.oracle.send("check", step=step, logits=published.logits)
            if (step + 1) % plan.block_steps == 0 or step + 1 == plan.steps:
                on_step(step + 1)
            if self.measured.failure:
                break
        self._end_training()

    def _end_training(self) -> None:
        """Waits for the comparison of the last step."""
        self.oracle.receive(None, "check")
        self._keep_errors()

    def evaluate(self, agenda: Agenda) -> None:
        """Evaluates as many batches as the oracle took steps of training, at most EVALUATION_STEPS, and compares."""
        steps = min(EVALUATION_STEPS, len(agenda.oracle_steps))
        self.measured.evaluation = self.worker.request(Evaluation, "evaluate", max_steps=steps)
        self.oracle.request(None, "check_evaluation", steps=steps, perplexity=self.measured.evaluation.perplexity)
        self._keep_errors()

    def stress(self, agenda: Agenda) -> None:
        """Takes the stress steps."""
        for number, case in enumerate(agenda.stress):
            self.oracle.request(None, "pose", case=number)
            published = self.worker.request(Published, STRESS, small=case.small, evaluation=case.evaluation)
            self.oracle.request(None, "check_stress", case=number, logits=published.logits)
        self._keep_errors()

    def repeat(self, agenda: Agenda, folder: str) -> None:
        """Takes the first steps, in a process that took none, without reading anything in between."""
        self.worker.request(None, "publish", folder=folder)
        self.worker.request(None, "repeat", steps=agenda.repeated)
        self.oracle.request(None, "check_repeat")
        self._keep_errors()

    def _keep_errors(self) -> None:
        self.measured.numerics = list(self.oracle.request(tuple[NumericError, ...], "errors"))
