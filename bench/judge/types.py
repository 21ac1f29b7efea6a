"""Comparison and Verdict: what the judge returns and reports show."""

import dataclasses
import enum
import math
from collections.abc import Sequence

from bench.stats.intervals import Interval
from bench.stats.outcome import Outcome


class Scope(enum.Enum):
    """What was measured at all: a PASS must not sound wider."""

    ALL = "numbers and speed"
    NUMBERS = "numbers only; speed not measured"
    SPEED = "speed and memory only; numbers not compared"
    NAMED = "the named metrics only"


EXIT_CODES = {Outcome.PASS: 0, Outcome.REGRESSION: 1, Outcome.CANNOT_JUDGE: 3}
FAILED_CODE = 4  # the measurement failed; 2 is a usage error


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One metric of one subject against its reference."""

    subject: str
    metric: str
    outcome: Outcome
    candidate: str  # values as a reader wants them, with their units
    reference: str
    note: str  # why this outcome
    interval: Interval | None = None
    margin: float | None = None  # on the logarithmic scale of the interval
    detectable: float | None = None  # the smallest difference that this run would have caught with 95% power
    improved: bool = False
    gates: bool = True  # False: the margins file says that this metric only informs, even where it can be judged


@dataclasses.dataclass(frozen=True)
class Verdict:
    """All comparisons of a run, and what they come to."""

    outcome: Outcome
    comparisons: tuple[Comparison, ...]
    warnings: tuple[str, ...]
    failures: tuple[str, ...] = ()  # launches that did not finish: the measurement failed
    scope: Scope = Scope.ALL

    @property
    def failed(self) -> bool:
        """Whether the measurement failed. A regression elsewhere outweighs that."""
        return bool(self.failures) and self.outcome is not Outcome.REGRESSION

    @property
    def exit_code(self) -> int:
        """0 pass, 1 regression, 3 cannot judge, 4 measurement failed."""
        return FAILED_CODE if self.failed else EXIT_CODES[self.outcome]


def overall(comparisons: Sequence[Comparison]) -> Outcome:
    """REGRESSION if any is, PASS only if all that gate are and there is one at all, else CANNOT JUDGE."""
    outcomes = {comparison.outcome for comparison in comparisons}
    if Outcome.REGRESSION in outcomes:
        return Outcome.REGRESSION
    return Outcome.PASS if Outcome.PASS in outcomes and Outcome.CANNOT_JUDGE not in outcomes else Outcome.CANNOT_JUDGE


def percent(log_difference: float) -> str:
    """A difference of logarithms as a signed percentage: 0.0488 → +5.0%; a decimal more below 1%, where margins of 1% are judged."""
    if not log_difference < 20:  # also NaN
        return "over +100000%" if log_difference >= 20 else "not a number"
    value = 100 * math.expm1(log_difference)
    return f"{value:+.2f}%" if abs(value) < 0.995 else f"{value:+.1f}%"
