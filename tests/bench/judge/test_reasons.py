"""Reasons as data: every kind has a name of its own, is frozen, and holds nothing that JSON could not."""

import dataclasses
import json

import pytest

from bench.judge import notices, reasons
from bench.judge.reasons import LaunchesLackIt, NotANumber, Reason, TooFewLaunches
from bench.record.codec import to_plain
from tests.builders.reasons import REASONS

KINDS = [
    kind for kind in {**vars(reasons), **vars(notices)}.values() if isinstance(kind, type) and issubclass(kind, Reason)
]


def test_every_kind_has_a_name_of_its_own() -> None:
    assert len({object.__new__(kind).kind for kind in KINDS}) == len(KINDS) > 40
    assert (TooFewLaunches(3, 4).kind, NotANumber(1.0).kind) == ("too_few_launches", "not_a_number")


def test_reasons_are_frozen_data() -> None:
    for reason in REASONS:
        plain = to_plain(reason)
        assert json.loads(json.dumps(plain, allow_nan=False)) == plain
        again = dataclasses.replace(reason)
        assert (again, hash(again)) == (reason, hash(reason))  # so that equal warnings are told once
        with pytest.raises(dataclasses.FrozenInstanceError):
            reason.kind = "another"  # type: ignore[misc]  # what the test is about


def test_other_parameters_and_other_kinds_are_other_reasons() -> None:
    assert len({TooFewLaunches(3, 4), TooFewLaunches(3, 4), TooFewLaunches(2, 4), LaunchesLackIt(3, 4)}) == 3
