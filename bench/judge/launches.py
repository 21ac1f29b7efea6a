"""Launches of two sides to a comparison: launch n of the candidate pairs with launch n of the reference."""

import dataclasses
from collections.abc import Callable, Sequence
from statistics import fmean

from bench.judge import wording
from bench.judge.types import Comparison, percent
from bench.stats.outcome import Outcome
from bench.stats.sequential import LOOKS, decide

Show = Callable[[float], str]


def judge_launches(
    comparison: Comparison,
    reference: Sequence[float],
    candidate: Sequence[float],
    margin: float,
    show: Show,
    difference: Show = percent,
) -> Comparison:
    """The comparison with what the launches prove; one that doesn't gate only informs.

    Values are on the scale of `margin`, in the order measured; those without a partner don't count. `show` words a side's mean,
    `difference` a difference: without `percent` it is none of logarithms, and the comparison gets no interval.
    """
    values = [after - before for before, after in zip(reference, candidate, strict=False)]
    decision = decide(values, margin)
    rested = decision.launches if decision else len(values)
    outcome = decision.outcome if decision else Outcome.CANNOT_JUDGE
    found = dataclasses.replace(
        comparison,
        outcome=outcome if comparison.gates else Outcome.INFORMS,
        candidate=show(fmean(candidate[:rested])) if rested else "–",
        reference=show(fmean(reference[:rested])) if rested else "–",
    )
    if decision is None:
        note = f"not judged: launches are looked at from {LOOKS[0]} on, and there {'is' if rested == 1 else 'are'} {rested}"
        return dataclasses.replace(found, note=note)
    found = dataclasses.replace(
        found, note=wording.decided(decision, margin, difference=difference, after=f"after {rested} launches")
    )
    if difference is not percent:
        return found
    return dataclasses.replace(
        found, interval=decision.interval, margin=margin, detectable=decision.detectable, improved=decision.improved
    )
