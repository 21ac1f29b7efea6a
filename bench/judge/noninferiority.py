"""Not slower and not larger than the margin allows: three outcomes of an interval that is looked at once, and what may be somebody else's.

A machine's fingerprint may be that of another host, and the same host may do other work. Step times of different days differ by that, too.
So what was measured beside them limits what they prove: the yardstick, NumPy's step, taken while TensorFlow's process is stopped, and the
part of the CPU that other processes had.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from bench.judge.intervals import detectable
from bench.judge.types import Interval, Outcome, percent
from bench.judge.wording import why

# How much more than the yardstick's TensorFlow's step may change from host to host, in the logarithm: as measured (docs/baselines.md).
RESPONSE = 2.1
# Others that have the part p of the CPU may explain COMPANY × −log(1 − p). Once is what was measured (one of two cores, half of the CPU:
# steps took 1.9 times as long); twice, since steps wait for their slowest thread, from which all of it may have been taken.
COMPANY = 2.0
NAMED = 0.1  # a doubt that is less than this part of the largest is not worth a reader's time


@dataclasses.dataclass(frozen=True)
class Doubt:
    """How much of a difference of step times may not be TensorFlow's; logarithms, from 0 on."""

    slower: float  # of the candidate's being slower
    faster: float  # of its being faster
    reason: str


class Explained(NamedTuple):
    """Doubts taken together."""

    size: float  # of logarithms, from 0 on
    reasons: str  # of those that matter; "" where there are none


@dataclasses.dataclass(frozen=True)
class Judgement:
    """What an interval comes to; the fields are a Comparison's."""

    outcome: Outcome
    note: str
    improved: bool
    detectable: float


def one_sided(found: Interval, margin: float) -> Judgement:
    """Judges a difference of logarithms."""
    outcome, improved = _decided(found, margin, 0.0, 0.0)
    return Judgement(outcome, why(outcome, found, margin, improved=improved), improved, detectable(found, margin))


def one_sided_in_doubt(found: Interval, margin: float, doubts: Sequence[Doubt]) -> Judgement:
    """`one_sided` of step times from different days: an outcome that the doubts together could explain is CANNOT JUDGE."""
    first = one_sided(found, margin)
    slower, faster = explained(doubts, "slower"), explained(doubts, "faster")
    outcome, improved = _decided(found, margin, slower.size, faster.size)
    caught = detectable(found, margin + slower.size)
    if (outcome, improved) == (first.outcome, first.improved):
        return dataclasses.replace(first, detectable=caught)
    reasons = (slower if first.outcome is Outcome.REGRESSION else faster).reasons
    return Judgement(outcome, f"{percent(found.estimate)}, but {reasons}", False, caught)


def explained(doubts: Sequence[Doubt], side: Literal["slower", "faster"]) -> Explained:
    """What the doubts together may explain of the candidate's being slower, or of its being faster."""
    sizes = [doubt.slower if side == "slower" else doubt.faster for doubt in doubts]
    reasons = [doubt.reason for doubt, size in zip(doubts, sizes, strict=True) if size > NAMED * max(sizes)]
    return Explained(math.fsum(sizes), "; ".join(reasons))


def yardstick_doubt(change: float | None, noise: float = 0.0) -> Doubt:
    """What another host may have done, by the yardstick's change (a difference of logarithms); nothing where that isn't known.

    Its best estimate counts, certain or not: what few sessions can't prove of the yardstick would alarm, or hide, as much in the step.
    Where many runs tell how much it changes by `noise` alone, the step's own noise has as much in it, and only what is more counts.
    """
    if change is None:
        return Doubt(0.0, 0.0, "")
    reason = f"the yardstick beside it, NumPy's step, changed by {percent(change)} (another host, or a busy one: see `tfgate upgrade`)"
    return Doubt(RESPONSE * max(change - noise, 0.0), RESPONSE * max(-change - noise, 0.0), reason)


def company_doubt(candidate: float, reference: float = 0.0) -> Doubt:
    """What other processes may have done, that had these parts of the CPU beside the sides' launches: they make nothing faster."""
    slower, faster = (-COMPANY * math.log1p(-min(part, 0.99)) for part in (candidate, reference))
    parts = ((candidate, "candidate"), (reference, "reference"))
    had = " and ".join(f"{part:.0%} of the CPU beside the {side}" for part, side in parts if part)
    return Doubt(slower, faster, f"other processes had {had}: measure again while nothing else runs")


def stall_doubt(candidate: float, reference: float = 0.0) -> Doubt:
    """What the sides' typical steps leave out (bench.judge.summary.stalls): rare long steps must not pass unseen."""
    excess = max(candidate - reference, 0.0)
    return Doubt(0.0, excess, f"steps stall: on average they take {percent(excess)} more than the typical one that is judged")


def _decided(found: Interval, margin: float, slower: float, faster: float) -> tuple[Outcome, bool]:
    outcome = Outcome.CANNOT_JUDGE
    if found.low - slower > margin:
        outcome = Outcome.REGRESSION
    elif found.pass_high + faster < margin:
        outcome = Outcome.PASS
    return outcome, found.high + faster < -margin
