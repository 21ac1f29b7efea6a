"""Lockstep end to end: real processes and a real shared file.

The quick tests' sides compute by NumPy; the others have TensorFlow.
"""

import functools
import math
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.drive.lockstep import run_lockstep
from bench.drive.plan import Plan
from bench.drive.process import WorkerError
from bench.judge.lockstep import lockstep_verdict
from bench.judge.reasons import LockstepFailed, ReferenceDiverged
from bench.record.lockstep import Lockstep
from bench.record.paired import CANDIDATE, REFERENCE, Side
from tests.builders.fake_interpreter import write_interpreter
from tests.builders.numpy_interpreter import numpy_interpreter
from tests.builders.programs import write_program

HOOK = Path(__file__).resolve().parents[2] / "faults" / "hook"

Interpreter = Callable[..., str]

pytestmark = pytest.mark.usefixtures("forked_workers")


@pytest.fixture
def numpy_python(tmp_path: Path) -> Interpreter:
    """Makes an interpreter with statements injected before and after each step."""
    return functools.partial(numpy_interpreter, tmp_path)


def sides(reference: str | Path, candidate: str | Path, **variables: str) -> dict[str, Side]:
    """The two sides by role; variables are the candidate's."""
    return {REFERENCE: Side("a", str(reference), {}), CANDIDATE: Side("b", str(candidate), variables)}


def faulty(python: Path, fault: str, reference: Path | None = None) -> dict[str, Side]:
    """A fault in the candidate. The reference is the same environment unless another is given."""
    return sides(reference or python, python, PYTHONPATH=str(HOOK), TFGATE_FAULT=fault)


def compared(reference: str, candidate: str, steps: int = 6) -> Lockstep:
    return run_lockstep(Plan("tiny", steps), sides(reference, candidate))


def test_equal_sides_agree_to_the_last_bit(numpy_python: Interpreter) -> None:
    heard: list[int] = []
    result = run_lockstep(Plan("tiny", 6), sides(numpy_python(), numpy_python()), heard.append)
    assert heard == [1, 2, 3, 4, 5, 6]
    assert len(result.losses) == 6
    assert result.losses[0] == pytest.approx(10 * math.log(500), rel=0.01)  # ten steps near the uniform law's loss
    assert len(result.differences) == 33
    assert all(tensor.by_step == (0.0,) * 6 for tensor in result.differences)
    assert (result.departure, result.failure, result.oracle_steps) == (None, None, 0)
    assert result.reference.tensorflow == "9.9.9"
    assert result.candidate == result.reference
    assert 0 < result.reference_seconds + result.candidate_seconds < result.wall_seconds
    assert lockstep_verdict(result).exit_code == 0


def test_first_step_and_quantity_are_named(numpy_python: Interpreter) -> None:
    result = compared(numpy_python(), numpy_python("trainer.learning_rate = 1.001 if step >= 4 else 1.0"))
    assert result.departure is not None
    assert (result.departure.first.quantity, result.departure.first.step) == ("update", 4)
    assert len(result.losses) == 5  # it ends there
    assert result.nearest is not None
    assert result.nearest.step == 4  # clean steps are nowhere near
    assert lockstep_verdict(result).exit_code == 1


def test_a_candidate_that_fails_is_a_regression_and_leaves_nothing_behind(
    numpy_python: Interpreter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    monkeypatch.setattr("bench.drive.folders.SHARED_MEMORY", folder)
    result = compared(numpy_python(), numpy_python("os._exit(3) if step == 2 else None"))
    assert result.failure is not None
    assert (result.failure.kind, len(result.losses)) == ("crashed", 2)
    assert "exited with code 3 during lockstep" in result.failure.message
    verdict = lockstep_verdict(result)
    assert verdict.exit_code == 1
    assert verdict.comparisons[0].reason == LockstepFailed(2, result.failure.message)
    assert list(folder.iterdir()) == []


def test_a_reference_that_diverges_ends_the_comparison(numpy_python: Interpreter) -> None:
    nan = "result.loss = np.float32('nan') if step == 2 else result.loss"
    result = compared(numpy_python(after=nan), numpy_python(after=nan))
    assert len(result.losses) == 3
    assert result.departure is None  # both are NaN: that is no difference
    verdict = lockstep_verdict(result)
    assert verdict.exit_code == 3
    reason = verdict.comparisons[0].reason
    assert isinstance(reason, ReferenceDiverged)
    assert (str(reason.loss), reason.step) == ("nan", 2)


def test_a_candidate_that_crashes_at_its_import_is_a_regression(numpy_python: Interpreter, tmp_path: Path) -> None:
    broken = write_program(tmp_path / "broken", f"#!{sys.executable}\nimport os\nos.kill(os.getpid(), 11)\n")
    result = compared(numpy_python(), broken)
    assert result.candidate is None
    assert result.failure
    assert lockstep_verdict(result).comparisons[0].reason == LockstepFailed(None, result.failure.message)


def test_a_candidate_that_opens_and_fails_before_the_first_step_has_none(
    numpy_python: Interpreter, tmp_path: Path
) -> None:
    text, last = Path(numpy_python()).read_text(), "sys.exit(worker.main"
    fails = "from bench.measure.session import Session\nSession.share = lambda *_, **named: 1 / 0\n"
    candidate = write_program(tmp_path / "unshared", text.replace(last, fails + last))
    result = compared(numpy_python(), candidate)
    assert result.failure
    assert "division by zero" in result.failure.message
    assert lockstep_verdict(result).comparisons[0].reason == LockstepFailed(None, result.failure.message)


def test_a_referee_that_fails_is_named(
    numpy_python: Interpreter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python, referee = numpy_python(), write_interpreter(tmp_path / "referee", "os._exit(3)")
    monkeypatch.setattr(sys, "executable", referee)
    with pytest.raises(WorkerError, match=r"^the referee failed: the worker exited with code 3 during prepare$"):
        compared(python, python)


def test_a_candidate_without_tensorflow_is_no_regression(numpy_python: Interpreter) -> None:
    with pytest.raises(WorkerError, match="install TensorFlow there"):
        compared(numpy_python(), sys.executable)


def test_learning_rate_off_by_a_thousandth_is_found_at_once(oldest_python: Path, newest_python: Path) -> None:
    """By processes of the oldest and of the newest TensorFlow, as no other test that isn't slow."""
    result = run_lockstep(Plan("tiny", 5), faulty(newest_python, "learning-rate-plus-0.1-percent", oldest_python))
    assert result.departure is not None
    assert (result.departure.first.step, result.departure.first.quantity) == (0, "update")
    assert result.departure.candidate_error == pytest.approx(1e-3, rel=0.01)
    assert result.departure.reference_error < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "step", "quantity", "tensor"),
    [
        ("embedding-gradient-lost", 0, "gradient", "embedding"),
        ("output-bias-gradient-lost", 0, "gradient", "output/bias"),
        ("state-not-carried", 1, "state", None),
        # A wrong clip norm would not show: tiny's gradients are never longer than it.
        ("clip-always", 0, "clipped", None),
        ("update-twice-every-100th-step", 99, "update", None),
        ("wrong-after-step-200", 200, "update", None),
    ],
)
def test_injected_fault_is_found(newest_python: Path, fault: str, step: int, quantity: str, tensor: str | None) -> None:
    result = run_lockstep(Plan("tiny", 250), faulty(newest_python, fault))
    assert result.departure is not None
    assert (result.departure.first.step, result.departure.first.quantity) == (step, quantity)
    assert len(result.losses) == step + 1  # it ends there
    assert tensor in (None, result.departure.first.tensor)
    assert lockstep_verdict(result).exit_code == 1


@pytest.mark.slow
def test_oldest_and_newest_agree(oldest_python: Path, newest_python: Path) -> None:
    result = run_lockstep(Plan("tiny", 300), sides(oldest_python, newest_python))
    assert lockstep_verdict(result).exit_code == 0
    assert len(result.losses) == 300
    gradient = next(one for one in result.differences if (one.quantity, one.tensor) == ("gradient", "embedding"))
    assert any(gradient.by_step)  # two TensorFlows: they round differently
    # Room: no difference comes near its limit. The nearest was at 0.3 of it.
    assert result.nearest is not None
    assert result.nearest.difference < 0.6 * result.nearest.limit
