"""How machines differ, in words and for programs."""

import dataclasses
import json
import math

import pytest

from bench.judge.machines import across
from bench.judge.paired import judge_paired
from bench.judge.survey import Against
from bench.record.paired import Package
from bench.record.types import Machine
from bench.report.machines import failures, machines_json, machines_text
from tests.builders.golden import golden
from tests.builders.launches import on_both
from tests.builders.records import GATE_MARGINS
from tests.builders.surveys import CRASH, compared, run_of
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
    assert [(one["fingerprint"], one["comparisons"]) for one in plain["machines"]] == [
        (FIRST.fingerprint(), 2),
        (SECOND.fingerprint(), 2),
    ]
    step = next(one for one in plain["comparisons"] if one["metric"] == "step time")
    assert (step["candidate"], step["outcomes"], step["machines"]) == ("2.13.1", ["PASS", "REGRESSION"], 2)
    assert step["mean"]["low"] < step["mean"]["estimate"] < step["mean"]["high"]
    assert step["another_machine"]["high"] > step["mean"]["high"]
    assert step["between"] == pytest.approx(math.log(1.2) / math.sqrt(2), rel=0.05)


def test_outcomes_by_unlike_margins_are_told_apart() -> None:
    pairs = [PAIRS[1], compared("2.12.1", "2.13.1", math.log(1.2), FIRST, margin=0.3)]
    rows = across(pairs)
    assert "1 ✖ (5.0%), 1 ✔ (30.0%)" in machines_text(pairs, rows)
    step = next(one for one in machines_json(pairs, rows)["comparisons"] if one["metric"] == "step time")
    assert step["margins"] == pytest.approx([math.log(1.05), math.log(1.3)])


def test_unlike_packages_are_named() -> None:
    side = dataclasses.replace(PAIRS[1].run.candidate, packages=(Package("keras", "3.0"),))
    unlike = dataclasses.replace(PAIRS[1], run=dataclasses.replace(PAIRS[1].run, candidate=side))
    text = " ".join(machines_text([PAIRS[0], unlike], across([PAIRS[0], unlike])).split())
    assert "TensorFlow 2.13.1 was measured with different packages in different comparisons: fix them by" in text
    (warning,) = machines_json([PAIRS[0], unlike], across([PAIRS[0], unlike]))["warnings"]
    assert warning in text


@pytest.mark.parametrize(("hashes", "said"), [("b", True), ("bc", True), ("ab", False), ("", False)])
def test_unlike_builds_of_one_version_are_named(hashes: str, said: bool) -> None:
    """They have no file in common. An index may have gained some; of an interpreter's packages none is known."""
    packages = (Package("keras", "3.12.0", ("k",)), Package("tensorflow", "2.22.0", ("a",)))
    other = (packages[0], dataclasses.replace(packages[1], hashes=tuple(hashes)))
    sides = (dataclasses.replace(PAIRS[0].run.candidate, packages=each) for each in (packages, other))
    runs = (dataclasses.replace(one.run, candidate=side) for one, side in zip(PAIRS[:2], sides, strict=True))
    pairs = [dataclasses.replace(one, run=run) for one, run in zip(PAIRS[:2], runs, strict=True)]
    line = "TensorFlow 2.13.1 was measured with different builds of tensorflow 2.22.0 in different comparisons: "
    assert machines_json(pairs, across(pairs))["warnings"] == ([f"{line}measure all with one"] if said else [])


def test_a_side_that_does_not_run_on_one_machine_is_told() -> None:
    run = run_of("2.12.1", "2.13.1", 0.0, CRASH)
    moved = dataclasses.replace(run, pairs=tuple(on_both(one, machine=SECOND) for one in run.pairs))
    pairs = [PAIRS[0], Against(moved, judge_paired(moved, GATE_MARGINS))]
    cut = dataclasses.replace(PAIRS[3], run=dataclasses.replace(PAIRS[3].run, incomplete="interrupted"))
    first, last = failures([*pairs, cut])
    assert first.startswith(f"TensorFlow 2.13.1 against TensorFlow 2.12.1 on {SECOND.fingerprint()}: ")
    assert "killed by SIGKILL" in first
    assert last.endswith("not measured to its end (interrupted)")
    assert first in machines_text(pairs, across(pairs)).replace("\n  ", " ")
    assert machines_json(pairs, across(pairs))["failures"] == [first]


def test_surveys_in_any_order_have_one_table_for_a_comparison() -> None:
    pairs = [PAIRS[0], PAIRS[2], PAIRS[1], PAIRS[3], compared("2.12.1", "2.13.1", 0.0, SECOND)]
    assert machines_text(pairs, across(pairs)).count("TensorFlow 2.13.1 against TensorFlow 2.12.1\n") == 1


def test_hostile_names_stay_on_their_line() -> None:
    pairs = [compared("a", HOSTILE, 0.0, machine) for machine in (FIRST, SECOND)]
    assert "\x1b" not in machines_text(pairs, across(pairs))
