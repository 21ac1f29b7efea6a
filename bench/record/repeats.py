"""Failed launches are measured once more: a failure counts when it comes again.

Runs keep both, the failure first and its repeat next to it.
"""

import itertools
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from bench.record.paired import CANDIDATE, REFERENCE, Pair
from bench.record.types import NO_TENSORFLOW, Failure, Record

T = TypeVar("T")


def settled_records(records: Sequence[Record]) -> tuple[list[Record], list[str]]:
    """Returns one record of each launch, the repeat where there is one; and a warning for each failure that didn't come
    again.
    """

    def failures(record: Record) -> list[tuple[str, Failure]]:
        what = f"{record.subject.name} launch {record.launch + 1}"
        return [(what, record.failure)] if record.failure else []

    return _settled(records, lambda record: (record.subject.name, record.launch), failures)


def settled_pairs(pairs: Sequence[Pair]) -> tuple[list[Pair], list[str]]:
    """Returns one pair of each launch, likewise."""
    return _settled(pairs, lambda pair: pair.launch, _pair_failures)


def to_repeat(pairs: Sequence[Pair]) -> bool:
    """Returns whether the last pair is to be measured again: a side of it failed for the first time, and not for want
    of a TensorFlow.
    """
    failures = [failure for _, failure in _pair_failures(pairs[-1])] if pairs else []
    return any(map(worth_repeating, failures)) and not repeated(pairs)


def repeated(pairs: Sequence[Pair]) -> bool:
    """Returns whether the last pair is the repeat of the one before."""
    return len(pairs) > 1 and pairs[-1].launch == pairs[-2].launch


def failed_for_good(pairs: Sequence[Pair]) -> bool:
    """Returns whether the last pair failed and isn't to be measured again."""
    return bool(pairs and _pair_failures(pairs[-1])) and not to_repeat(pairs)


def worth_repeating(failure: Failure | None) -> bool:
    """Returns whether another launch could do better: an environment without TensorFlow stays one."""
    return failure is not None and failure.kind != NO_TENSORFLOW


def mended(what: str, failure: Failure) -> str:
    """Returns a warning of a failure that didn't come again."""
    return f"{what} failed once and not again: {failure.message}"


def _pair_failures(pair: Pair) -> list[tuple[str, Failure]]:
    sides = ((REFERENCE, pair.reference), (CANDIDATE, pair.candidate))
    return [(f"launch {pair.launch + 1} of the {name}", record.failure) for name, record in sides if record.failure]


def _settled(
    measured: Sequence[T], launch: Callable[[T], Hashable], failures: Callable[[T], list[tuple[str, Failure]]]
) -> tuple[list[T], list[str]]:
    kept: list[T] = []
    warnings: list[str] = []
    for one, following in itertools.zip_longest(measured, measured[1:]):
        failed = failures(one)
        if failed and following is not None and launch(one) == launch(following):
            warnings += [] if failures(following) else [mended(*failure) for failure in failed]
        else:
            kept.append(one)
    return kept, warnings
