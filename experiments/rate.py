"""A rate of events, and its bounds by Clopper and Pearson."""

import dataclasses
import math

from scipy import special

CONFIDENCE = 0.95
TWO_SIDED = 1 - (1 - CONFIDENCE) / 2  # of each of two bounds


@dataclasses.dataclass(frozen=True)
class Rate:
    """A count of events in trials, and the bounds of its rate."""

    count: int
    of: int

    @property
    def found(self) -> float:
        """Returns the rate."""
        return self.count / self.of

    def bound(self, *, upper: bool, level: float = CONFIDENCE) -> float:
        """Returns the one-sided Clopper-Pearson bound."""
        others = self.of - self.count
        if upper:
            return float(special.betaincinv(self.count + 1, others, level)) if others else 1.0
        return float(special.betaincinv(self.count, others + 1, 1 - level)) if self.count else 0.0

    def told(self, *, upper: bool, digits: int, level: float = CONFIDENCE) -> str:
        """Returns the bound in percent, rounded to so many digits away from the rate."""
        scale = 10 ** (digits + 2)
        outwards = math.ceil if upper else math.floor
        return f"{outwards(round(scale * self.bound(upper=upper, level=level), 9)) / scale:.{digits}%}"
