"""A lockstep comparison to a verdict: each outcome, and what its reason holds."""

import math

import pytest

from bench.judge.lockstep import judge_lockstep, lockstep_verdict
from bench.judge.reasons import (
    LockstepAgrees,
    LockstepDeparts,
    LockstepFailed,
    LockstepUnfinished,
    Reason,
    ReferenceDiverged,
    UnlikeFingerprints,
)
from bench.judge.types import Question
from bench.record.lockstep import Departure, Difference, Lockstep
from bench.record.types import Failure
from bench.stats.outcome import Outcome
from tests.builders.launches import lockstep
from tests.builders.records import SUBJECT

FIRST = Difference(2, "update", "output/kernel", 1e-3, 1.3e-5)
KILLED = Failure("crashed", "the worker was killed by SIGSEGV during lockstep")


def test_all_steps_within_their_limits_pass() -> None:
    comparison = judge_lockstep(lockstep())
    assert (comparison.subject, comparison.metric.name) == (SUBJECT.name, "lockstep")
    assert (comparison.candidate, comparison.reference) == (2e-5, 8e-5)  # nearest to its limit, and the limit
    assert comparison.reason == LockstepAgrees(10, 2, "update of embedding", 1)
    verdict = lockstep_verdict(lockstep())
    assert (verdict.question, verdict.comparisons) == (Question.LOCKSTEP, (comparison,))
    assert (verdict.outcome, verdict.exit_code) == (Outcome.PASS, 0)


def test_equal_sides_have_no_nearest_tensor() -> None:
    equal = lockstep(nearest=Difference(1, "update", "embedding", 0.0, 8e-5))
    assert judge_lockstep(equal).reason == LockstepAgrees(10, 2, "", 1)


@pytest.mark.parametrize(
    ("reference_error", "candidate_error", "right", "outcome", "code"),
    [
        (1.1e-7, 1e-3, "reference", Outcome.REGRESSION, 1),
        (6.5e-6, 7e-6, "reference", Outcome.REGRESSION, 1),  # its own limit: half of the difference's
        (6.6e-6, 1e-3, "", Outcome.INCONCLUSIVE, 3),  # both are wrong
        (1e-3, 1e-3, "", Outcome.INCONCLUSIVE, 3),
        (math.nan, math.nan, "", Outcome.INCONCLUSIVE, 3),
        (1e-3, 1.1e-7, "candidate", Outcome.INCONCLUSIVE, 3),  # the reference is the wrong one
    ],
)
def test_a_departure_is_a_regression_where_the_oracle_sides_with_the_reference(
    reference_error: float, candidate_error: float, right: str, outcome: Outcome, code: int
) -> None:
    result = lockstep(departure=Departure(FIRST, 8, reference_error, candidate_error), nearest=FIRST)
    comparison = judge_lockstep(result)
    assert (comparison.outcome, comparison.candidate, comparison.reference) == (outcome, 1e-3, 1.3e-5)
    assert isinstance(comparison.reason, LockstepDeparts)
    assert (comparison.reason.tensor, comparison.reason.step, comparison.reason.others) == (FIRST.name, 2, 8)
    assert comparison.reason.right == right
    assert lockstep_verdict(result).exit_code == code


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (lockstep(candidate_fingerprint="0123"), UnlikeFingerprints(SUBJECT.fingerprint, "0123")),
        (lockstep(losses=(62.0, math.inf)), ReferenceDiverged(math.inf, 1)),
        (lockstep(losses=(62.0, 61.5)), LockstepUnfinished(2, 10)),
        (lockstep(losses=(), nearest=None), LockstepUnfinished(0, 10)),
    ],
)
def test_what_ends_early_is_inconclusive(result: Lockstep, reason: Reason) -> None:
    comparison = judge_lockstep(result)
    assert (comparison.outcome, comparison.reason, comparison.candidate) == (Outcome.INCONCLUSIVE, reason, None)
    assert lockstep_verdict(result).exit_code == 3


@pytest.mark.parametrize(("fingerprint", "step"), [(SUBJECT.fingerprint, 2), ("", None)])
def test_a_candidate_that_fails_where_the_reference_runs_is_a_regression(fingerprint: str, step: int | None) -> None:
    """With its fingerprint it had begun, without it had not."""
    result = lockstep(losses=(62.0, 61.5), candidate_fingerprint=fingerprint, failure=KILLED)
    comparison = judge_lockstep(result)
    assert (comparison.outcome, comparison.reason) == (Outcome.REGRESSION, LockstepFailed(step, KILLED.message))
    assert lockstep_verdict(result).exit_code == 1
