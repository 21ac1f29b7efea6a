"""Step time and memory: the three outcomes, whose sessions count, the yardstick, and what only informs."""

import dataclasses
import math
from collections.abc import Sequence

import pytest

from bench.judge.speed import judge_memory, judge_speed
from bench.judge.types import Comparison, Outcome
from bench.record.types import Session
from tests.bench.samples import MARGINS, OTHER_MACHINE, SESSIONS, SPEEDS, TINY, baseline, record, records, session


def judged(speeds: Sequence[float] = SPEEDS, sessions: Sequence[Session] = SESSIONS, tensorflow: str = "2.21.0") -> Comparison:
    launches = [record(5.0, seconds, launch=number, tensorflow=tensorflow) for number, seconds in enumerate(speeds)]
    return judge_speed(launches, baseline(sessions=sessions), MARGINS)


def times(factor: float) -> list[float]:
    return [factor * seconds for seconds in SPEEDS]


def test_shows_its_arithmetic() -> None:
    # Two sessions, mean logarithms ln 0.1 and ln 0.1 + 0.02, nothing within: variance of the means 0.0002, one degree of freedom.
    # A candidate at ln 0.1 + 0.03 is 0.02 from the mean, with variance 0.0002·(1 + 1/2).
    flat = [session([0.1] * 4, 1), session([0.1 * math.exp(0.02)] * 4, 2)]
    found = judged([0.1 * math.exp(0.03)] * 4, flat).interval
    assert found is not None
    assert found.estimate == pytest.approx(0.02)
    assert found.standard_error == pytest.approx(math.sqrt(0.0003))
    assert found.degrees_of_freedom == 1


def test_equal_speed_passes() -> None:
    found = judged()
    assert found.outcome is Outcome.PASS
    assert found.note == "+0.34%, proven below +25.0%"
    assert (found.metric, found.candidate, found.reference) == ("step time", "101.49 ms", "101.15 ms")
    assert found.detectable is not None
    assert found.detectable > math.log(1.25)


def test_twice_as_slow_is_a_regression() -> None:
    found = judged(times(2))
    assert found.outcome is Outcome.REGRESSION
    assert found.note == "+100.7%, certainly more than +25.0%"


def test_near_the_margin_nothing_can_be_said() -> None:
    found = judged(times(1.25))
    assert found.outcome is Outcome.CANNOT_JUDGE
    assert found.note.endswith("+25.0% can't be excluded")


def test_twice_as_fast_is_an_improvement_and_says_so() -> None:
    found = judged(times(0.5))
    assert found.outcome is Outcome.PASS
    assert found.improved
    assert found.note == "-49.8%, an improvement: record a new baseline"


def test_a_little_faster_is_none() -> None:
    assert not judged(times(0.9)).improved


def test_sessions_of_another_machine_or_thread_count_are_ignored() -> None:
    foreign = [session([9.0] * 4, 8, machine=OTHER_MACHINE), session([9.0] * 4, 9, threads=1)]
    assert judged(sessions=[*SESSIONS, *foreign]) == judged()
    found = judged(sessions=foreign)
    assert found.outcome is Outcome.INFORMS
    assert found.note == "not judged: the baseline has no session on this machine; `tfgate record --add RUN` adds one"
    assert (found.candidate, found.reference) == ("101.49 ms", "–")


def test_one_session_informs_and_says_what_would_mend_it() -> None:
    found = judged(sessions=SESSIONS[:1])
    assert found.outcome is Outcome.INFORMS
    assert found.interval is None
    assert found.note == "not judged: one session on this machine can't tell how sessions differ; `tfgate record --add RUN` adds one"
    assert found.reference == "101.49 ms"


@pytest.mark.parametrize(("launches", "said"), [(3, "3 launches"), (1, "1 launch")])
def test_few_launches_inform(launches: int, said: str) -> None:
    found = judged(SPEEDS[:launches])
    assert found.outcome is Outcome.INFORMS
    assert found.note == f"not judged: {said}; speed is judged from 4 on (--launches)"


def test_a_run_that_timed_nothing_informs() -> None:
    untimed = [dataclasses.replace(one, step_seconds=()) for one in records()]
    found = judge_speed(untimed, baseline(), MARGINS)
    assert (found.outcome, found.candidate, found.note) == (Outcome.INFORMS, "–", "not judged: the run has no timed steps")
    assert judge_memory(untimed, baseline(), MARGINS).note == found.note


def test_sessions_of_one_version_are_not_mixed_with_another_s() -> None:
    # 2.12 is half as fast. Mixed, the difference between versions would hide any slowdown of 2.21.
    slow = [session(times(2), day, tensorflow="2.12.1") for day in (11, 12, 13)]
    assert judged(times(2), [*SESSIONS, *slow]).outcome is Outcome.REGRESSION
    assert judged(times(2), [*SESSIONS, *slow], tensorflow="2.12.1").outcome is Outcome.PASS


def test_a_version_without_sessions_is_held_against_the_latest() -> None:
    old = [session(times(2), day, tensorflow="2.12.1") for day in (1, 2)]
    new = [session(SPEEDS, day, tensorflow="2.20.0") for day in (21, 22)]
    found = judged(times(2), [*new, *old], tensorflow="2.21.0")
    assert found.outcome is Outcome.REGRESSION
    assert found.note == "against TensorFlow 2.20.0 oneDNN on, 2 threads: +100.0%, certainly more than +25.0%"


def test_a_version_with_one_session_is_held_against_one_that_is_known() -> None:
    own = session(times(2), 23)
    known = [session(times(1 + day / 1000), day, tensorflow="2.20.0") for day in (1, 2)]
    assert judged(times(2), [own, *known]).note.startswith("against TensorFlow 2.20.0")


def with_yardstick(slower: Sequence[float], yardstick_slower: Sequence[float]) -> list[Session]:
    """Sessions that are slower by factors, and whose yardsticks are."""
    return [
        session(times(factor), day + 1, yardsticks=[0.05 * beside] * 4)
        for day, (factor, beside) in enumerate(zip(slower, yardstick_slower, strict=True))
    ]


BY_YARDSTICK = dataclasses.replace(MARGINS, speed_by_yardstick=("notebook",))


def test_the_yardstick_is_used_for_the_configurations_that_the_margins_name() -> None:
    # The whole machine was 30% slower in the second session, TensorFlow and NumPy alike.
    sessions = with_yardstick([1.0, 1.3, 1.1], [1.0, 1.3, 1.1])
    found = judge_speed(records(), baseline(sessions=sessions), BY_YARDSTICK)
    assert found.metric == "step time / yardstick"
    assert (found.outcome, found.candidate, found.reference) == (Outcome.PASS, "2.030", "2.030")  # 101.49 ms / 50 ms
    assert judge_speed(records(), baseline(sessions=sessions), MARGINS).metric == "step time"


def test_the_yardstick_is_not_used_where_a_launch_has_none() -> None:
    sessions = with_yardstick([1.0, 1.3, 1.1], [1.0, 1.3, 1.1])
    launches = list(records())
    launches[1] = dataclasses.replace(launches[1], yardstick_seconds=())
    assert judge_speed(launches, baseline(sessions=sessions), BY_YARDSTICK).metric == "step time"
    half = [*sessions[:2], session(times(1.1), 3)]
    assert judge_speed(records(), baseline(sessions=half), BY_YARDSTICK).metric == "step time"


def beside_yardstick(slower: float, yardstick_slower: float, sessions: Sequence[float] = (1.0, 0.98, 1.02)) -> Comparison:
    """A run that is slower by a factor than its sessions, whose yardstick is slower by another; the sessions differ by factors."""
    launches = [
        record(5.0, seconds, launch=number, yardstick_seconds=0.05 * yardstick_slower) for number, seconds in enumerate(times(slower))
    ]
    return judge_speed(launches, baseline(sessions=with_yardstick(sessions, sessions)), MARGINS)


def test_what_another_host_of_the_same_name_may_have_done_cannot_be_judged() -> None:
    # As measured on two hosts: TensorFlow's step took 88% longer on the other, NumPy's 35% (docs/baselines.md).
    found = beside_yardstick(1.88, 1.35)
    assert found.outcome is Outcome.CANNOT_JUDGE
    assert found.note == (
        "+88.0%, but the yardstick beside it, NumPy's step, changed by +35.0% (another host, or a busy one: see `tfgate upgrade`)"
    )
    assert beside_yardstick(1.88, 1.0).outcome is Outcome.REGRESSION
    # What would have been caught is beyond the margin and all that the host may explain: 1.25 · 1.35^2.1.
    assert found.detectable is not None
    assert found.detectable > math.log(1.25) + 2.1 * math.log(1.35)


def test_only_what_matters_is_named() -> None:
    """Real steps jitter, so that their mean is a little above the typical one; and something always runs besides."""
    jittering = (0.97, 1.0, 1.01, 0.99, 1.04)
    launches = [
        dataclasses.replace(
            record(launch=number, yardstick_seconds=0.037), others_cpu=0.002, step_seconds=tuple(seconds * factor for factor in jittering)
        )
        for number, seconds in enumerate(SPEEDS)
    ]
    found = judge_speed(launches, baseline(sessions=with_yardstick([1.0, 0.98, 1.02], [1.0, 0.98, 1.02])), MARGINS)
    assert found.outcome is Outcome.CANNOT_JUDGE
    assert "yardstick" in found.note
    assert "stall" not in found.note
    assert "CPU" not in found.note


def test_a_slowdown_far_beyond_what_the_host_explains_is_a_regression() -> None:
    assert beside_yardstick(10.0, 1.35).outcome is Outcome.REGRESSION


def test_a_faster_host_proves_no_pass() -> None:
    # The same two hosts the other way round; the candidate is twice as slow.
    found = beside_yardstick(2 * 0.53, 0.74)
    assert (found.outcome, found.improved) == (Outcome.CANNOT_JUDGE, False)
    assert "changed by -26.0%" in found.note
    assert beside_yardstick(2 * 0.53, 1.0).outcome is Outcome.PASS


def test_a_faster_host_hides_as_much_as_it_may_be_faster_by_proven_or_not() -> None:
    differing = (1.0, 0.97, 1.03, 0.98, 1.02, 1.0)  # sessions that don't exclude, at 96%, that the yardstick is the same
    assert beside_yardstick(1.1, 0.96, differing).outcome is Outcome.CANNOT_JUDGE
    assert beside_yardstick(1.1, 1.0, differing).outcome is Outcome.PASS


def test_a_faster_host_makes_no_improvement() -> None:
    found = beside_yardstick(0.5, 0.75)
    assert (found.outcome, found.improved) == (Outcome.PASS, False)
    assert beside_yardstick(0.5, 1.0).improved


def test_a_slower_host_excuses_no_more_than_it_may_explain() -> None:
    assert beside_yardstick(2.2, 1.2).outcome is Outcome.REGRESSION
    assert beside_yardstick(2.2, 1.25).outcome is Outcome.CANNOT_JUDGE


def beside_others(factor: float, *others: float | None) -> Comparison:
    """A run that is slower by a factor, beside whose launches others had parts of the CPU."""
    launches = [dataclasses.replace(one, others_cpu=part) for one, part in zip(records(speeds=times(factor)), others, strict=True)]
    return judge_speed(launches, baseline(), MARGINS)


def test_what_other_processes_may_have_done_is_no_regression() -> None:
    found = beside_others(2.0, 0.5, 0.4, 0.5, 0.6)
    assert (found.outcome, found.note) == (
        Outcome.CANNOT_JUDGE,
        "+100.7%, but other processes had 50% of the CPU beside the candidate: measure again while nothing else runs",
    )
    assert beside_others(2.0, 0.01, None, 0.02, 0.01).outcome is Outcome.REGRESSION
    assert beside_others(2.0, 0.06, 0.0, 0.0, 0.0).outcome is Outcome.REGRESSION  # a little of one launch explains little
    assert beside_others(10.0, 0.5, 0.4, 0.5, 0.6).outcome is Outcome.REGRESSION  # nor does half of it explain anything
    assert beside_others(1.0, 0.5, 0.5, 0.5, 0.5).outcome is Outcome.PASS


def test_steps_that_stall_do_not_pass_by_being_rare() -> None:
    # Each sixth step takes ten times as long: training takes 2.5 times as long, and the trimmed mean sees nothing of it.
    stalling = [
        dataclasses.replace(one, step_seconds=tuple(seconds * (10 if step % 6 == 5 else 1) for step in range(60)))
        for one, seconds in zip(records(), SPEEDS, strict=True)
    ]
    found = judge_speed(stalling, baseline(), MARGINS)
    assert (found.outcome, found.candidate) == (Outcome.CANNOT_JUDGE, "101.49 ms")
    assert found.note == "+0.34%, but steps stall: on average they take +150.0% more than the typical one that is judged"
    some = [dataclasses.replace(one, step_seconds=(*[one.step_seconds[0]] * 39, 3 * one.step_seconds[0])) for one in records()]
    assert judge_speed(some, baseline(), MARGINS).outcome is Outcome.PASS


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_tiny_informs_however_slow(factor: float) -> None:
    found = judge_speed(records(speeds=times(factor), subject=TINY), baseline(subject=TINY), MARGINS)
    assert (found.outcome, found.gates) == (Outcome.INFORMS, False)
    assert found.interval is not None


def memory(mebibytes: int, launches: int = 4) -> Comparison:
    run = [record(launch=number, peak_rss_mebibytes=mebibytes) for number in range(launches)]
    return judge_memory(run, baseline(), MARGINS)


def test_memory_passes_and_fails() -> None:
    same, more = memory(1024), memory(1200)
    assert (same.outcome, same.candidate, same.reference) == (Outcome.PASS, "1024 MiB", "1024 MiB")
    assert (more.outcome, more.note) == (Outcome.REGRESSION, "+17.2%, certainly more than +10.0%")  # 1200/1024


def test_memory_of_a_run_that_only_met_the_oracle_informs() -> None:
    found = memory(1024, launches=1)
    assert found.outcome is Outcome.INFORMS
    assert found.note == "not judged: no launch ran without the oracle; the second of a run is the first that does (--launches)"
