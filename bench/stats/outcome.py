"""The outcomes of a test."""

import enum


class Outcome(enum.Enum):
    """The three outcomes. INFORMS marks a comparison that doesn't gate."""

    PASS = "PASS"
    REGRESSION = "REGRESSION"
    CANNOT_JUDGE = "CANNOT JUDGE"
    INFORMS = "informs"
