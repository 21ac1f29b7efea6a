"""A run that is still measured: the estimate so far, how much of it is decided, and the time left."""

from collections.abc import Sequence

from bench.judge.metrics import STEP_TIMES
from bench.judge.types import Comparison
from bench.report import values
from bench.report.sentences import bounds
from bench.stats.outcome import Outcome

MINUTE = 60.0
MOST_OPEN = 3  # metrics that a line names


def left_text(seconds: tuple[float, float] | None) -> str:
    """Returns the time left as a range; "" where none is, or nobody knows. Where the least exceeds the most, says that
    no PASS fits the budget.
    """
    if seconds is None or not seconds[1]:
        return ""
    least, most = (round(each / MINUTE) for each in seconds)
    if seconds[0] > seconds[1]:
        takes = f"about {least}" if least > most else "longer"
        return f"{left_text((0.0, seconds[1]))}; a PASS takes {takes}, which at this pace is beyond the budget"
    if most < 1:
        return "under a minute left"
    if least == most:
        return f"about {most} min left"
    return f"{least} to {most} min left" if least else f"up to {most} min left"


def so_far_text(comparisons: Sequence[Comparison], left: str) -> str:
    """Returns the first step time at its last look, the metrics that are decided and those that are open, and the time
    left; what isn't known yet is left out.
    """
    steps = next((one for one in comparisons if one.metric.name in STEP_TIMES), None)
    found = steps.interval if steps else None
    parts = []
    if steps and found and steps.metric.gates:
        shown = values.difference(found.estimate, steps.metric)
        parts.append(f"last look {shown} ({bounds(steps)}), margin {values.margin(steps.metric)}")
    gating = [one for one in comparisons if one.metric.gates]
    left_open = [one.metric.name for one in gating if one.outcome not in (Outcome.PASS, Outcome.REGRESSION)]
    decided = len(gating) - len(left_open)
    parts += [f"{decided} of {len(gating)} metrics decided"] if decided else []
    parts += [f"open: {', '.join(left_open)}"] if decided and 0 < len(left_open) <= MOST_OPEN else []
    return "; ".join(part for part in (*parts, left) if part)
