"""Failures count when they come again: one launch is kept of each, and what failed once is told."""

import dataclasses

from bench.record.paired import Pair
from bench.record.repeats import failed_for_good, repeated, settled_pairs, settled_records, to_repeat
from bench.record.types import NO_TENSORFLOW, Failure
from tests.bench.paired_samples import pair
from tests.bench.samples import SUBJECT, TINY, record

CRASH = Failure("crashed", "killed by SIGSEGV")
HUNG = Failure("hung", "no step in 300 s")
ONCE = f"{SUBJECT.name} launch 2 failed once and not again: killed by SIGSEGV"


def broken_reference(launch: int) -> Pair:
    made = pair(launch)
    return dataclasses.replace(made, reference=dataclasses.replace(made.reference, failure=HUNG))


def test_records_that_did_not_fail_are_all_kept() -> None:
    launches = [record(), record(launch=1), record(subject=TINY, launch=1)]
    assert settled_records(launches) == (launches, [])
    assert settled_records([]) == ([], [])


def test_a_launch_that_failed_once_is_replaced_by_its_repeat_and_told() -> None:
    failed, again = record(launch=1, failure=CRASH), record(launch=1)
    assert settled_records([record(), failed, again]) == ([record(), again], [ONCE])


def test_a_launch_that_failed_twice_is_kept_as_the_last_failure() -> None:
    first, second = record(launch=1, failure=CRASH), record(launch=1, failure=HUNG)
    assert settled_records([record(), first, second]) == ([record(), second], [])


def test_a_failure_without_a_repeat_is_kept() -> None:
    """The gate was interrupted, or the launch after it is of something else."""
    failed = record(launch=1, failure=CRASH)
    assert settled_records([failed]) == ([failed], [])
    other = record(subject=TINY, launch=1)
    assert settled_records([failed, other]) == ([failed, other], [])


def test_pairs_likewise_and_the_side_is_named() -> None:
    assert settled_pairs([]) == ([], [])
    pairs = [pair(0), pair(1, failure=CRASH), pair(1), broken_reference(2), pair(2)]
    kept, warnings = settled_pairs(pairs)
    assert kept == [pair(0), pair(1), pair(2)]
    assert warnings == [
        "launch 2 of the candidate failed once and not again: killed by SIGSEGV",
        "launch 3 of the reference failed once and not again: no step in 300 s",
    ]


def test_a_pair_is_repeated_once() -> None:
    once = [pair(0), pair(1, failure=CRASH)]
    assert (to_repeat(once), repeated(once), failed_for_good(once)) == (True, False, False)
    twice = [*once, pair(1, failure=CRASH)]
    assert (to_repeat(twice), repeated(twice), failed_for_good(twice)) == (False, True, True)
    mended = [*once, pair(1)]
    assert (to_repeat(mended), failed_for_good(mended)) == (False, False)
    assert (to_repeat([]), failed_for_good([])) == (False, False)


def test_an_environment_without_tensorflow_is_not_tried_again() -> None:
    pairs = [pair(0, failure=Failure(NO_TENSORFLOW, "No module named 'tensorflow'"))]
    assert (to_repeat(pairs), failed_for_good(pairs)) == (False, True)
