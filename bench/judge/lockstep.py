"""A lockstep comparison to a verdict. No statistics: both sides computed the same numbers, or one of them is wrong."""

import math

from bench.judge.types import Comparison, Verdict
from bench.record.lockstep import Departure, Difference, Lockstep
from bench.stats.outcome import Outcome

METRIC = "lockstep"


def lockstep_verdict(result: Lockstep) -> Verdict:
    """The verdict on one comparison."""
    comparison = judge_lockstep(result)
    return Verdict(comparison.outcome, (comparison,), ())


def judge_lockstep(result: Lockstep) -> Comparison:
    """REGRESSION where a tensor left its limit and the oracle sides with the reference, or where only the candidate failed.

    Where the oracle sides with the candidate the reference is the wrong one: that, and whatever ends a comparison before its last
    step, is CANNOT JUDGE.
    """
    if result.failure:
        return _failed(result, result.failure.message)
    if result.candidate_fingerprint != result.subject.fingerprint:
        fingerprints = f"{result.subject.fingerprint} and {result.candidate_fingerprint}"
        return _unjudged(
            result,
            f"the sides have unlike corpora or initial weights (fingerprints {fingerprints}): give them one NumPy",
        )
    if result.departure:
        return _departed(result, result.departure)
    done = len(result.losses)
    if done and not math.isfinite(result.losses[-1]):
        return _unjudged(
            result, f"the reference diverged: its loss is {result.losses[-1]} at step {done - 1}; compare fewer steps"
        )
    if result.nearest is None or done < result.subject.steps:
        return _unjudged(result, f"{done} of {result.subject.steps} steps were compared: run it again")
    return _passed(result, result.nearest)


def _passed(result: Lockstep, nearest: Difference) -> Comparison:
    count = f"{len(result.losses)} steps × {len(result.differences)} tensors agree"
    where = f"nearest to its limit: {nearest.name} at step {nearest.step}" if nearest.difference else "to the last bit"
    note = f"{count}; {where}; took {result.overhead:.1f} × the sides' own steps"
    return Comparison(
        result.subject.name, METRIC, Outcome.PASS, f"{nearest.difference:.1e}", f"≤ {nearest.limit:.1e}", note
    )


def _departed(result: Lockstep, departure: Departure) -> Comparison:
    first, reference, candidate = departure.first, departure.reference_error, departure.candidate_error
    with_reference = reference <= candidate
    more = f", {departure.others} more with it" if departure.others else ""
    side = "reference" if with_reference else "candidate"
    oracle = f"the oracle sides with the {side} ({reference:.1e} from it the reference, {candidate:.1e} the candidate)"
    note = f"{first.name} is the first to leave its limit, at step {first.step}{more}; {oracle}"
    outcome = Outcome.REGRESSION if with_reference else Outcome.CANNOT_JUDGE
    return Comparison(result.subject.name, METRIC, outcome, f"{first.difference:.1e}", f"≤ {first.limit:.1e}", note)


def _failed(result: Lockstep, message: str) -> Comparison:
    when = f"at step {len(result.losses)}" if result.candidate_fingerprint else "before the first step"
    note = f"the candidate failed {when}, where the reference runs: {message}"
    return Comparison(result.subject.name, METRIC, Outcome.REGRESSION, "failed", "runs", note)


def _unjudged(result: Lockstep, note: str) -> Comparison:
    return Comparison(result.subject.name, METRIC, Outcome.CANNOT_JUDGE, "–", "–", note)
