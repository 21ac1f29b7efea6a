"""Runs over time: the change point, the slow drift that has none, and how often noise alone is taken for a change."""

import dataclasses
import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest

from bench.judge.history import LEAST_RUNS, PENALTY, Beside, Drift, Series, changes, drift, histories, noise, outcome, run_values
from bench.judge.types import Outcome
from bench.record.types import Failure, Record
from tests.bench.samples import OTHER_MACHINE, SUBJECT, environment, record, run

FIVE_PERCENT = math.log1p(0.05)


def releases(slowdowns: Sequence[float], deviation: float = 0.002, seed: int = 1) -> list[Series]:
    """A history of runs whose step takes 0.1 s × a slowdown, with noise between runs."""
    stream = np.random.RandomState(seed)
    values = []
    for number, slowdown in enumerate(slowdowns):
        seconds = 0.1 * slowdown * math.exp(deviation * stream.randn())
        of = [record(step_seconds=seconds, launch=launch, tensorflow=f"2.{number}.0") for launch in range(2)]
        values.append(run_values(f"release-{number}", run(of, f"2026-01-{number + 1:02}T00:00:00+00:00")))
    return histories(values)


def days(of: Sequence[Record]) -> list[Series]:
    """A history of a launch a day."""
    values = [run_values(f"day-{day}", run([each], f"2026-01-{day + 1:02}T00:00:00+00:00")) for day, each in enumerate(of)]
    return histories(values)


def drifted(values: Sequence[float], deviation: float) -> Drift:
    """From an anchor at 0, with nothing measured beside the runs."""
    return drift(values, 0.0, deviation, FIVE_PERCENT, [()] * len(values))


def step_time(series: Sequence[Series]) -> Series:
    return next(each for each in series if each.key.metric == "step time")


def test_ten_releases_of_one_percent_do_not_pass_unseen() -> None:
    # 1.01¹⁰ = 1.105, and each release passes against the one before it.
    found = step_time(releases([1.01**number for number in range(11)], deviation=0.0005))
    assert all(abs(b.value - a.value) < FIVE_PERCENT for a, b in itertools.pairwise(found.points))
    assert found.drift
    assert found.worse
    assert found.drift.difference == pytest.approx(math.log(1.105), abs=0.01)
    # ln 1.05 and 2.58 · √2 · 0.001 (the least noise: a fiftieth of the margin) make 0.052: between 1.01⁵ (0.0498) and 1.01⁶ (0.0597).
    assert found.drift.first == 6
    assert found.points[6].run == "release-6"


def test_a_history_passes_by_proof_alone() -> None:
    still, noisy, short = releases([1.0] * 8), releases([1.0] * 8, deviation=0.05), releases([1.0] * (LEAST_RUNS - 1))
    assert outcome(still) is Outcome.PASS
    assert outcome(noisy) is Outcome.CANNOT_JUDGE
    assert outcome([*still, *short]) is Outcome.CANNOT_JUDGE  # another configuration that joined later
    assert outcome([*noisy, *releases([1.0] * 6 + [1.5] * 5)]) is Outcome.REGRESSION
    start_up = [each for each in still if each.key.metric == "start-up"]
    assert outcome(start_up) is Outcome.CANNOT_JUDGE
    assert outcome([]) is Outcome.CANNOT_JUDGE


def test_no_drift_is_no_alarm() -> None:
    found = step_time(releases([1.0] * 11))
    assert not found.worse
    assert found.drift
    assert found.drift.first is None
    assert found.changes == ()


def test_a_step_is_found_with_the_run_that_brought_it() -> None:
    found = step_time(releases([1.0] * 6 + [1.08] * 5))
    (change,) = found.changes
    assert (change.first, change.worse) == (6, True)
    assert change.difference == pytest.approx(math.log(1.08), abs=0.005)
    assert found.worse


def test_a_step_that_was_mended_is_told_and_not_held_against_the_newest() -> None:
    found = step_time(releases([1.0] * 5 + [1.08] * 4 + [1.0] * 4))
    assert [(change.first, change.worse) for change in found.changes] == [(5, True), (9, False)]
    assert not found.worse
    assert found.drift
    assert found.drift.first is None


def test_the_first_bad_run_is_of_the_stretch_that_lasts() -> None:
    # Run 3 was slow and mended; run 12 brought what is there now.
    found = step_time(releases([1.0] * 3 + [1.2] + [1.0] * 8 + [1.08] * 3))
    assert found.drift
    assert found.drift.first == 12


def test_a_step_within_the_margin_is_a_change_that_is_not_worse() -> None:
    found = step_time(releases([1.0] * 6 + [1.03] * 6))
    assert [(change.first, change.worse) for change in found.changes] == [(6, False)]
    assert not found.worse


def test_a_fixed_anchor_does_not_move() -> None:
    anchor = run_values("anchor", run([record(step_seconds=0.09)]))
    values = [run_values(f"run-{day}", run([record(step_seconds=0.1)], f"2026-01-{day:02}T00:00:00+00:00")) for day in range(1, 8)]
    found = step_time(histories(values, anchor))
    assert found.worse  # ln(0.1 / 0.09) = 10.5%
    assert not step_time(histories(values)).worse  # from the oldest of them nothing moved


def test_noise_is_that_of_neighbours_whatever_the_trend() -> None:
    stream = np.random.RandomState(2)
    deviations = 0.01 * stream.randn(400)
    steep = deviations + 0.05 * np.arange(400)
    stepped = deviations + np.where(np.arange(400) < 200, 0.0, 1.0)
    for values in (deviations, steep, stepped):
        assert noise(list(values), FIVE_PERCENT) == pytest.approx(0.01, rel=0.15)


def test_runs_equal_to_the_last_bit_have_a_noise_that_is_small_for_the_margin() -> None:
    assert noise([1.0] * 10, 0.05) == pytest.approx(0.001)
    assert changes([1.0] * 5 + [1.001] * 5, 0.001, 0.05, [Beside()] * 10) == ()


@pytest.mark.parametrize(("count", "known"), [(LEAST_RUNS - 1, False), (LEAST_RUNS, True)])
def test_too_few_runs_are_not_judged(count: int, known: bool) -> None:
    found = step_time(releases([1.0] * count))
    assert (found.noise is not None, found.drift is not None) == (known, known)
    assert not found.worse


def test_noise_that_hides_the_margin_is_no_regression() -> None:
    # +8% off the anchor with a deviation of 5% between runs: 2.58 · √2 · 0.05 is 18% more than the margin.
    noisy = drifted([0.0] * 9 + [0.08] * 2, 0.05)
    assert (noisy.beyond, noisy.proven) == (False, False)
    assert drifted([0.0] * 9 + [0.08] * 2, 0.002).beyond


def test_one_run_alone_is_an_outlier_and_no_pass() -> None:
    alone = drifted([0.0] * 9 + [0.6], 0.002)
    assert (alone.beyond, alone.proven) == (False, False)
    mended = drifted([0.0] * 9 + [0.6, 0.0], 0.002)
    assert (mended.beyond, mended.proven) == (False, True)


@pytest.mark.parametrize(("noise_of_a_run", "proven"), [(0.010, True), (0.015, False)])
def test_a_pass_is_proven(noise_of_a_run: float, proven: bool) -> None:
    # The same as the anchor: 2.58 · √2 of the noise is 3.6%, and 5.5%.
    assert drifted([0.0] * 10, noise_of_a_run).proven is proven


@pytest.mark.parametrize(("length", "most"), [(10, 0.18), (30, 0.08), (100, 0.02)])
def test_how_often_noise_alone_looks_like_a_change(length: int, most: float) -> None:
    """What PENALTY's comment states: 14%, 5% and 1% of unchanged series, of 300 each."""
    stream = np.random.RandomState(1)
    alarms = 0
    for _ in range(300):
        values = list(stream.randn(length))
        deviation = noise(values, FIVE_PERCENT)
        assert deviation
        alarms += bool(changes(values, deviation, 0.0, [Beside()] * length))
    assert alarms / 300 <= most, PENALTY


def test_other_machines_and_other_models_are_other_series() -> None:
    other = dataclasses.replace(SUBJECT, fingerprint="f" * 16)
    values = [
        run_values(f"{name}-{day}", run([of], f"2026-01-0{day}T00:00:00+00:00"))
        for day in (1, 2)
        for name, of in (("here", record()), ("there", record(machine=OTHER_MACHINE)), ("other", record(subject=other)))
    ]
    found = [each for each in histories(values) if each.key.metric == "step time"]
    assert [len(each.points) for each in found] == [2, 2, 2]


def test_failed_launches_and_missing_metrics_are_left_out() -> None:
    untimed = dataclasses.replace(record(launch=1), step_seconds=(), evaluation=None)
    failed = record(launch=2, failure=Failure("crashed", "killed"))
    values = run_values("run", run([untimed, failed])).values
    assert {metric for *_, metric in values} == {"perplexity", "peak memory"}
    assert run_values("run", run([failed])).values == {}


def test_runs_are_ordered_by_their_time() -> None:
    values = [run_values(f"day-{day}", run([record()], f"2026-01-{day:02}T00:00:00+00:00")) for day in (3, 1, 2)]
    assert [point.run for point in step_time(histories(values)).points] == ["day-1", "day-2", "day-3"]


def test_an_evaluation_beside_other_work_is_no_measurement() -> None:
    """As `tfgate run --no-speed` leaves it: no step times, and an evaluation that took what was left of the machine."""
    untimed = dataclasses.replace(record(launch=1), step_seconds=())
    assert {key.metric for key in run_values("run", run([untimed])).values} == {"perplexity", "peak memory"}


def test_runs_of_other_threads_are_another_series() -> None:
    values = []
    for day in range(1, 17):
        one = record(step_seconds=0.1 if day % 2 else 0.2)
        changed = dataclasses.replace(one, environment=environment(threads=2 if day % 2 else 1))
        values.append(run_values(f"day-{day}", run([changed], f"2026-01-{day:02}T00:00:00+00:00")))
    found = [each for each in histories(values) if each.key.metric == "step time"]
    assert [(each.key.threads, each.worse, len(each.points)) for each in found] == [(2, False, 8), (1, False, 8)]


def test_an_anchor_without_a_metric_judges_it_not_at_all() -> None:
    values = [run_values(f"day-{day}", run([record()], f"2026-01-{day:02}T00:00:00+00:00")) for day in range(1, 9)]
    untimed = run_values("anchor", run([dataclasses.replace(record(), step_seconds=())]))
    found = {each.key.metric: each for each in histories(values, untimed)}
    assert (found["step time"].anchor, found["step time"].drift) == (None, None)
    assert found["perplexity"].drift
    elsewhere = run_values("elsewhere", run([record(machine=OTHER_MACHINE)]))
    with pytest.raises(ValueError, match="the anchor elsewhere has nothing in common with the runs"):
        histories(values, elsewhere)


def test_a_slower_host_is_no_regression_of_tensorflow() -> None:
    slower = step_time(days([record()] * 8 + [record(step_seconds=0.11, yardstick_seconds=0.055)] * 3))
    assert slower.outcome is Outcome.CANNOT_JUDGE
    assert slower.drift
    assert slower.drift.doubt.startswith("the yardstick beside it, NumPy's step, changed by +10.0%")
    assert [(change.first, change.worse) for change in slower.changes] == [(8, False)]
    alone = step_time(days([record()] * 8 + [record(step_seconds=0.11)] * 3))
    assert (alone.outcome, [change.worse for change in alone.changes]) == (Outcome.REGRESSION, [True])
    assert alone.drift
    assert alone.drift.doubt == ""


def test_more_than_the_host_explains_is_a_regression() -> None:
    # 2.1 × (ln 1.02 − 0.4% for its noise) = 3.4%, beside a margin of 5% and 0.4% for noise: +8% may be the host's, +12% is not.
    outcomes = [
        step_time(days([record()] * 8 + [record(step_seconds=0.1 * slowdown, yardstick_seconds=0.051)] * 3)).outcome
        for slowdown in (1.08, 1.12)
    ]
    assert outcomes == [Outcome.CANNOT_JUDGE, Outcome.REGRESSION]


@pytest.mark.parametrize(
    ("newest", "reason"),
    [
        (record(yardstick_seconds=0.045), "the yardstick beside it"),
        (dataclasses.replace(record(), step_seconds=(0.1, 0.1, 0.1, 0.1, 1.0)), "steps stall"),
    ],
    ids=["a faster host", "stalls"],
)
def test_what_may_hide_a_regression_is_no_pass(newest: Record, reason: str) -> None:
    found = step_time(days([record()] * 8 + [newest]))
    assert found.outcome is Outcome.CANNOT_JUDGE
    assert found.drift
    assert reason in found.drift.doubt
    assert step_time(days([record()] * 9)).outcome is Outcome.PASS


@pytest.mark.parametrize(("noise_between", "outcome"), [(0.015, Outcome.PASS), (0.0, Outcome.CANNOT_JUDGE)], ids=["always so", "for once"])
def test_a_yardstick_that_always_differs_says_nothing_of_one_run(noise_between: float, outcome: Outcome) -> None:
    """3% less than beside the anchor are 2.1 times as much, 6.3%, where the yardstick stood still between; its noise where it did not."""
    between = 0.05 * np.exp(noise_between * np.random.RandomState(4).randn(10))
    found = step_time(days([record(yardstick_seconds=seconds) for seconds in (0.05, *between.tolist(), 0.0485)]))
    assert found.outcome is outcome


def test_other_processes_beside_a_run_or_the_anchor_count() -> None:
    busy = dataclasses.replace(record(), others_cpu=0.2)
    slow = dataclasses.replace(record(step_seconds=0.13), others_cpu=0.2)
    assert step_time(days([record()] * 8 + [slow] * 3)).outcome is Outcome.CANNOT_JUDGE  # −2 · ln 0.8 = 45%
    assert step_time(days([record()] * 8 + [busy])).outcome is Outcome.PASS  # they make nothing faster
    assert step_time(days([busy, *[record()] * 8])).outcome is Outcome.CANNOT_JUDGE  # they made the anchor slower


def test_the_doubt_may_be_of_the_run_before_the_newest() -> None:
    slow = record(step_seconds=0.12)
    found = step_time(days([record()] * 8 + [dataclasses.replace(slow, others_cpu=0.3), slow]))
    assert found.outcome is Outcome.CANNOT_JUDGE  # of two runs one is in doubt, and one alone is an outlier
    assert found.drift
    assert found.drift.doubt.startswith("other processes had 30% of the CPU beside the candidate")
    assert found.drift.doubted == 8


def test_other_processes_do_not_excuse_memory() -> None:
    large = dataclasses.replace(record(launch=1, peak_rss_mebibytes=2048), others_cpu=0.5)
    found = {each.key.metric: each for each in days([record(launch=1)] * 8 + [large] * 3)}
    assert found["peak memory"].outcome is Outcome.REGRESSION


def test_stalling_steps_are_no_matter_of_start_up() -> None:
    stalled = dataclasses.replace(record(), step_seconds=(0.1, 0.1, 0.1, 0.1, 1.0))
    found = {each.key.metric: each for each in days([record()] * 8 + [stalled])}
    assert (found["step time"].outcome, found["start-up"].outcome) == (Outcome.CANNOT_JUDGE, Outcome.PASS)


def test_without_a_yardstick_on_both_sides_the_host_is_not_asked() -> None:
    bare = dataclasses.replace(record(step_seconds=0.11), yardstick_seconds=())
    assert step_time(days([record()] * 8 + [bare] * 3)).outcome is Outcome.REGRESSION
