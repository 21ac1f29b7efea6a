"""The sentence in which every judgement says what was found against its margin."""

from collections.abc import Callable
from typing import Any

from bench.judge.types import percent
from bench.stats.intervals import Interval
from bench.stats.outcome import Outcome
from bench.stats.sequential import Decision


def why(
    outcome: Outcome,
    found: Interval,
    margin: float,
    *,
    improved: bool = False,
    two_sided: bool = False,
    difference: Callable[[float], str] = percent,
    after: str = "",
) -> str:
    """What makes `found` PASS, a REGRESSION or CANNOT JUDGE: "+17.2%, certainly more than +10.0%".

    `difference` shows a value of the interval's scale; `after` is what it rests on: "after 4 launches".
    """
    estimate, limit, after = difference(found.estimate), difference(margin), after and f" {after}"
    if two_sided:
        limit = limit.lstrip("+")
    if outcome is Outcome.REGRESSION:
        return f"{estimate}, certainly more than {limit}{' off' if two_sided else ''}{after and f',{after}'}"
    if improved:
        return f"{estimate}, at most {difference(found.pass_high)}{after}: an improvement"
    if outcome is Outcome.PASS:
        if two_sided:
            return f"{estimate}, between {difference(found.pass_low)} and {difference(found.pass_high)}{after}: {limit} off is ruled out"
        return f"{estimate}, at most {difference(found.pass_high)}{after}: {limit} is ruled out"
    bounds = f"{estimate}, between {difference(found.low)} and {difference(found.high)}{after}"
    return f"{bounds}: neither within {limit} nor outside" if two_sided else f"{bounds}: {limit} can't be excluded"


def decided(decision: Decision, margin: float, **wording: Any) -> str:
    """What makes a decision so, against the margin, or why nothing can be computed. `wording`: see `why`."""
    if decision.interval is None:
        return decision.problem
    return why(decision.outcome, decision.interval, margin, improved=decision.improved, **wording)
