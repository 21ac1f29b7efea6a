"""Sides that are unlike in more than TensorFlow, constructed."""

import dataclasses

import pytest

from bench.judge.fields import Field
from bench.judge.likeness import cpu_ranges, unlike_sides
from bench.judge.notices import UnlikeEnvironments
from bench.record.paired import PairedRun
from bench.record.types import Environment, Record
from tests.builders.launches import launches, lockstep
from tests.builders.paired import SIDES, paired_run
from tests.builders.records import MACHINE, environment, record

OTHER_PYTHON = dataclasses.replace(environment(), python="3.12.3")
PYTHON = UnlikeEnvironments(Field("python", "3.11.7", "3.12.3"))
CPUS = UnlikeEnvironments(Field("affinity", "0-1", "0,2-4"))


def on(cpus: tuple[int, ...]) -> Environment:
    return dataclasses.replace(environment(), affinity=cpus)


def launch_in(found: Environment | None) -> Record:
    return dataclasses.replace(record(), environment=found)


def run_of(reference: Record, candidate: Record) -> PairedRun:
    return paired_run([dataclasses.replace(one, reference=reference, candidate=candidate) for one in launches(2)])


@pytest.mark.parametrize(
    ("reference", "candidate", "warnings"),
    [
        (environment(), environment("2.20.0"), []),
        (environment(), OTHER_PYTHON, [PYTHON]),
        (on((0, 1)), on((0, 2, 3, 4)), [CPUS]),
        (on((0, 1)), dataclasses.replace(on((0, 2, 3, 4)), python="3.12.3"), [PYTHON, CPUS]),
        (on((0, 1)), on((0, 1)), []),
        (environment(), on((0, 1)), []),  # it does not tell its CPUs
        (None, OTHER_PYTHON, []),  # failed before it could tell
    ],
)
def test_each_unlikeness_is_named_once(
    reference: Environment | None, candidate: Environment | None, warnings: list[UnlikeEnvironments]
) -> None:
    assert unlike_sides(run_of(launch_in(reference), launch_in(candidate))) == warnings


def test_unlike_architectures_are_named() -> None:
    arm = dataclasses.replace(record(), machine=dataclasses.replace(MACHINE, isa="aarch64 asimd"))
    unlike = [UnlikeEnvironments(Field("isa", "x86_64 avx2", "aarch64 asimd"))]
    assert unlike_sides(run_of(record(), arm)) == unlike_sides(paired_run([], [record(), arm])) == unlike
    silent = dataclasses.replace(arm, environment=None)  # failed before it could tell
    assert unlike_sides(paired_run([], [record(), silent])) == []


def test_numbers_alone_tell_as_well() -> None:
    assert unlike_sides(paired_run([], [launch_in(environment()), launch_in(OTHER_PYTHON)])) == [PYTHON]
    stepped = dataclasses.replace(paired_run([]), lockstep=lockstep(candidate=OTHER_PYTHON))
    assert unlike_sides(stepped) == [PYTHON]
    silent = dataclasses.replace(paired_run([]), lockstep=lockstep(candidate=None))
    assert unlike_sides(silent) == []


def test_variables_that_one_side_alone_was_given_are_named() -> None:
    given = {"A": "1", "TF_ENABLE_ONEDNN_OPTS": "0"}
    sides = (dataclasses.replace(SIDES[0], variables={"A": "1"}), dataclasses.replace(SIDES[1], variables=given))
    unlike = [UnlikeEnvironments(Field("variables", "", "TF_ENABLE_ONEDNN_OPTS=0"))]

    def warned(*records: Record) -> list[UnlikeEnvironments]:
        runs = [run_of(*records), paired_run([], records)]
        found = [unlike_sides(dataclasses.replace(run, reference=sides[0], candidate=sides[1])) for run in runs]
        assert found[0] == found[1]
        return found[0]

    assert warned(record(tensorflow="2.20.0"), record(tensorflow="2.21.0")) == unlike
    assert warned(record(), record()) == unlike
    assert warned(record(), launch_in(None)) == unlike  # the variable may be why it failed
    assert warned(launch_in(None), launch_in(None)) == unlike


@pytest.mark.parametrize(("cpus", "text"), [((), ""), ((3,), "3"), ((0, 1, 2, 3), "0-3"), ((0, 2, 3, 4, 7), "0,2-4,7")])
def test_cpus_are_written_in_ranges(cpus: tuple[int, ...], text: str) -> None:
    assert cpu_ranges(cpus) == text
