"""Words/s beside what is stored of the machine: within, below and above the range, and what isn't comparable."""

import pytest

from bench.judge.throughput import judge_throughput
from bench.judge.types import Comparison
from bench.record.types import Throughput
from bench.stats.outcome import Outcome
from tests.bench.samples import OTHER_MACHINE, SUBJECT, baseline, record, throughput

STORED = (throughput([2900, 3000], 1, in_turn=True), throughput([3100], 5, in_turn=True))


def judged(step_seconds: float, stored: tuple[Throughput, ...] = STORED, *, gates: bool = False) -> list[Comparison]:
    """Of two launches of 300 words a step."""
    launches = [record(step_seconds=step_seconds, launch=launch) for launch in range(2)]
    return judge_throughput(SUBJECT.name, launches, baseline(stored=stored), in_turn=True, gates=gates)


@pytest.mark.parametrize(
    ("step_seconds", "shown", "where", "outcome"),
    [
        (0.100, "3,000", "within", Outcome.PASS),
        (0.104, "2,885", "below", Outcome.REGRESSION),  # 300 words in 0.104 s are 2885 a second, and 2900 is the least
        (0.096, "3,125", "above", Outcome.PASS),
    ],
)
def test_within_below_above(step_seconds: float, shown: str, where: str, outcome: Outcome) -> None:
    (found,) = judged(step_seconds)
    assert (found.outcome, found.gates, found.candidate, found.reference) == (
        Outcome.INFORMS,
        False,
        shown,
        "2,900 to 3,100",
    )
    assert found.note == f"{where} the stored range (3 launches, 2026-01-01 to 2026-01-05)"
    (gated,) = judged(step_seconds, gates=True)
    assert (gated.outcome, gated.gates, gated.note) == (outcome, True, found.note)


def test_the_mean_of_the_launches_counts() -> None:
    """3750 and 2500: a launch alone would be above, the other below."""
    launches = [record(step_seconds=0.08), record(step_seconds=0.12, launch=1)]
    (found,) = judge_throughput(
        SUBJECT.name, launches, baseline(stored=(throughput([3100, 3150], in_turn=True),)), in_turn=True, gates=True
    )
    assert (found.candidate, found.outcome) == ("3,125", Outcome.PASS)


@pytest.mark.parametrize(
    "stored",
    [
        (),
        (throughput([3000], machine=OTHER_MACHINE, in_turn=True),),
        (throughput([3000], in_turn=False),),  # alone: a process in turn with another is slower
        (Throughput("2026-01-01T00:00:00+00:00", record().machine, "2.21.0", 1, True, (3000.0,)),),  # one thread
    ],
)
def test_what_is_not_comparable_is_no_baseline(stored: tuple[Throughput, ...]) -> None:
    (found,) = judged(0.1, stored)
    assert (found.outcome, found.reference, found.note) == (Outcome.INFORMS, "–", "no baseline on this machine")
    (gated,) = judged(0.1, stored, gates=True)
    assert (gated.outcome, gated.gates) == (Outcome.CANNOT_JUDGE, True)


def test_no_baseline_at_all() -> None:
    (found,) = judge_throughput(SUBJECT.name, [record()], None, in_turn=True, gates=False)
    assert found.note == "no baseline on this machine"


def test_launches_that_timed_nothing_have_no_words_a_second() -> None:
    assert judge_throughput(SUBJECT.name, [], baseline(), in_turn=True, gates=True) == []
