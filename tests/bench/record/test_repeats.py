"""A failure counts when it comes again."""

import dataclasses

import pytest

from bench.record.paired import Pair
from bench.record.repeats import (
    Once,
    failed_for_good,
    reference_failure,
    settled_pairs,
    settled_records,
    to_repeat,
    unrepeated,
)
from bench.record.types import NO_ORACLE, NO_ROOM, NO_TENSORFLOW, OWN_CODE, UNCOMPILED, Failure, Record
from tests.builders.paired import pair
from tests.builders.records import SUBJECT, TINY, record

CRASH = Failure("crashed", "the worker exited with code 3 during steps")
AGAIN = Failure("crashed", "the worker exited with code 4 during steps")
MISSING = Failure(NO_TENSORFLOW, "No module named 'tensorflow'")
REFUSED = Failure(UNCOMPILED, "no NumericalGradient")
FULL = Failure(NO_ROOM, "OSError: [Errno 28] No space left on device")
ENDED = Failure(NO_ORACLE, "the oracle was killed by SIGKILL")
RAISED = Failure(OWN_CODE, "mine.py:6 in `workload`: ValueError: no data")


def launch(number: int, failure: Failure | None = None) -> Record:
    """A launch that failed before its subject was known has another fingerprint than its repeat."""
    subject = dataclasses.replace(SUBJECT, fingerprint="", tokens_per_step=0) if failure else SUBJECT
    return record(launch=number, subject=subject, failure=failure)


def reference_fails(number: int, failure: Failure) -> Pair:
    made = pair(number)
    return dataclasses.replace(made, reference=dataclasses.replace(made.reference, failure=failure))


class TestRecords:
    def test_without_failures_nothing_changes(self) -> None:
        records = [launch(0), launch(1), record(launch=0, subject=TINY)]
        assert settled_records(records) == (records, [])

    def test_a_failure_that_did_not_come_again_is_told(self) -> None:
        records = [launch(0), launch(1, CRASH), launch(1), launch(2)]
        once = Once(SUBJECT.name, 1, "candidate", CRASH)
        assert settled_records(records) == ([records[0], *records[2:]], [once])

    def test_a_failure_that_comes_again_counts_once(self) -> None:
        records = [launch(0), launch(1, CRASH), launch(1, AGAIN)]
        assert settled_records(records) == ([records[0], records[2]], [])

    def test_a_failure_that_was_not_repeated_counts(self) -> None:
        """Of another launch, and of another configuration's launch of the same number, is no repeat."""
        records = [launch(0, MISSING), launch(1, CRASH), record(launch=1, subject=TINY)]
        assert settled_records(records) == (records, [])

    def test_launches_of_one_number_without_a_failure_are_all_kept(self) -> None:
        records = [launch(0), launch(0)]
        assert settled_records(records) == (records, [])

    def test_the_oracle_s_failure_counts_though_the_candidate_fails_in_the_repeat(self) -> None:
        records = [launch(0, ENDED), launch(0, CRASH), launch(1, CRASH), launch(1, ENDED), launch(2, ENDED), launch(2)]
        once = Once(SUBJECT.name, 2, "", ENDED)
        assert settled_records(records) == ([records[0], records[3], records[5]], [once])

    def test_so_does_a_full_disk_of_the_candidate_s(self) -> None:
        pairs = [pair(0, failure=FULL), pair(0, failure=CRASH), pair(1, failure=FULL), pair(1)]
        assert settled_pairs(pairs) == ([pairs[0], pairs[3]], [Once(SUBJECT.name, 1, "", FULL)])

    def test_what_is_to_be_measured_again(self) -> None:
        records = [launch(0), launch(1, CRASH), launch(2, CRASH), launch(2, AGAIN), record(launch=2, subject=TINY)]
        assert unrepeated([*records, launch(3, MISSING)]) == [records[1]]

    def test_nothing_is_settled_to_nothing(self) -> None:
        assert settled_records([]) == ([], [])


class TestPairs:
    def test_a_failure_that_did_not_come_again_is_told_with_its_side(self) -> None:
        pairs = [pair(0), pair(1, failure=CRASH), pair(1), reference_fails(2, AGAIN), pair(2)]
        once = [Once(SUBJECT.name, 1, "candidate", CRASH), Once(SUBJECT.name, 2, "reference", AGAIN)]
        assert settled_pairs(pairs) == ([pairs[0], pairs[2], pairs[4]], once)

    def test_both_sides_that_failed_once_are_told(self) -> None:
        failed = reference_fails(0, CRASH)
        failed = dataclasses.replace(failed, candidate=dataclasses.replace(failed.candidate, failure=AGAIN))
        once = [Once(SUBJECT.name, 0, "reference", CRASH), Once(SUBJECT.name, 0, "candidate", AGAIN)]
        assert settled_pairs([failed, pair(0)]) == ([pair(0)], once)

    def test_a_failure_that_comes_again_counts_once(self) -> None:
        pairs = [pair(0, failure=CRASH), pair(0, failure=AGAIN)]
        assert settled_pairs(pairs) == ([pairs[1]], [])

    def test_a_failure_of_the_other_side_is_a_failure_again(self) -> None:
        pairs = [pair(0, failure=CRASH), reference_fails(0, AGAIN)]
        assert settled_pairs(pairs) == ([pairs[1]], [])

    def test_the_reference_s_failure_counts_though_the_candidate_alone_fails_in_the_repeat(self) -> None:
        both = dataclasses.replace(reference_fails(1, CRASH), candidate=record(launch=1, failure=CRASH))
        pairs = [reference_fails(0, CRASH), pair(0, failure=AGAIN), both, pair(1, failure=AGAIN), pair(2)]
        assert settled_pairs(pairs) == ([pairs[0], both, pairs[4]], [])
        assert [reference_failure(pairs[:count]) for count in (0, 2, 4, 5)] == [None, CRASH, CRASH, None]


@pytest.mark.parametrize(
    ("pairs", "again", "for_good"),
    [
        ([], False, False),
        ([pair(0)], False, False),
        ([pair(0, failure=CRASH)], True, False),
        ([reference_fails(0, CRASH)], True, False),
        ([pair(0, failure=CRASH), pair(0)], False, False),
        ([pair(0, failure=CRASH), pair(0, failure=CRASH)], False, True),
        ([pair(0, failure=CRASH), pair(0), pair(1, failure=CRASH)], True, False),
        ([pair(0, failure=MISSING)], False, True),  # it would stay so
        ([pair(0, failure=REFUSED)], False, True),
        ([pair(0, failure=RAISED)], False, True),
    ],
)
def test_a_pair_is_measured_at_most_twice(pairs: list[Pair], again: bool, for_good: bool) -> None:
    assert (to_repeat(pairs), failed_for_good(pairs)) == (again, for_good)
