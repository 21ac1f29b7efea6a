"""A lockstep comparison to a verdict. No statistics: both sides computed the same numbers, or one of them is wrong."""

import math

from bench.judge.metrics import LOCKSTEP
from bench.judge.reasons import (
    LockstepAgrees,
    LockstepDeparts,
    LockstepFailed,
    LockstepUnfinished,
    Reason,
    ReferenceDiverged,
    UnlikeFingerprints,
)
from bench.judge.types import Comparison, Question, Verdict
from bench.record.lockstep import Departure, Difference, Lockstep
from bench.record.paired import CANDIDATE, REFERENCE
from bench.stats.outcome import Outcome


def lockstep_verdict(result: Lockstep) -> Verdict:
    """Returns the verdict on one comparison."""
    return Verdict(Question.LOCKSTEP, (judge_lockstep(result),), ())


def judge_lockstep(result: Lockstep) -> Comparison:
    """Returns REGRESSION where a tensor left its limit and the oracle sides with the reference, or where only the
    candidate failed.

    Where the oracle sides with the candidate the reference is the wrong one: that, and whatever ends a comparison
    before its last step, is INCONCLUSIVE.
    """
    if result.failure:
        step = len(result.losses) if result.candidate_fingerprint else None
        failed = LockstepFailed(step, result.failure.message)
        return Comparison(result.subject.name, LOCKSTEP, Outcome.REGRESSION, failed)
    if result.candidate_fingerprint != result.subject.fingerprint:
        return _unjudged(result, UnlikeFingerprints(result.subject.fingerprint, result.candidate_fingerprint))
    if result.departure:
        return _departed(result, result.departure)
    done = len(result.losses)
    if done and not math.isfinite(result.losses[-1]):
        return _unjudged(result, ReferenceDiverged(result.losses[-1], done - 1))
    if result.nearest is None or done < result.subject.steps:
        return _unjudged(result, LockstepUnfinished(done, result.subject.steps))
    return _passed(result, result.nearest)


def _passed(result: Lockstep, nearest: Difference) -> Comparison:
    name = nearest.name if nearest.difference else ""
    reason = LockstepAgrees(len(result.losses), len(result.differences), name, nearest.step)
    return Comparison(result.subject.name, LOCKSTEP, Outcome.PASS, reason, nearest.difference, nearest.limit)


def _departed(result: Lockstep, departure: Departure) -> Comparison:
    first, reference, candidate = departure.first, departure.reference_error, departure.candidate_error
    right = REFERENCE if reference <= candidate else CANDIDATE
    outcome = Outcome.REGRESSION if right == REFERENCE else Outcome.INCONCLUSIVE
    reason = LockstepDeparts(first.name, first.step, departure.others, right, reference, candidate)
    return Comparison(result.subject.name, LOCKSTEP, outcome, reason, first.difference, first.limit)


def _unjudged(result: Lockstep, reason: Reason) -> Comparison:
    return Comparison(result.subject.name, LOCKSTEP, Outcome.INCONCLUSIVE, reason)
