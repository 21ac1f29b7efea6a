"""The outcomes of a test, and the exit codes of a command."""

import enum


class Outcome(enum.Enum):
    """The three outcomes; NOT_GATED marks what nothing is decided by."""

    PASS = "PASS"
    REGRESSION = "REGRESSION"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOT_GATED = "not gated"


EXIT_CODES = {Outcome.PASS: 0, Outcome.REGRESSION: 1, Outcome.INCONCLUSIVE: 3}
USAGE_CODE, FAILED_CODE = 2, 4  # a usage error; the measurement failed
