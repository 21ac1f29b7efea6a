"""Numbers as readers want them, with their units."""

import math
from collections.abc import Callable

from bench.judge.reasons import (
    CandidateFailed,
    Diverged,
    FailsSometimes,
    LockstepFailed,
    Reason,
    StoredRange,
    WeightsChanged,
)
from bench.judge.types import Comparison, Direction, Metric, Scale, Unit

NOTHING = "–"
KIBIBYTE, MEBIBYTE = 2**10, 2**20
MOST_DECIMALS = 6
MOST_LOG = 20.0  # larger differences of logarithms are shown as this one: e²⁰ times is beyond any real slowdown

# Candidate and reference of comparisons without numbers.
WORDS: dict[type[Reason], tuple[str, str]] = {
    CandidateFailed: ("failed", "runs"),
    Diverged: ("diverged", "finite"),
    FailsSometimes: ("failed now and then", "runs"),
    LockstepFailed: ("failed", "runs"),
    WeightsChanged: ("weights changed", "weights kept"),
}


class Count(int):
    """An integer that templates show with its noun: {launches:launch} is "1 launch" or "4 launches"."""

    def __format__(self, noun: str) -> str:
        """Returns the number, and its noun in the plural unless it is 1."""
        plural = "es" if noun.endswith(("ch", "s", "x")) else "s"
        return f"{int(self)} {noun}{'' if self == 1 else plural}" if noun else str(int(self))


def percent(log_difference: float, margin: float | None = None) -> str:
    """Returns a difference of logarithms as a signed percentage: 0.0488 is +5.0%. Below 1% it has a second decimal, and
    as many as it takes to stand on its own side of a margin: 0.0491 is +5.03% where that is 5.0%.
    """
    if not log_difference < MOST_LOG:  # NaN as well
        return "not a number" if math.isnan(log_difference) else "over +100000%"
    value, limit = 100 * math.expm1(log_difference), None if margin is None else 100 * math.expm1(margin)
    return f"{_rounded(value, limit, 2 if abs(value) < 0.995 else 1)}%"


def _rounded(value: float, limit: float | None, least: int) -> str:
    """Returns a signed number with the fewest decimals, no fewer than `least`, that show which side of ±limit it is."""
    texts = [f"{value:+.{decimals}f}" for decimals in range(least, MOST_DECIMALS + 1)]
    return next((text for text in texts if limit is None or _side(float(text), limit) == _side(value, limit)), texts[0])


def _side(value: float, limit: float) -> int:
    """Returns −1 within ±limit, 0 at it, and 1 beyond it."""
    size = abs(value)
    return 0 if math.isclose(size, limit, rel_tol=1e-9) else 1 if size > limit else -1


def milliseconds(seconds: float) -> str:
    """Returns seconds a step in milliseconds."""
    return f"{1000 * seconds:.2f} ms"


def seconds(value: float) -> str:
    """Returns seconds in s, ms or µs, whichever leaves at least one digit before the point."""
    if not value < 1:
        return f"{value:.2f} s"
    return milliseconds(value) if value >= 1e-3 else f"{1e6 * value:.2f} µs"


def mebibytes(size: float) -> str:
    """Returns bytes in MiB."""
    return f"{size / MEBIBYTE:.0f} MiB"


def growth(bytes_per_step: float) -> str:
    """Returns bytes a step in KiB, signed."""
    return f"{bytes_per_step / KIBIBYTE:+.1f} KiB/step"


def perplexity(value: float) -> str:
    """Returns a perplexity; "inf" where it can't be held."""
    return f"{value:.2f}"


def perplexity_of(log_perplexity: float) -> str:
    """Returns the perplexity of its logarithm."""
    return perplexity(math.exp(log_perplexity) if log_perplexity < 700 else math.inf)


def count(value: float) -> str:
    """Returns a number of things, or words a second."""
    return f"{value:,.0f}"


def counted(number: str, noun: str) -> str:
    """Returns a number, as it is shown, with its noun in the plural unless it is 1: "1 minute", "2 to 3 minutes"."""
    return f"{number} {noun}{'' if number == '1' else 's'}"


def minutes(value: float) -> str:
    """Returns minutes with their noun."""
    return counted(f"{value:g}", "minute")


UNITS: dict[Unit, Callable[[float], str]] = {
    Unit.SECONDS: seconds,
    Unit.SECONDS_PER_STEP: milliseconds,
    Unit.BYTES: mebibytes,
    Unit.BYTES_PER_STEP: growth,
    Unit.PERPLEXITY: perplexity,
    Unit.NATS: "{:.4f}".format,
    Unit.WORDS_PER_SECOND: count,
    Unit.COUNT: count,
    Unit.RELATIVE_ERROR: "{:.1e}".format,
    Unit.RATIO: "× {:.3f}".format,
    Unit.NONE: "{:g}".format,
}


def difference(value: float, metric: Metric) -> str:
    """Returns a difference on the metric's scale, signed: a percentage, or a number of the metric's unit. A percentage
    is rounded to no other side of the margin.
    """
    if metric.scale is Scale.LOG:
        return percent(value, metric.margin)
    shown = UNITS[metric.unit](value)
    return shown if shown.startswith(("+", "-")) else f"+{shown}"


def margin(metric: Metric) -> str:
    """Returns the metric's margin: "5.0%", "±1.0%" of one that must not differ either way; "–" without one."""
    if metric.margin is None:
        return NOTHING
    return f"{'±' * (metric.direction is Direction.EQUAL)}{difference(metric.margin, metric).removeprefix('+')}"


def deviation(value: float, metric: Metric) -> str:
    """Returns a standard deviation on the metric's scale: a percentage, or a number of the metric's unit."""
    return f"{value:.2%}" if metric.scale is Scale.LOG else difference(value, metric).removeprefix("+")


def sides(comparison: Comparison) -> tuple[str, str]:
    """Returns the candidate's and the reference's value of a comparison."""
    reason, shown = comparison.unaccepted.reason, UNITS[comparison.metric.unit]
    if words := WORDS.get(type(reason)):
        return words
    candidate, reference = (
        NOTHING if number is None else shown(number) for number in (comparison.candidate, comparison.reference)
    )
    if isinstance(reason, StoredRange):
        return candidate, f"{shown(reason.low)} to {shown(reason.high)}"
    error, limit = comparison.candidate, comparison.reference
    if comparison.metric.unit is not Unit.RELATIVE_ERROR or error is None or limit is None:
        return candidate, reference
    return candidate, f"{'≤' if error <= limit else '>'} {reference}"  # NaN is beyond any


def both(comparison: Comparison) -> str:
    """Returns both values, their unit once: "44.10 / 45.01 ms"; an error stands with its limit: "3e-07 ≤ 4e-06"."""
    candidate, reference = sides(comparison)
    number, _, unit = candidate.partition(" ")
    shared = unit and number[-1:].isdigit() and reference.endswith(f" {unit}") and " to " not in reference
    return f"{number if shared else candidate} {'' if reference.startswith(('≤', '>')) else '/ '}{reference}"
