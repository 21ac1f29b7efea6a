"""Repeats a measurement that failed, once, if another try could do better."""

from collections.abc import Callable
from typing import TypeVar

from bench.record.repeats import comes_again
from bench.record.types import Failure

T = TypeVar("T")


def twice(what: str, measure: Callable[[], T], failure_of: Callable[[T], Failure | None]) -> tuple[T, list[str]]:
    """Returns what was measured, again if it failed; and a warning if it didn't fail again."""
    found = measure()
    failure = failure_of(found)
    if failure is None or not comes_again(1, [failure]):
        return found, []
    found = measure()
    return found, [] if failure_of(found) else [f"{what} failed once, and ran when it was repeated: {failure.message}"]
