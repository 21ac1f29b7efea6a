"""Sides that are unlike in more than TensorFlow, constructed."""

import dataclasses

import pytest

from bench.judge.likeness import cpu_ranges, unlike_sides
from bench.judge.paired import judge_paired
from bench.record.lockstep import Lockstep
from bench.record.paired import PairedRun
from bench.record.types import Environment, Record
from tests.bench.paired_samples import pair, paired_run
from tests.bench.samples import MACHINE, MARGINS, environment, record

OTHER_PYTHON = dataclasses.replace(environment(), python="3.12.3")
PYTHON = "the sides have Python 3.11.7 and 3.12.3: a difference between them may be its"
CPUS = "the reference could run on CPUs 0-1, the candidate on 0,2-4: bind both alike, or a difference may be the CPUs'"


def on(cpus: tuple[int, ...]) -> Environment:
    return dataclasses.replace(environment(), affinity=cpus)


def launch_in(found: Environment | None) -> Record:
    return dataclasses.replace(record(), environment=found)


def run_of(reference: Environment | None, candidate: Environment | None) -> PairedRun:
    launches = [
        dataclasses.replace(pair(number), reference=launch_in(reference), candidate=launch_in(candidate))
        for number in range(2)
    ]
    return paired_run(launches)


@pytest.mark.parametrize(
    ("reference", "candidate", "warnings"),
    [
        (environment(), environment("2.20.0"), []),
        (environment(), OTHER_PYTHON, [PYTHON]),
        (on((0, 1)), on((0, 2, 3, 4)), [CPUS]),
        (on((0, 1)), on((0, 1)), []),
        (environment(), on((0, 1)), []),  # recorded before the CPUs were
        (None, OTHER_PYTHON, []),  # failed before it could tell
    ],
)
def test_each_unlikeness_is_named_once(
    reference: Environment | None, candidate: Environment | None, warnings: list[str]
) -> None:
    assert unlike_sides(run_of(reference, candidate)) == warnings


def test_unlike_architectures_are_named() -> None:
    arm = dataclasses.replace(record(), machine=dataclasses.replace(MACHINE, isa="aarch64 asimd"))
    said = "the reference ran on x86_64 avx2, the candidate on aarch64 asimd: a difference may be the architecture's"
    launches = [dataclasses.replace(pair(number), candidate=arm) for number in range(2)]
    assert unlike_sides(paired_run(launches)) == unlike_sides(paired_run([], [record(), arm])) == [said]
    silent = dataclasses.replace(arm, environment=None)  # failed before it could tell
    assert unlike_sides(paired_run([], [record(), silent])) == []


def test_a_verdict_carries_them() -> None:
    assert PYTHON in judge_paired(run_of(environment(), OTHER_PYTHON), MARGINS).warnings


def test_numbers_alone_tell_as_well() -> None:
    oracle = paired_run([], [launch_in(environment()), launch_in(OTHER_PYTHON)])
    assert unlike_sides(oracle) == [PYTHON]
    lockstep = Lockstep(record().subject, environment(), OTHER_PYTHON, "", (), {}, None, None, 0, 0.0, 0.0, 0.0)
    assert unlike_sides(dataclasses.replace(paired_run([]), lockstep=lockstep)) == [PYTHON]


@pytest.mark.parametrize(("cpus", "text"), [((), ""), ((3,), "3"), ((0, 1, 2, 3), "0-3"), ((0, 2, 3, 4, 7), "0,2-4,7")])
def test_cpus_are_written_in_ranges(cpus: tuple[int, ...], text: str) -> None:
    assert cpu_ranges(cpus) == text
