"""Repeats a measurement that failed, once, if another try could do better."""

from collections.abc import Callable
from typing import TypeVar

from bench.record.repeats import comes_again
from bench.record.types import Failure

T = TypeVar("T")


def twice(
    what: str,
    measure: Callable[[], T],
    failure_of: Callable[[T], Failure | None],
    is_another_s: Callable[[T], bool] = lambda found: False,
) -> tuple[T, list[str]]:
    """Returns what was measured, again if it failed; and a warning if it didn't fail again.

    Of two failures the second, unless the first `is_another_s`: then what is measured has failed once, if at all.
    """
    first = measure()
    failure = failure_of(first)
    if failure is None or not comes_again(1, [failure]):
        return first, []
    again = measure()
    if failure_of(again):
        return first if is_another_s(first) else again, []
    return again, [f"{what} failed once, and ran when it was repeated: {failure.message}"]
