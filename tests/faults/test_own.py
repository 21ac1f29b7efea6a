"""Examples of users' own models: a wrong gradient is caught in each, a slow step is, and nothing where nothing is."""

from pathlib import Path

import pytest

from bench.drive.plan import Plan
from bench.judge.exact import judge_numerics
from bench.record.files import read_record
from bench.record.paired import PairedRun, Side
from bench.record.types import NO_REFERENCE, Record
from bench.stats.outcome import Outcome
from tests.builders.commands import PASS, REGRESSION, Tfgate
from tests.builders.records import standards
from tests.faults.hook.injected.registry import NO_FAULT, OF_OWN
from tests.faults.trial import ORACLE, catches, fault_variables, run_fault

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NAMES = sorted(path.name for path in EXAMPLES.glob("*.py"))
BOTH = ["oldest_python", "newest_python"]
LOOP = "custom_loop.py"


def plan_of(example: str, reference: str = "") -> Plan:
    definer = Side(reference, reference, {}) if reference else None
    workload = str(EXAMPLES / example)
    return Plan("own", 1, "", None, "", speed=False, workload=workload, answers=True, definer=definer)


def answered(fault: str, python: Path, example: str, reference: Path | None = None) -> Record:
    return run_fault(fault, str(python), plan_of(example, str(reference or python))).record


def judged(record: Record) -> Outcome:
    return judge_numerics("mine", [record]).outcome


def test_each_example_has_a_fault() -> None:
    assert {fault.workload for fault in OF_OWN.values()} == set(NAMES)


def test_a_wrong_gradient_is_caught(newest_python: Path) -> None:
    trial = run_fault("tanh-gradient", str(newest_python), plan_of(LOOP, str(newest_python)))
    found = {error.quantity for error in trial.record.numerics if not error.within}
    assert found == {"answer gradient", "answer update after 1", "answer update after 2"}
    assert {catch.check for catch in catches(trial, standards())} == {ORACLE}
    assert judged(trial.record) is REGRESSION
    assert trial.record.subject.name == "custom_loop-own-cpu0"


def test_a_right_one_passes_across_keras(newest_python: Path, oldest_python: Path) -> None:
    record = answered(NO_FAULT.name, newest_python, LOOP, reference=oldest_python)
    assert record.failure is None
    assert record.unchecked == ()
    assert judged(record) is PASS


def test_without_a_reference_nothing_is_compared(newest_python: Path) -> None:
    record = run_fault(NO_FAULT.name, str(newest_python), plan_of(LOOP)).record
    assert [one.why for one in record.unchecked] == [NO_REFERENCE]
    assert (judged(record), record.numerics, record.memory) == (Outcome.INCONCLUSIVE, (), None)


@pytest.mark.slow
@pytest.mark.parametrize("environment", BOTH)
@pytest.mark.parametrize("fault", sorted(OF_OWN))
def test_a_wrong_gradient_is_caught_in_each(request: pytest.FixtureRequest, environment: str, fault: str) -> None:
    record = answered(fault, request.getfixturevalue(environment), OF_OWN[fault].workload)
    assert judged(record) is REGRESSION
    assert "answer gradient" in {error.quantity for error in record.numerics if not error.within}


@pytest.mark.slow
@pytest.mark.parametrize("environment", BOTH)
@pytest.mark.parametrize("reference", BOTH)
@pytest.mark.parametrize("example", NAMES)
def test_nothing_is_caught_where_nothing_is_wrong(
    request: pytest.FixtureRequest, environment: str, reference: str, example: str
) -> None:
    pythons = (request.getfixturevalue(name) for name in (environment, reference))
    record = answered(NO_FAULT.name, next(pythons), example, next(pythons))
    assert record.failure is None
    assert judged(record) is PASS


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "outcome"), [("own-slower-by-0.10", REGRESSION), (NO_FAULT.name, PASS)])
def test_a_slowdown_of_twice_the_margin_is_caught(
    tfgate: Tfgate, tmp_path: Path, newest_python: Path, fault: str, outcome: Outcome
) -> None:
    """By the repository's own margins: 5% on all cores, 3% on one."""
    variables = fault_variables(fault)
    hook = ["--from-env", f"PYTHONPATH={variables['PYTHONPATH']}"]
    slow = [option for name, value in variables.items() for option in ("--to-env", f"{name}={value}")]
    sides = ["--from", str(newest_python), *hook, "--to", str(newest_python), *slow]
    more = ["--workload", str(EXAMPLES / "keras_cnn.py"), "--speed-only", "--output", tmp_path / "out", "--json"]
    found = tfgate("upgrade", *sides, *more)
    told = {found.outcomes.get(metric) for metric in ("step time", "step time on one core")}
    assert outcome in told
    assert (REGRESSION in told) == (outcome is REGRESSION)


FAILING = """
import tensorflow as tf

def workload():
    weights = tf.Variable([1.0, 2.0], dtype=tf.keras.backend.floatx())
    taken = []

    def step(inputs):
        taken.append(None)
        if len(taken) > 17 and tf.__version__.startswith("2.21"):
            raise ValueError("the data ends here")
        return tf.reduce_sum(weights * inputs)

    return step, [weights], (tf.ones(2, weights.dtype),)
"""


@pytest.mark.slow
def test_an_exception_at_a_step_is_a_line_with_side_and_phase(
    tfgate: Tfgate, tmp_path: Path, oldest_python: Path, newest_python: Path
) -> None:
    (tmp_path / "mine.py").write_text(FAILING)
    sides = ["--from", str(oldest_python), "--to", str(newest_python), "--workload", tmp_path / "mine.py"]
    found = tfgate("upgrade", *sides, "--output", tmp_path / "out")
    assert found.code == 1
    words = " ".join(found.out.split())
    assert "the candidate failed in launch 1, where the reference runs: ModelError: mine.py at step 17: Val" in words
    run = read_record(PairedRun, tmp_path / "out" / "paired.json")
    assert [record.numerics != () for record in run.oracle] == [True, True]  # nothing of it is lost
    assert len(run.pairs) == 2  # and its repeat
