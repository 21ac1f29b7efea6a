"""A lockstep comparison to a verdict. No statistics: both sides computed the same numbers, or one of them is wrong."""

import functools
import math

from bench.judge.metrics import LOCKSTEP
from bench.judge.reasons import (
    LockstepAgrees,
    LockstepDeparts,
    LockstepFailed,
    LockstepUnfinished,
    ReferenceDiverged,
    UnlikeFingerprints,
)
from bench.judge.types import Comparison, Question, Verdict
from bench.record.lockstep import SIDES, Lockstep
from bench.record.paired import CANDIDATE, REFERENCE
from bench.stats.outcome import Outcome


def lockstep_verdict(result: Lockstep) -> Verdict:
    """Returns the verdict on one comparison."""
    return Verdict(Question.LOCKSTEP, (judge_lockstep(result),), ())


def judge_lockstep(result: Lockstep) -> Comparison:
    """Returns REGRESSION where a tensor left its limit and the oracle sides with the reference, or where only the
    candidate failed.

    The oracle sides with a side that is within the limit of the oracle check, the reference first. Where it doesn't
    side with the reference, that is wrong itself: this, and whatever ends a comparison before its last step, is
    INCONCLUSIVE.
    """
    compared = functools.partial(Comparison, result.subject.name, LOCKSTEP)
    done, own, theirs = len(result.losses), result.subject.fingerprint, result.candidate_fingerprint
    if result.failure:
        return compared(Outcome.REGRESSION, LockstepFailed(done if theirs else None, result.failure.message))
    if own != theirs:
        return compared(Outcome.INCONCLUSIVE, UnlikeFingerprints(own, theirs))
    if departure := result.departure:
        first, reference, candidate = departure.first, departure.reference_error, departure.candidate_error
        own_limit = first.limit / SIDES
        right = REFERENCE if reference <= own_limit else CANDIDATE if candidate <= own_limit else ""
        outcome = Outcome.REGRESSION if right == REFERENCE else Outcome.INCONCLUSIVE
        reason = LockstepDeparts(first.name, first.step, departure.others, right, reference, candidate)
        return compared(outcome, reason, first.difference, first.limit)
    if done and not math.isfinite(result.losses[-1]):
        return compared(Outcome.INCONCLUSIVE, ReferenceDiverged(result.losses[-1], done - 1))
    nearest = result.nearest
    if nearest is None or done < result.subject.steps:
        return compared(Outcome.INCONCLUSIVE, LockstepUnfinished(done, result.subject.steps))
    agrees = LockstepAgrees(done, len(result.differences), nearest.name if nearest.difference else "", nearest.step)
    return compared(Outcome.PASS, agrees, nearest.difference, nearest.limit)
