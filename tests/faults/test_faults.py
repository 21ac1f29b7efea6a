"""Every fault, injected in a real launch, is caught; no fault is not."""

import dataclasses
from pathlib import Path

import pytest

from bench.record.types import REPEAT, STEP, STRESS, Evaluation, NumericError
from tests.builders.records import record, standards
from tests.faults.hook.injected.registry import FAULTS
from tests.faults.hook.injected.settings import SETTINGS
from tests.faults.trial import (
    EVALUATION,
    ORACLE,
    PLAN,
    STEPS,
    BrokenFaultError,
    Trial,
    catches,
    lockstep_catch,
    run_fault,
)

SHORT = dataclasses.replace(PLAN, steps=12)

# Some whose first alarm is known.
TELLING = {
    "learning-rate-plus-0.1-percent": (ORACLE, "step 0: update of "),  # the smallest
    "state-not-carried": (ORACLE, "step 1: "),  # right in the first step
    "logits-clipped": (ORACLE, "stress large logits: logits"),  # the loss is wrong as well, but later
    "softmax-overflows": (ORACLE, "stress large logits: loss"),  # right in all of training
    "evaluation-trains": (EVALUATION, "weights changed"),  # no step of training is wrong
}


def caught(trial: Trial) -> dict[str, str]:
    return {catch.check: catch.where for catch in catches(trial, standards())}


def test_each_check_says_what_it_caught_and_when() -> None:
    """Blocks of 5, 5 and 2 steps: step 4 is in the first, 5 in the second; step 12 is a stress step.

    Stress steps come after them all, and the same steps again last, whatever their number.
    """
    progress = ((5, 1.0), (10, 2.0), (12, 3.0))

    def wrong(*at: tuple[int, str, str], changed: bool = False) -> Trial:
        numerics = tuple(
            NumericError(step, quantity, "embedding", 1.0, 1e-6, source=source, case="NaN")
            for step, source, quantity in at
        )
        evaluation = Evaluation(99.0, 80, 0.5, changed)
        launch = dataclasses.replace(record(numerics=numerics), evaluation=evaluation)
        return Trial(launch, progress, 4.0)

    found = [wrong((step, STEP, "update")) for step in (4, 5, 11)] + [
        wrong((12, STRESS, "loss")),
        wrong((4, REPEAT, "")),
        wrong((4, REPEAT, ""), (5, STEP, "update")),
    ]
    told = [(catch.check, catch.where, catch.seconds) for trial in found for catch in catches(trial, standards())]
    assert told == [
        (ORACLE, "step 4: update of embedding", 1.0),
        (ORACLE, "step 5: update of embedding", 2.0),
        (ORACLE, "step 11: update of embedding", 3.0),
        (ORACLE, "stress NaN: loss of embedding", 4.0),
        (ORACLE, "repeat of embedding", 4.0),
        (ORACLE, "step 5: update of embedding", 2.0),
    ]
    assert caught(wrong(changed=True)) == {EVALUATION: "weights changed"}
    assert caught(wrong()) == {}


@pytest.mark.slow
def test_nothing_is_caught_where_nothing_is_wrong(newest_python: Path) -> None:
    """It isn't the hook that the checks ring for."""
    clean = run_fault("none", str(newest_python), SHORT)
    assert len(clean.record.losses) == SHORT.steps
    assert clean.record.numerics
    assert caught(clean) == {}
    (first, early), (second, later), (third, last) = clean.progress
    assert (first, second, third) == (5, 10, 12)
    assert early <= later <= last <= clean.seconds


def test_a_launch_that_breaks_down_shows_nothing(tmp_path: Path) -> None:
    with pytest.raises(BrokenFaultError, match=r"clip-missing: the launch in .* failed: .*can't be started"):
        run_fault("clip-missing", str(tmp_path / "python"), SHORT)


@pytest.mark.slow
@pytest.mark.parametrize("environment", ["oldest_python", "newest_python"])
@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_every_fault_is_caught_by_a_gate_without_baselines(
    request: pytest.FixtureRequest, environment: str, fault: str
) -> None:
    trial = run_fault(fault, str(request.getfixturevalue(environment)))
    assert trial.record.subject.steps == STEPS
    found = caught(trial)
    assert found
    check, where = TELLING.get(fault, (next(iter(found)), ""))
    assert found[check].startswith(where)


@pytest.mark.slow
@pytest.mark.parametrize("environment", ["oldest_python", "newest_python"])
@pytest.mark.parametrize("setting", [setting.name for setting in SETTINGS])
def test_a_setting_that_may_round_otherwise_is_not_caught(
    request: pytest.FixtureRequest, environment: str, setting: str
) -> None:
    python = str(request.getfixturevalue(environment))
    assert caught(run_fault(setting, python)) == {}
    assert lockstep_catch(setting, python) is None


@pytest.mark.slow
def test_lockstep_catches_nothing_where_nothing_is_wrong(newest_python: Path) -> None:
    assert lockstep_catch("none", str(newest_python)) is None
