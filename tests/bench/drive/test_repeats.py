"""A measurement that failed is repeated once."""

import pytest

from bench.drive.repeats import twice
from bench.record.types import NO_TENSORFLOW, Failure

CRASH, LACK = Failure("crashed", "killed by SIGKILL"), Failure(NO_TENSORFLOW, "there is none")
AGAIN, THEIRS = Failure("crashed", "killed by SIGSEGV"), Failure("crashed", "another side was killed")


@pytest.mark.parametrize(
    ("results", "found", "said"),
    [
        ([None], None, []),
        ([CRASH, None], None, ["lockstep failed once, and ran when it was repeated: killed by SIGKILL"]),
        ([CRASH, AGAIN], AGAIN, []),
        ([THEIRS, CRASH], THEIRS, []),
        ([CRASH, THEIRS], THEIRS, []),
        ([LACK], LACK, []),  # a second try could do no better
    ],
)
def test_what_failed_is_measured_once_more(
    results: list[Failure | None], found: Failure | None, said: list[str]
) -> None:
    left = iter(results)
    assert twice("lockstep", lambda: next(left), lambda one: one, lambda one: one is THEIRS) == (found, said)
    assert list(left) == []
