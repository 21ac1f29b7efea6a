"""The sentence in which every judgement says what was found against its margin."""

from collections.abc import Callable

from bench.judge.types import Interval, Outcome, percent


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
