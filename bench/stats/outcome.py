"""The outcomes of a test, and the exit codes of a command."""

import enum


class Outcome(enum.Enum):
    """The outcomes of a comparison and of a verdict."""

    PASS = "PASS"
    REGRESSION = "REGRESSION"
    INCONCLUSIVE = "INCONCLUSIVE"
    FAILED = "MEASUREMENT FAILED"  # launches did not finish; of a verdict alone
    NOT_GATED = "not gated"  # nothing is decided by it; of a comparison alone


EXIT_CODES = {Outcome.PASS: 0, Outcome.REGRESSION: 1, Outcome.INCONCLUSIVE: 3, Outcome.FAILED: 4}
USAGE_CODE, FAILED_CODE = 2, EXIT_CODES[Outcome.FAILED]
