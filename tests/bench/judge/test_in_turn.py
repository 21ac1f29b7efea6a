"""Metrics in turn: differences beside an accepted ratio, the bound that decided, and when more launches would change nothing."""

import dataclasses
import math
from collections.abc import Sequence

import pytest

from bench.judge.in_turn import compare_in_turn, decisions, settled, whole_pairs
from bench.judge.paired_metrics import Metric, metrics
from bench.judge.types import Comparison
from bench.record.paired import Pair
from bench.record.types import Failure
from bench.stats.outcome import Outcome
from tests.bench.paired_samples import pair, paired_run
from tests.bench.samples import MARGINS, SUBJECT

STEP_TIME = "step time"
PAIRED = dataclasses.replace(MARGINS, paired={"step_time": 0.05}, memory_growth_bytes={}, perplexity={})


def launches(count: int, step: float = 0.0) -> list[Pair]:
    return [pair(launch, step=step) for launch in range(count)]


def measured(pairs: Sequence[Pair], accepted: float = 0.0) -> list[Metric]:
    """All metrics, the step time beside a ratio that was accepted."""
    found = metrics(pairs, PAIRED)
    return [dataclasses.replace(metric, accepted=accepted) if metric.name == STEP_TIME else metric for metric in found]


def step_time(pairs: Sequence[Pair], accepted: float = 0.0) -> Comparison:
    found = compare_in_turn(SUBJECT.name, pairs, measured(pairs, accepted))
    return next(comparison for comparison in found if comparison.metric == STEP_TIME)


@pytest.mark.parametrize(
    ("slower", "accepted", "outcome"),
    [
        (0.08, 0.0, Outcome.REGRESSION),
        (0.08, 0.08, Outcome.PASS),
        (0.08, 0.01, Outcome.REGRESSION),
        (0.0, -0.08, Outcome.REGRESSION),  # the one accepted last was faster than the reference
        (0.0, 0.08, Outcome.PASS),
    ],
)
def test_what_gates_is_the_ratio_beside_the_accepted_one(slower: float, accepted: float, outcome: Outcome) -> None:
    found = step_time(launches(4, math.log1p(slower)), math.log1p(accepted))
    assert found.outcome is outcome
    # The launches' noise has a mean of 0.0005.
    assert found.interval is not None
    assert found.interval.estimate == pytest.approx(math.log1p(slower) - math.log1p(accepted) + 0.0005)
    assert ("beside the accepted ratio to the reference" in found.note) is bool(accepted)


def test_a_pass_prints_the_bound_that_decided() -> None:
    # Noise 0.004, -0.006, 0.001, 0.003: mean 0.0005, deviation 0.0045. Its error, 0.0045/√4 widened by what is assumed of neighbours, ×
    # t at the look's level: 1.1% above.
    found = step_time(launches(4))
    assert found.interval is not None
    bound = 100 * math.expm1(found.interval.pass_high)
    assert found.note == f"+0.05%, at most +{bound:.1f}% after 4 launches: +5.0% is ruled out"
    assert 0.05 < bound < 5
    beside = step_time(launches(4, math.log1p(0.08)), math.log1p(0.08))
    assert beside.note == found.note + "; beside the accepted ratio to the reference of +8.0%"


def test_faster_than_accepted_is_an_improvement() -> None:
    found = step_time(launches(4), math.log1p(0.2))
    assert (found.outcome, found.improved) == (Outcome.PASS, True)


def test_settled_judges_by_what_it_is_given() -> None:
    """8% slower: decided by the accepted 8%, decided by 0%, and open beside 3.2%, where 4.7% are left."""
    run = paired_run(launches(4, math.log1p(0.08)))
    for accepted, decided in ((0.08, True), (0.0, True), (0.032, False)):
        ratio = math.log1p(accepted)
        assert settled(run, lambda pairs, ratio=ratio: measured(pairs, ratio)) is decided  # type: ignore[misc]


def test_a_run_without_gating_metrics_is_settled_at_the_first_look() -> None:
    run = paired_run(launches(4))
    assert settled(run, lambda _: [])
    assert not settled(paired_run(launches(3)), lambda _: [])


def test_decisions_are_those_of_gating_metrics() -> None:
    pairs = launches(4)
    assert list(decisions(pairs, measured(pairs))) == [STEP_TIME]
    assert decisions(pairs[:3], measured(pairs[:3])) == {}


def test_launches_that_failed_are_left_out() -> None:
    run = paired_run([*launches(2), pair(2, failure=Failure("crashed", "killed")), pair(2)])
    assert [one.launch for one in whole_pairs(run)] == [0, 1, 2]
    assert all(one.candidate.failure is None for one in whole_pairs(run))


def test_nothing_measured_is_nothing_compared() -> None:
    assert compare_in_turn(SUBJECT.name, [], []) == []


def test_launches_that_do_not_tell_a_metric_leave_it_open() -> None:
    pairs = launches(4)
    pairs[2] = dataclasses.replace(pairs[2], steps=())
    found = step_time(pairs)
    assert (found.outcome, found.note) == (Outcome.CANNOT_JUDGE, "1 of 4 launches don't tell")
