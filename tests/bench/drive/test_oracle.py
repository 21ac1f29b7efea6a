"""A launch compared with the oracle, end to end: real processes and files; the side computes by NumPy."""

import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.drive.launch import Launch, measure_launch
from bench.drive.plan import Plan
from bench.record.paired import Side
from bench.record.types import LEFT_OPEN, NO_ORACLE, NOT_COPIED, REPEAT, STRESS, Failure, Record, Unchecked
from tests.builders.fake_interpreter import FAKE_ORACLE, Fake, session_text, write_interpreter
from tests.builders.numpy_interpreter import numpy_interpreter

STEPS = 12

pytestmark = pytest.mark.usefixtures("forked_workers")

Compared = Callable[..., Record]


@pytest.fixture
def compared(tmp_path: Path) -> Compared:
    """Measures a launch with statements injected before and after each step."""
    python = functools.partial(numpy_interpreter, tmp_path)
    plan, launch = Plan("tiny", STEPS), Launch(0, 5, numerics=True)
    return lambda *injected: measure_launch(plan, launch, Side("a", python(*injected), {}))


def over(record: Record) -> list[tuple[int, str, str]]:
    """Returns the errors over their limit in training, by step."""
    found = [error for error in record.numerics if not error.within and error.source != STRESS]
    return sorted((error.step, error.label, error.tensor) for error in found)


def test_a_right_launch_is_within_all_limits(compared: Compared) -> None:
    record = compared()
    assert record.failure is None
    assert all(error.within for error in record.numerics)
    assert {error.steps for error in record.numerics if error.label == "gradient"} == {STEPS}
    assert len(record.losses) == STEPS
    assert record.evaluation is not None


@pytest.mark.parametrize(
    ("before", "after", "first"),
    [
        ("pass", "gradients[3] = gradients[3] * (1 if with_logits else 1.001)", (1, "gradient")),  # steps as timed
        ("trainer.state['lstm0/c'][0, 0] += 0.1 if step == 7 else 0", "pass", (7, "clipped")),
        ("trainer.weights['output/bias'][3] += 0.1 if step == 7 else 0", "pass", (7, "clipped")),
    ],
    ids=["without logits", "state between steps", "weight between steps"],
)
def test_one_wrong_step_is_named(compared: Compared, before: str, after: str, first: tuple[int, str]) -> None:
    """No matter that what a step starts from is the trainer's own: the oracle starts from what was published."""
    assert over(compared(before, after))[0][:2] == first


@pytest.mark.parametrize(
    "wrong",
    [
        "(trainer.zero_state(), Trainer.evaluation_step(trainer, inputs, targets))[1]",
        "Trainer.evaluation_step(trainer, inputs, targets) * (1.1 if next(numbers) == 9 else 1)",
    ],
    ids=["state not carried", "ninth step"],
)
def test_a_wrong_pass_of_evaluation_is_named(compared: Compared, wrong: str) -> None:
    """Its batches are as many as the oracle took steps, so that the ninth is among them."""
    numbers = "import itertools; numbers = itertools.count(1)"
    record = compared(f"{numbers}; self.evaluation_step = lambda inputs, targets: {wrong}")
    assert over(record) == [(STEPS, "evaluation perplexity", "")]


def test_steps_that_depend_on_the_process_are_told(compared: Compared, tmp_path: Path) -> None:
    """By no more than the last bits of a product."""
    seen = str(tmp_path / "processes")
    count = f"os.makedirs(os.path.join({seen!r}, str(os.getpid())), exist_ok=True); count = len(os.listdir({seen!r}))"
    record = compared(f"{count}; self.weights['lstm0/kernel'][0, 0] *= np.float32(1 + 1e-6 * count)")
    assert over(record)
    assert {label for _, label, _ in over(record)} == {REPEAT}


@pytest.mark.parametrize("step", [0, 7])
def test_what_was_found_before_a_crash_is_kept(compared: Compared, step: int) -> None:
    record = compared(f"os._exit(3) if step == {step} else None", "result.loss *= 2")
    assert record.failure is not None
    assert record.failure.message.startswith("the worker exited with code 3 during take")
    assert len(record.losses) == step
    assert {error.quantity for error in record.numerics if not error.within} == ({"loss"} if step else set())


def test_a_launch_that_diverges_is_not_taken_again(compared: Compared) -> None:
    record = compared("trainer.learning_rate = np.float32('inf') if step == 3 else 1.0")
    assert record.failure is not None
    assert record.failure.kind == "diverged"
    assert all(error.source != REPEAT for error in record.numerics)


def test_a_failure_of_the_oracle_is_called_so(
    compared: Compared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.drive.oracle.INTERPRETER", write_interpreter(tmp_path / "broken", "os._exit(3)"))
    record = compared()
    assert record.failure is not None
    assert record.failure.kind == NO_ORACLE
    assert record.failure.message.startswith("the oracle failed: the worker exited with code 3 during prepare")


def test_an_oracle_that_can_not_be_started_is_no_failure_of_the_side(tmp_path: Path, fake_session: Fake) -> None:
    """A user's own model is defined in the reference's environment, which another command may have removed."""
    own = tmp_path / "mine.py"
    own.write_text("def workload(): pass")
    removed = str(tmp_path / "removed" / "python")
    plan = Plan("own", 1, "", None, "", workload=str(own), answers=True, definer=Side("reference", removed, {}))
    failure = measure_launch(plan, Launch(0, numerics=True), Side("a", fake_session(""), {})).failure
    message = f"the oracle failed: interpreter {removed} can't be started: No such file or directory; name another"
    assert failure == Failure(NO_ORACLE, message)


def test_a_definition_is_computed_in_the_reference_s_setting(tmp_path: Path, fake_session: Fake) -> None:
    own = tmp_path / "mine.py"
    own.write_text("def workload(): pass")
    started = "def prepare(self, workload, **told):\n"
    oracle = FAKE_ORACLE.replace(started, f"{started}        assert os.environ['MINE'] == 'x'\n")
    definer = Side("reference", write_interpreter(tmp_path / "definer", oracle), {"MINE": "x"})
    plan = Plan("own", 1, "", None, "", workload=str(own), answers=True, definer=definer)
    assert measure_launch(plan, Launch(0, numerics=True), Side("a", fake_session(""), {})).failure is None


def test_a_user_s_own_model_takes_no_step_before_tf32_is_off(tmp_path: Path) -> None:
    own = tmp_path / "mine.py"
    own.write_text("def workload(): pass")
    replies = """
Session.compute_in_float32 = lambda self: setattr(self, "exact", True)
def steps(self, count, old=Session.steps):
    assert self.exact
    return old(self, count)
Session.steps = steps
"""
    side = Side("a", write_interpreter(tmp_path / "python", session_text(replies)), {})
    plan = Plan("own", 1, "", None, "", workload=str(own), answers=True)
    assert measure_launch(plan, Launch(0, numerics=True), side).failure is None


@pytest.mark.parametrize(("by_another", "kind"), [(True, NO_ORACLE), (False, "exception")])
def test_who_fails_at_files_to_be_read_is_another_side_or_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_another: bool, kind: str
) -> None:
    oracle = FAKE_ORACLE.replace('{"": [2]}}})', '{"": [2]}}}, files=True)')
    monkeypatch.setattr("bench.drive.oracle.INTERPRETER", write_interpreter(tmp_path / "oracle-python", oracle))
    python = write_interpreter(tmp_path / "python", session_text("Session.write_files = lambda self, folder: 1 / 0"))
    side = Side("a", python, {})
    record = measure_launch(TestAnswers.PLAN, Launch(0, numerics=True), side, author=side if by_another else None)
    assert record.failure is not None
    assert record.failure.kind == kind
    assert record.failure.message.startswith("the process that writes the files to be read failed: ZeroDivisionError")


def test_answers_that_cannot_be_compared_are_told_first_and_are_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the cases that come later aren't asked for: they would fail."""
    unchecked = 'unchecked=[types.Unchecked(types.LEFT_OPEN, "loss")])'
    cases = FAKE_ORACLE.replace('{"": [2]}}})', f'{{"": [2]}}}}, "other": {{}}}}, {unchecked}')
    monkeypatch.setattr("bench.drive.oracle.INTERPRETER", write_interpreter(tmp_path / "oracle-python", cases))
    replies = """
def answer(self, case):
    assert case == "case"
    return answers.Answered(unchecked=(types.Unchecked(types.NOT_COPIED, "weight"),))
Session.answer = answer
"""
    side = Side("a", write_interpreter(tmp_path / "python", session_text(replies)), {})
    record = measure_launch(TestAnswers.PLAN, Launch(0, numerics=True), side)
    assert (record.failure, record.numerics) == (None, ())
    assert record.unchecked == (Unchecked(NOT_COPIED, "weight"), Unchecked(LEFT_OPEN, "loss"))


class TestAnswers:
    """A workload that is compared by cases."""

    PLAN = Plan("tiny", 1, "", None, "", speed=False, workload="predict-call", answers=True)

    def record(self, folder: Path, answered: str = "pass") -> Record:
        side = Side("a", numpy_interpreter(folder, answered=answered), {})
        return measure_launch(self.PLAN, Launch(0, numerics=True), side)

    def test_right_answers_are_within_their_limits(self, tmp_path: Path) -> None:
        record = self.record(tmp_path)
        assert record.failure is None
        assert {error.label for error in record.numerics} == {"answer lengths: logits"}
        assert all(error.within for error in record.numerics)
        assert record.subject.name == "predict-call-tiny-cpu0"
        assert (record.losses, record.evaluation, record.memory, record.startup) == ((), None, None, None)

    def test_a_wrong_answer_is_named(self, tmp_path: Path) -> None:
        record = self.record(tmp_path, "logits['sequence 2 of 10 steps'] *= np.float32(1.0001)")
        wrong = [error for error in record.numerics if not error.within]
        assert [(error.label, error.tensor) for error in wrong] == [
            ("answer lengths: logits", "sequence 2 of 10 steps")
        ]
        assert wrong[0].error == pytest.approx(1e-4, rel=0.01)

    def test_an_answer_that_is_missing_is_a_failure(self, tmp_path: Path) -> None:
        record = self.record(tmp_path, "del logits['sequence 3 of 10 steps']")
        assert record.failure is not None
        assert "sequence 3 of 10 steps" in record.failure.message
