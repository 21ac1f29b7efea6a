"""The answer of a bisection, for a terminal and for programs."""

from collections.abc import Sequence
from typing import Any

from bench.judge.bisect import Answer, Finding
from bench.judge.types import Comparison
from bench.report.sentences import why, with_reason
from bench.report.text import WIDTH, table_text, wrapped
from bench.report.values import NOTHING, counted, percent
from bench.stats.bisection import SINGLE, Search
from bench.stats.intervals import Interval
from bench.stats.outcome import Outcome
from bench.stats.pooled import Bounded

HEADERS = ("release", "launches", "difference", "own step", "probability")
ANSWERS = {
    Answer.FOUND: "{release} changed {metric} by {step}, of {change} from {good} to {bad}",
    Answer.NO_SINGLE: "no single release explains the change of {metric} from {good} to {bad}, {change}: "
    f"each brought less than {SINGLE:.0%} of it",
    Answer.NO_CHANGE: "no change of {metric} from {good} to {bad} is proven: {change}",
    Answer.OPEN: "the budget is spent: the difference of {metric} from {good} to {bad} is {change}; {likely}",
}


def cost(left: Sequence[int], minutes: Sequence[float], *, paced: bool) -> str:
    """Returns the (least, most) measurements to expect, and their minutes; `paced`: at the pace of this machine."""
    counts, times = (" to ".join(dict.fromkeys(f"{one:.0f}" for one in found)) for found in (left, minutes))
    pace = "at this machine's pace" if paced else "at the usual pace, plus the time to build environments"
    return (
        f"expect {counted(counts, 'more measurement' if paced else 'measurement')}: {counted(times, 'minute')} {pace}"
    )


def launches_text(finding: Finding, search: Search, metric: str, names: Sequence[str]) -> str:
    """Returns the answer, then a line for each release; `names` are those of the good release and all after it."""
    releases = range(1, len(names))
    rows = [
        [names[release], *_cells(search, release)]
        for release in releases
        if search.changed or search.counts[release - 1]
    ]
    table = table_text(HEADERS, rows, ("left", *["right"] * 4))
    note = (
        f"difference: from {names[0]}; own step: from the release before it; intervals at {search.confidence:.0%} "
        "confidence, all looks included"
    )
    return f"{wrapped(_answer(finding, search, metric, names), WIDTH)}\n\n{table}\n{note}"


def launches_json(finding: Finding, search: Search, metric: str, names: Sequence[str]) -> dict[str, Any]:
    """Returns the same for programs; differences are on the metric's scale, times as log ratios."""
    releases = [
        {
            "name": names[release],
            "launches": int(search.counts[release - 1]),
            "difference": plain_bounds(search.difference(release)),
            "own_step": plain_bounds(search.step(release)),
            "probability": float(search.posterior[release - 1]) if search.changed else None,
        }
        for release in range(1, len(names))
    ]
    return _head(finding, metric, names) | {"confidence": search.confidence, "releases": releases}


def numbers_text(finding: Finding, doubted: Sequence[Comparison | None], names: Sequence[str]) -> str:
    """Returns the answer, with the reason why the numbers of the release found are wrong, or tell nothing."""
    if finding.answer is Answer.NO_CHANGE:
        return f"the numbers of {names[-1]} are not a regression from {names[0]}"
    if finding.answer is Answer.OPEN:
        return f"the budget is spent: the numbers of {names[finding.release or 1]} were to be compared next"
    release = finding.release or len(doubted)
    found = doubted[release - 1]
    assert found
    if finding.answer is Answer.UNDECIDED:
        return wrapped(f"the numbers of {names[release]} are inconclusive: {with_reason(found)}", WIDTH)
    first = f"{names[release]} is the first whose numbers are a regression from {names[0]}"
    return wrapped(f"{first}: {with_reason(found)}", WIDTH)


def numbers_json(
    finding: Finding, doubted: Sequence[Comparison | None], compared: Sequence[bool], names: Sequence[str]
) -> dict[str, Any]:
    """Returns the same for programs; a release that was not `compared` is neither right nor wrong."""
    releases = [
        {"name": name, **plain_numbers(one if done else None, compared=done)}
        for name, done, one in zip(names[1:], compared, doubted, strict=True)
    ]
    return _head(finding, "numbers", names) | {"releases": releases}


def plain_numbers(doubted: Comparison | None, *, compared: bool) -> dict[str, Any]:
    """Returns for programs whether numbers were compared, and why they are a regression, or inconclusive."""
    wrong = doubted is not None and doubted.outcome is Outcome.REGRESSION
    return {
        "compared": compared and (wrong or not doubted),
        "regression": why(doubted) if doubted and wrong else None,
        "inconclusive": why(doubted) if doubted and not wrong else None,
    }


def _head(finding: Finding, metric: str, names: Sequence[str]) -> dict[str, Any]:
    found = names[finding.release] if finding.answer is Answer.FOUND and finding.release else None
    return {"answer": finding.answer.value, "release": found, "metric": metric, "good": names[0], "bad": names[-1]}


def _answer(finding: Finding, search: Search, metric: str, names: Sequence[str]) -> str:
    likely = int(search.posterior.argmax()) + 1 if search.changed else len(names) - 1
    most = f"{names[likely]} is likeliest to have brought it ({search.posterior[likely - 1]:.0%})"
    return ANSWERS[finding.answer].format(
        release=names[finding.release or likely],
        metric=metric,
        step=told(search.step(likely)),
        change=told(search.change),
        good=names[0],
        bad=names[-1],
        likely=most if search.changed else "no change is proven",
    )


def _cells(search: Search, release: int) -> list[str]:
    probability = f"{search.posterior[release - 1]:.0%}" if search.changed else NOTHING
    launches = str(int(search.counts[release - 1]))
    return [launches, told(search.difference(release)), told(search.step(release)), probability]


def told(step: Bounded | None) -> str:
    """Returns a difference of log ratios as a percentage with its bounds; "–" without one."""
    return f"{percent(step.estimate)} ({percent(step.low)} to {percent(step.high)})" if step else NOTHING


def plain_bounds(found: Bounded | Interval | None) -> dict[str, float] | None:
    """Returns a difference with its bounds for programs."""
    return {"estimate": found.estimate, "low": found.low, "high": found.high} if found else None
