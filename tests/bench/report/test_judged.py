"""A run's launches, whichever kind of run it is."""

import dataclasses
from pathlib import Path

import pytest

from bench.judge.notices import LaunchFailed
from bench.record.gate import GateRun
from bench.record.micro import Micro, read_launch
from bench.record.paired import CANDIDATE, REFERENCE
from bench.record.types import Run
from bench.report.judged import (
    DEFAULT_WORK,
    MOST_NAMED,
    Judged,
    environment,
    launches,
    launches_by_subject,
    names,
    records,
    reproducing,
    worst,
)
from tests.builders.micro import MICRO_RUN, STEP, write_launch
from tests.builders.records import SUBJECT, TINY, run
from tests.builders.records import records as made
from tests.builders.verdicts import EXACT, NEW, OLD, comparison, gate_run, paired_run, side, verdict


def test_a_pair_is_two_launches_with_the_blocks_of_their_sides() -> None:
    found = launches(paired_run(1.2, launches=2))
    assert [(launch.side, launch.launch) for launch in found] == [
        (REFERENCE, 0),
        (CANDIDATE, 0),
        (REFERENCE, 1),
        (CANDIDATE, 1),
    ]
    # 4 quads, ABBA and BAAB in turn, with two blocks of each side.
    assert found[0].block_seconds == pytest.approx([0.1] * 8)
    assert found[1].block_seconds == pytest.approx([0.12] * 8)


def test_a_regression_is_worse_than_a_failed_measurement_which_is_worse_than_all_else() -> None:
    """A verdict of each kind, the worst first: of every rest the first is the worst, in whichever order they come."""
    slower, undecided = comparison("step time", 0.2, 0.001), comparison("step time", 0.05, 0.02)
    incomplete = verdict([EXACT], failures=[LaunchFailed("", 1, "candidate", "killed")])
    ordered = [verdict([slower]), incomplete, verdict([undecided]), verdict([EXACT])]
    assert [one.exit_code for one in ordered] == [1, 4, 3, 0]
    for place, expected in enumerate(ordered):
        assert worst(ordered[place:]) is worst(reversed(ordered[place:])) is expected


def test_a_run_against_baselines_is_all_candidate() -> None:
    found = launches(run(made()))
    assert {launch.side for launch in found} == {CANDIDATE}
    assert found[2].block_seconds == made()[2].step_seconds


def test_subjects_keep_their_order() -> None:
    assert list(launches_by_subject(run([*made(subject=TINY), *made()]))) == [TINY.name, SUBJECT.name]


def test_a_gate_s_launches_in_turn_follow_its_numbers() -> None:
    found = launches(gate_run(launches=2))
    assert [launch.in_turn for launch in found] == [False] * 8 + [True] * 4
    assert [launch.side for launch in found] == [CANDIDATE] * 8 + [REFERENCE, CANDIDATE] * 2
    groups = launches_by_subject(gate_run(launches=2))
    assert {name: len(of) for name, of in groups.items()} == {
        TINY.name: 4,
        SUBJECT.name: 4,
        f"{SUBJECT.name}, in turn with the reference": 4,
    }


def test_records_hold_the_oracle_s() -> None:
    assert len(records(paired_run(launches=3))) == 3 * 2 + 2


@pytest.mark.parametrize(
    ("workloads", "said"),
    [
        (["train"], DEFAULT_WORK),
        (["predict"], "the workload predict"),
        (["mine.py"], "mine.py"),
        (["train", "predict"], f"{DEFAULT_WORK} and the workload predict"),
        ([f"w{number}" for number in range(MOST_NAMED + 1)], "3 workloads"),
    ],
)
def test_a_headline_says_what_was_run(workloads: list[str], said: str) -> None:
    subjects = [dataclasses.replace(SUBJECT, workload=name) for name in workloads]
    of = run([one for subject in subjects for one in made(subject=subject)])
    assert names(Judged(of, verdict((EXACT,)))).work == said


@pytest.mark.parametrize(
    ("workload", "metrics", "known"),
    [
        ("train", (), (True, False)),
        ("masked", ("step time",), (False, False)),
        ("mine.py", ("step time",), (False, True)),
        ("mine.py", (), (False, True)),  # it failed before it told its metrics
    ],
)
def test_names_know_what_has_baselines_and_whose_model_it_is(
    workload: str, metrics: tuple[str, ...], known: tuple[bool, bool]
) -> None:
    subject = dataclasses.replace(SUBJECT, workload=workload, metrics=metrics)
    found = names(Judged(run(made(subject=subject)), verdict((EXACT,))))
    assert (found.baselines, found.own) == known
    both = names(Judged(run([*made(subject=subject), *made()]), verdict((EXACT,))))
    assert both.baselines


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (({}, {}), ("the reference", "the candidate")),
        (({"A": "1"}, {"A": "1"}), ("the reference", "the candidate")),
        (({}, {"A": "1", "B": "0"}), ("TensorFlow 2.21.0", "TensorFlow 2.21.0 with A=1, B=0")),
        (({"A": "0", "B": "0"}, {"A": "1", "B": "0"}), ("TensorFlow 2.21.0 with A=0", "TensorFlow 2.21.0 with A=1")),
    ],
)
def test_two_settings_of_one_tensorflow_are_named_by_their_variables(
    given: tuple[dict[str, str], dict[str, str]], said: tuple[str, str]
) -> None:
    reference, candidate = (dataclasses.replace(side(NEW), variables=variables) for variables in given)
    one = dataclasses.replace(paired_run(), reference=reference, candidate=candidate)
    new = [dataclasses.replace(pair, reference=pair.candidate) for pair in one.pairs]
    found = names(Judged(dataclasses.replace(one, pairs=tuple(new), oracle=one.oracle[1:] * 2), verdict((EXACT,))))
    assert (found.reference, found.candidate) == said
    other = names(Judged(one, verdict((EXACT,))))
    assert (other.reference, other.candidate) == (f"TensorFlow {OLD}", f"TensorFlow {NEW}")


def test_the_sides_of_micro_are_named_by_what_their_launches_told(tmp_path: Path) -> None:
    old, new = (
        read_launch(write_launch(tmp_path / f"{version}.json", {STEP: 0.1}, tensorflow=version))
        for version in (OLD, NEW)
    )
    found = names(Judged(Micro(MICRO_RUN, [old], [new]), verdict((EXACT,))))
    assert (found.reference, found.candidate) == (f"TensorFlow {OLD}", f"TensorFlow {NEW}")
    none = names(Judged(Micro(MICRO_RUN, [old], []), verdict((EXACT,))))  # the candidate failed
    assert (none.reference, none.candidate) == (f"TensorFlow {OLD}", "the candidate")


def test_environments_of_the_sides() -> None:
    found = [environment(paired_run(), side) for side in (REFERENCE, CANDIDATE)]
    assert [each.tensorflow for each in found if each] == [OLD, NEW]
    assert environment(run(made()), REFERENCE) is None
    of_gate = [environment(gate_run(), side) for side in (REFERENCE, CANDIDATE)]
    assert [each.tensorflow for each in of_gate if each] == [OLD, NEW]
    assert environment(gate_run(speed=False), REFERENCE) is None


def test_environments_of_a_run_without_timed_launches() -> None:
    numerics = dataclasses.replace(paired_run(), pairs=())
    for untimed in (numerics, dataclasses.replace(numerics, oracle=())):  # the oracle's launches, then lockstep alone
        found = [environment(untimed, side) for side in (REFERENCE, CANDIDATE)]
        assert [each.tensorflow for each in found if each] == [OLD, NEW]
    assert environment(dataclasses.replace(numerics, oracle=(), lockstep=None), CANDIDATE) is None


def test_what_reproduces_a_run_reads_the_index_as_it_did() -> None:
    upgraded = paired_run()
    assert reproducing(upgraded) == (*upgraded.command, "--as-of", upgraded.reference.as_of)
    given = dataclasses.replace(upgraded, command=(*upgraded.command, "--as-of=release"))
    assert reproducing(given) == given.command


def test_what_reproduces_a_run_begins_anew_in_another_folder() -> None:
    """A workload's report that was begun after the interruption has --resume, and nobody else has its folder; where the
    report still lies in --output, the command would be refused.
    """
    for more in (("--output", "reports/gate"), ("--output=reports/gate", "--resume")):
        resumed = dataclasses.replace(paired_run(), command=(*paired_run().command, *more))
        assert reproducing(resumed) == reproducing(paired_run())


def test_what_reproduces_numbers_alone_and_micro_reads_the_index_as_they_did() -> None:
    built, command = side(NEW), ("tfgate", "gate", "--quick", "--to", NEW)
    quick = dataclasses.replace(gate_run(speed=False), candidate=built, command=command)
    assert reproducing(quick) == (*command, "--as-of", built.as_of)
    timed = dataclasses.replace(MICRO_RUN, candidate=built)
    assert reproducing(Micro(timed, [], [])) == (*timed.command, "--as-of", built.as_of)


@pytest.mark.parametrize("of", [gate_run(), run(made())], ids=["an interpreter and the pinned reference", "stored"])
def test_what_was_there_already_is_reproduced_without_an_index(of: GateRun | Run) -> None:
    assert reproducing(of) == of.command
