"""The outcomes of a test."""

import enum


class Outcome(enum.Enum):
    """The three outcomes; NOT_GATED marks what nothing is decided by."""

    PASS = "PASS"
    REGRESSION = "REGRESSION"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOT_GATED = "not gated"
