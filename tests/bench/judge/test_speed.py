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
