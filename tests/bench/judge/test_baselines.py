"""Runs to baselines, and more runs to them."""

import contextlib
import dataclasses

import pytest

from bench.judge.baselines import BaselineError, added, make_baselines, with_speed_in_turn
from bench.judge.gate import judge_run
from bench.record.types import Baseline, Failure, Run
from bench.stats.outcome import Outcome
from tests.builders.launches import launches, on_both, on_candidate, with_one_core, with_outcome
from tests.builders.paired import gate_run, pair
from tests.builders.records import (
    LOG_PERPLEXITIES,
    MACHINE,
    OTHER_MACHINE,
    SPEEDS,
    SUBJECT,
    TINY,
    baseline,
    record,
    records,
    run,
    standards,
)

FIRST = "2026-01-01T00:00:00+00:00"
SECOND = "2026-01-02T00:00:00+00:00"
CREATED = "2026-01-04T00:00:00+00:00"


def made(*runs: Run) -> Baseline:
    return make_baselines(runs, "why", ("tfgate", "record"), CREATED)[SUBJECT.name]


def moved(values: tuple[float, ...], factor: float) -> list[float]:
    return [factor * value for value in values]


def sibling(created: str, factor: float) -> Run:
    """A run of other jitter at another time."""
    return run(records(moved(LOG_PERPLEXITIES, 1 + (factor - 1) / 50), moved(SPEEDS, factor)), created)


def test_every_launch_is_a_replica_and_every_run_has_its_words_a_second() -> None:
    found = made(sibling(FIRST, 1.0), sibling(SECOND, 1.02))
    assert [replica.losses[0] for replica in found.replicas[:4]] == [10 * value for value in LOG_PERPLEXITIES]
    assert len(found.replicas) == 8
    assert [stored.created for stored in found.throughput] == [FIRST, SECOND]
    stored = found.throughput[0]
    assert stored.words_per_second == pytest.approx([300 / seconds for seconds in SPEEDS])  # 300 words a step
    assert (stored.machine, stored.tensorflow, stored.threads, stored.in_turn) == (MACHINE, "2.21.0", 2, False)
    assert (found.subject, found.reason, found.command) == (SUBJECT, "why", ("tfgate", "record"))
    assert found.created == CREATED


def test_a_workload_that_tells_no_perplexity_has_none() -> None:
    masked = dataclasses.replace(SUBJECT, workload="masked", metrics=("step time",))
    both = run([*records(), *records(subject=masked)])
    assert list(make_baselines([both], "why", (), CREATED)) == [SUBJECT.name]
    with pytest.raises(BaselineError, match="which a baseline is made of"):
        make_baselines([run(records(subject=masked))], "why", (), CREATED)


def test_run_recorded_and_its_siblings_pass() -> None:
    kept = standards([made(sibling(FIRST, 1.0), sibling(SECOND, 1.02))])
    verdict = judge_run(sibling("2026-01-03T00:00:00+00:00", 1.01), kept)
    assert verdict.outcome is Outcome.PASS
    assert with_outcome(verdict, Outcome.PASS) == ["numerics", "retraces", "perplexity"]
    other = judge_run(sibling("2026-01-03T00:00:00+00:00", 3.0), kept)
    assert other.outcome is Outcome.REGRESSION


def test_a_run_without_timed_steps_gives_replicas_alone() -> None:
    untimed = [dataclasses.replace(one, step_seconds=()) for one in records()]
    found = made(run(untimed))
    assert (len(found.replicas), found.throughput) == (4, ())


def test_a_launch_that_failed_once_is_its_repeat() -> None:
    first, *others = records()
    failed = dataclasses.replace(first, failure=Failure("crashed", "killed"))
    assert made(run([failed, first, *others])) == made(run([first, *others]))


def test_launches_alongside_other_jobs_have_no_words_a_second() -> None:
    first, *others = records()
    found = made(run([dataclasses.replace(first, others_cpu=0.06), *others]))
    assert (len(found.replicas), len(found.throughput[0].words_per_second)) == (4, 3)


def test_a_busy_cpu_disturbs_however_many_there_are() -> None:
    """1% of 64 CPUs is 0.64, of two 0.02."""
    one = dataclasses.replace(records()[0], others_cpu=0.01)
    assert not one.is_disturbed
    assert dataclasses.replace(one, machine=OTHER_MACHINE).is_disturbed


def test_a_gate_adds_what_its_candidate_reached_in_turn() -> None:
    """The launch whose candidate failed has no speed to tell."""
    failed = Failure("crashed", "killed")
    gate = gate_run([pair(0), pair(1), pair(2, failure=failed)], created=SECOND)
    old = made(sibling(FIRST, 1.0))
    found = with_speed_in_turn(old, gate)
    assert (found.replicas, found.throughput[0]) == (old.replicas, old.throughput[0])
    (stored,) = found.throughput[1:]
    assert (stored.created, stored.in_turn) == (SECOND, True)
    assert stored.words_per_second == pytest.approx([3000, 3000])  # 300 words in 0.1 s
    assert found.reason == old.reason
    assert with_speed_in_turn(found, gate) == found  # recorded again, after its entry was taken back


def test_launches_in_turn_alongside_other_jobs_have_no_words_a_second() -> None:
    """300 words in 0.1 s; in 0.2 s where others had 30% of the CPU."""
    slow = dataclasses.replace(on_candidate(pair(1), step_seconds=(0.2,) * 5), others_cpu=0.3)
    old = made(sibling(FIRST, 1.0))
    found = with_speed_in_turn(old, gate_run([pair(0), slow], created=SECOND))
    assert found.throughput[-1].words_per_second == pytest.approx([3000])
    assert with_speed_in_turn(old, gate_run([slow], created=SECOND)) == old


def test_launches_on_one_core_have_no_words_a_second() -> None:
    """300 words in 0.1 s on all cores; one core takes 1 s."""
    found = with_speed_in_turn(made(sibling(FIRST, 1.0)), gate_run(with_one_core(launches(2)), created=SECOND))
    assert found.throughput[-1].words_per_second == pytest.approx([3000, 3000])


def test_a_gate_of_another_model_of_that_name_is_refused() -> None:
    """A launch in turn may have other steps."""
    for changes, refused in (({"steps": 99}, False), ({"fingerprint": "ffff"}, True)):
        gate = gate_run([on_both(pair(0), subject=dataclasses.replace(SUBJECT, **changes))], created=SECOND)
        with pytest.raises(BaselineError, match="ffff in the run") if refused else contextlib.nullcontext():
            with_speed_in_turn(made(sibling(FIRST, 1.0)), gate)


def test_a_gate_of_something_else_adds_nothing() -> None:
    old = baseline(subject=TINY)
    assert with_speed_in_turn(old, gate_run([pair(0)])).throughput == old.throughput


def test_each_subject_gets_a_baseline() -> None:
    both = [run([*records(), *records(subject=TINY)])]
    assert set(make_baselines(both, "why", (), CREATED)) == {SUBJECT.name, TINY.name}


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        (
            [run([record(failure=Failure("crashed", "killed"))])],
            r"launch 1 of notebook-synthetic-cells-cpu0 failed \(killed\)",
        ),
        (
            [dataclasses.replace(run(records()), incomplete="after 4 of 8 launches")],
            r"is incomplete \(after 4 of 8 launches\): a baseline needs whole runs",
        ),
        ([run(())], "hold no launch"),
        ([run(records()), run(records())], r"the run of 2026-01-02T03:04:05\+00:00 is given twice"),
        (
            [run([record(), record(subject=dataclasses.replace(SUBJECT, steps=20))])],
            r"two things \(steps 10 in one, 20 in another\)",
        ),
        ([run([dataclasses.replace(record(), environment=None)])], "launch 1 of .* names no environment"),
    ],
)
def test_runs_that_no_baseline_can_be_made_of(runs: list[Run], said: str) -> None:
    with pytest.raises(BaselineError, match=said):
        make_baselines(runs, "why", (), CREATED)


def test_added_keeps_what_was_and_says_both_reasons() -> None:
    old, new = made(sibling(FIRST, 1.0)), dataclasses.replace(made(sibling(SECOND, 1.02)), reason="again")
    found = added(old, new)
    assert found.replicas == old.replicas + new.replicas
    assert [stored.created for stored in found.throughput] == [FIRST, SECOND]
    assert found.reason == "why; again"
    assert added(old, dataclasses.replace(new, reason="")).reason == "why"


def test_a_run_is_added_once() -> None:
    with pytest.raises(BaselineError, match="is in the baseline already"):
        added(made(sibling(FIRST, 1.0)), made(sibling(FIRST, 1.0)))


def test_a_run_without_timed_steps_is_added_once() -> None:
    """Its replicates tell. Where they come with words/s of another day, these are new."""
    untimed = made(run([dataclasses.replace(one, step_seconds=()) for one in records()]))
    whole, again = made(run(records(), FIRST)), made(run(records(), SECOND))
    for old in (untimed, whole):
        with pytest.raises(BaselineError, match="all replicates of the run are in the baseline already"):
            added(old, untimed)
    assert len(added(whole, again).throughput) == 2


def test_another_subject_is_not_added() -> None:
    other = baseline(subject=dataclasses.replace(SUBJECT, fingerprint="ffff"))
    with pytest.raises(BaselineError, match="fingerprint ffff in the baseline, 0123456789abcdef in the run"):
        added(other, made(sibling(FIRST, 1.0)))
