"""How machines differ, in words and for programs."""

import dataclasses
import json
import math

import pytest

from bench.judge.machines import across
from bench.record.paired import Package
from bench.record.types import Machine
from bench.report.machines import machines_json, machines_text
from tests.builders.golden import golden
from tests.builders.surveys import compared
from tests.builders.verdicts import HOSTILE

FIRST, SECOND = Machine("AMD EPYC", 2, "x86_64 avx512f", 24), Machine("Intel Xeon", 4, "x86_64 avx512f", 15)
PAIRS = [
    compared("2.12.1", "2.13.1", 0.0, FIRST),
    compared("2.12.1", "2.13.1", math.log(1.2), SECOND),
    compared("2.13.1", "2.14.1", 0.01, FIRST),
    compared("2.13.1", "2.14.1", 0.01, SECOND),
]


def test_wording() -> None:
    golden("machines.txt", machines_text(PAIRS, across(PAIRS)))


def test_programs_get_the_same() -> None:
    plain = json.loads(json.dumps(machines_json(PAIRS, across(PAIRS)), allow_nan=False))
    assert [(one["fingerprint"], one["reports"]) for one in plain["machines"]] == [
        (FIRST.fingerprint(), 2),
        (SECOND.fingerprint(), 2),
    ]
    step = next(one for one in plain["comparisons"] if one["metric"] == "step time")
    assert (step["candidate"], step["outcomes"], step["machines"]) == ("2.13.1", ["PASS", "REGRESSION"], 2)
    assert step["mean"]["low"] < step["mean"]["estimate"] < step["mean"]["high"]
    assert step["another_machine"]["high"] > step["mean"]["high"]
    assert step["between"] == pytest.approx(math.log(1.2) / math.sqrt(2), rel=0.05)


def test_unlike_packages_are_named() -> None:
    side = dataclasses.replace(PAIRS[1].run.candidate, packages=(Package("keras", "3.0"),))
    unlike = dataclasses.replace(PAIRS[1], run=dataclasses.replace(PAIRS[1].run, candidate=side))
    text = " ".join(machines_text([PAIRS[0], unlike], across([PAIRS[0], unlike])).split())
    assert "TensorFlow 2.13.1 was measured with unlike packages from comparison to comparison" in text


def test_hostile_names_stay_on_their_line() -> None:
    pairs = [compared("a", HOSTILE, 0.0, machine) for machine in (FIRST, SECOND)]
    assert "\x1b" not in machines_text(pairs, across(pairs))
