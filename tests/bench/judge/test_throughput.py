"""Words/s and what is stored of the machine: within, below and above the range, and what isn't comparable."""

import dataclasses

import pytest

from bench.judge.reasons import NoStoredSpeed, StoredRange
from bench.judge.throughput import judge_throughput, words_per_second
from bench.judge.types import Comparison
from bench.record.types import Throughput
from bench.stats.outcome import Outcome
from tests.builders.records import OTHER_MACHINE, SUBJECT, baseline, record, throughput

STORED = (throughput([2900, 3000], 1, in_turn=True), throughput([3100], 5, in_turn=True))


def judged(*seconds: float, stored: tuple[Throughput, ...] = STORED, gates: bool = False) -> Comparison:
    """Launches of 300 words a step."""
    launches = [record(step_seconds=each, launch=launch) for launch, each in enumerate(seconds)]
    (found,) = judge_throughput(SUBJECT.name, launches, baseline(stored=stored), in_turn=True, gates=gates)
    return found


@pytest.mark.parametrize(
    ("seconds", "speed", "place", "outcome"),
    [
        ((0.100, 0.100), 3000, "within", Outcome.PASS),
        ((0.104, 0.104), 2884.6, "below", Outcome.REGRESSION),  # 2900 is the least
        ((0.096, 0.096), 3125, "above", Outcome.PASS),
        ((0.080, 0.120), 3125, "above", Outcome.PASS),  # 3750 and 2500: the mean counts
    ],
)
def test_below_the_stored_range_is_a_regression_where_it_gates(
    seconds: tuple[float, ...], speed: float, place: str, outcome: Outcome
) -> None:
    shown, gated = judged(*seconds), judged(*seconds, gates=True)
    assert (shown.outcome, shown.metric.gates) == (Outcome.NOT_GATED, False)
    assert (gated.outcome, gated.metric.gates) == (outcome, True)
    assert shown.candidate == gated.candidate == pytest.approx(speed, abs=0.1)
    assert shown.reason == gated.reason == StoredRange(place, 2900, 3100, 3, "2026-01-01", "2026-01-05")


@pytest.mark.parametrize(
    "stored",
    [
        (),
        (throughput([3000], machine=OTHER_MACHINE, in_turn=True),),
        (throughput([3000], in_turn=False),),  # a process in turn with another is slower
        (Throughput("2026-01-01T00:00:00+00:00", record().machine, "2.21.0", 1, True, (3000.0,)),),  # one thread
    ],
)
def test_what_is_not_comparable_is_no_baseline(stored: tuple[Throughput, ...]) -> None:
    shown, gated = judged(0.1, stored=stored), judged(0.1, stored=stored, gates=True)
    assert (shown.outcome, shown.reason) == (Outcome.NOT_GATED, NoStoredSpeed())
    assert (gated.outcome, gated.reason) == (Outcome.INCONCLUSIVE, NoStoredSpeed())


def test_words_a_second_of_another_model_or_data_are_no_baseline() -> None:
    """Launches in turn have other steps than the baseline's."""
    for changes, reason in (({"steps": 99}, StoredRange), ({"fingerprint": "ffff"}, NoStoredSpeed)):
        known = baseline(stored=STORED, subject=dataclasses.replace(SUBJECT, **changes))
        (found,) = judge_throughput(SUBJECT.name, [record()], known, in_turn=True, gates=True)
        assert isinstance(found.reason, reason)
        assert found.outcome is (Outcome.PASS if reason is StoredRange else Outcome.INCONCLUSIVE)


def test_no_baseline_and_no_launch() -> None:
    (found,) = judge_throughput(SUBJECT.name, [record()], None, in_turn=True, gates=False)
    assert found.candidate == pytest.approx(3000)
    assert found.reason == NoStoredSpeed()
    assert judge_throughput(SUBJECT.name, [], baseline(), in_turn=True, gates=True) == []


def test_words_per_second_are_those_of_a_typical_step() -> None:
    """300 words a step, of which four take 0.1 s: the fifth, a burst of noise, is trimmed away."""
    assert words_per_second(dataclasses.replace(record(), step_seconds=(0.1, 0.1, 5.0, 0.1, 0.1))) == pytest.approx(
        3000
    )


def test_a_launch_without_steady_steps_has_no_speed() -> None:
    assert words_per_second(dataclasses.replace(record(), step_seconds=(0.1, 0.1))) is None
