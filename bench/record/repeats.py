"""Failed launches are measured once more: a failure counts when it comes again.

Runs keep both, the failure first and its repeat next to it. Where the reference failed in either, or the machine (a
full disk, or what says what is right), the launch is that one's failure: that the candidate failed as well says nothing
of the candidate.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from bench.record.paired import CANDIDATE, REFERENCE, Pair
from bench.record.types import NO_TENSORFLOW, OWN_CODE, THE_MACHINE_S, UNCOMPILED, Failure, Record

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Once:
    """A failure that didn't come again."""

    subject: str  # Subject.name
    launch: int  # from 0
    side: str  # reference or candidate; "" of THE_MACHINE_S
    failure: Failure


def settled_records(records: Sequence[Record]) -> tuple[list[Record], list[Once]]:
    """Returns one record of each launch, and each failure that didn't come again. Of a launch that was measured twice
    the repeat is returned, unless the machine failed in the first try alone.
    """
    return _settled(records, lambda record: (record.subject.name, record.launch), _failure_by_side)


def settled_pairs(pairs: Sequence[Pair]) -> tuple[list[Pair], list[Once]]:
    """Returns one pair of each launch, and each failure that didn't come again. Of a launch that was measured twice the
    repeat is returned, unless the reference failed in the first try alone.
    """
    return _settled(pairs, lambda pair: (pair.reference.subject.name, pair.launch), _failures_by_side)


def last_settled(pairs: Sequence[Pair]) -> Pair:
    """Returns the pair that the last launch counts by: see `settled_pairs`."""
    return settled_pairs(pairs)[0][-1]


def reference_failure(pairs: Sequence[Pair]) -> Failure | None:
    """Returns why the reference failed in the last launch, in whichever try; None where it ran, or nothing did."""
    return last_settled(pairs).reference.failure if pairs else None


def unrepeated(records: Sequence[Record]) -> list[Record]:
    """Returns the records of launches that failed once and are to be measured again."""
    tries = Counter((record.subject.name, record.launch) for record in records)
    return [one for one in records if comes_again(tries[one.subject.name, one.launch], [one.failure])]


def to_repeat(pairs: Sequence[Pair]) -> bool:
    """Tells whether the last pair is to be measured again."""
    tries = sum(pair.launch == pairs[-1].launch for pair in pairs)
    return bool(pairs) and comes_again(tries, pairs[-1].failures.values())


def failed_for_good(pairs: Sequence[Pair]) -> bool:
    """Tells whether the last pair failed and isn't to be measured again."""
    return bool(pairs and pairs[-1].failures) and not to_repeat(pairs)


def comes_again(tries: int, failures: Iterable[Failure | None]) -> bool:
    """Tells whether what was tried so often, the last time with these failures, is measured once more: after its first
    try, if another could do better.

    None could without a TensorFlow, where XLA can't compile the graph, nor where a user's own file raises.
    """
    lasting = (NO_TENSORFLOW, UNCOMPILED, OWN_CODE)
    return tries == 1 and any(failure is not None and failure.kind not in lasting for failure in failures)


def _settled(
    measured: Sequence[T],
    launch: Callable[[T], tuple[str, int]],  # Subject.name and the launch's number
    failures: Callable[[T], Mapping[str, Failure]],  # by side
) -> tuple[list[T], list[Once]]:
    kept: list[T] = []
    once: list[Once] = []
    for one in measured:
        failed = failures(kept[-1]) if kept and launch(kept[-1]) == launch(one) else {}
        again = failures(one)
        if not failed:
            kept.append(one)
        elif not again:
            once += [Once(*launch(one), side, failure) for side, failure in failed.items()]
            kept[-1] = one
        elif again.keys() - {CANDIDATE} or not failed.keys() - {CANDIDATE}:
            kept[-1] = one
    return kept, once


def _failure_by_side(record: Record) -> dict[str, Failure]:
    """Returns the failure of a launch of the candidate alone, by Once.side."""
    failure = record.failure
    return {"" if failure.kind in THE_MACHINE_S else CANDIDATE: failure} if failure else {}


def _failures_by_side(pair: Pair) -> dict[str, Failure]:
    """Returns the same of a pair; the reference's under its own name whatever it is."""
    reference = {REFERENCE: pair.reference.failure} if pair.reference.failure else {}
    return {**reference, **_failure_by_side(pair.candidate)}
