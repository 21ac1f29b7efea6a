"""Ratios over time: the change point, the slow drift that has none, and how often noise alone is taken for a change."""

import dataclasses
import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest

from bench.judge.history import (
    LEAST_REPORTS,
    MARGINS,
    PENALTY,
    Drift,
    Key,
    Point,
    Series,
    changes,
    drift,
    histories,
    noise,
    outcome,
    report_points,
)
from bench.record.paired import Pair, Side
from bench.record.types import Failure, Startup
from bench.stats.outcome import Outcome
from tests.bench.report_samples import OTHER_REFERENCE, REFERENCE_SIDE, gate_report, paired_report, pairs
from tests.bench.samples import OTHER_MACHINE, SUBJECT, environment

FIVE_PERCENT = math.log1p(0.05)


def day(number: int) -> str:
    return f"2026-01-{number + 1:02}T00:00:00+00:00"


def of_days(days: Sequence[Sequence[Pair]], reference: Side = REFERENCE_SIDE) -> list[dict[Key, Point]]:
    """A report a day."""
    return [report_points(f"day-{number}", paired_report(of, day(number), reference)) for number, of in enumerate(days)]


def releases(slowdowns: Sequence[float], deviation: float = 0.002, seed: int = 1) -> list[Series]:
    """A history of reports of one launch (which tells no spread of its own), of step-time ratios with noise between reports."""
    stream = np.random.RandomState(seed)
    return histories(
        of_days([pairs(1, step=math.log(slowdown) + deviation * stream.randn()) for slowdown in slowdowns])
    )


def drifted(values: Sequence[float], deviation: float) -> Drift:
    """From an anchor at 0, as noisy as any report."""
    return drift(values, [math.sqrt(2) * deviation] * len(values), FIVE_PERCENT)


def of_metric(series: Sequence[Series], metric: str = "step time") -> Series:
    return next(each for each in series if each.key.metric == metric)


def apart(step: float) -> list[Pair]:
    """Four launches whose log ratios of step times lie 0.1 to either side."""
    return [
        dataclasses.replace(*pairs(1, step=step + off), launch=launch)
        for launch, off in enumerate((-0.1, 0.1, 0.1, -0.1))
    ]


def on_both(pair: Pair, **changes: object) -> Pair:
    sides = {side: dataclasses.replace(getattr(pair, side), **changes) for side in ("reference", "candidate")}
    return dataclasses.replace(pair, **sides)


def test_ten_releases_of_one_percent_do_not_pass_unseen() -> None:
    # 1.01¹⁰ = 1.105, and each release passes against the one before it.
    found = of_metric(releases([1.01**number for number in range(11)], deviation=0.0005))
    assert all(abs(b.value - a.value) < FIVE_PERCENT for a, b in itertools.pairwise(found.points))
    assert found.drift
    assert found.worse
    assert found.drift.difference == pytest.approx(math.log(1.105), abs=0.01)
    # ln 1.05 and 2.58 · √2 · 0.001 (the least noise: a fiftieth of the margin) make 0.052: between 1.01⁵ (0.0498) and 1.01⁶ (0.0597).
    assert found.drift.first == 6
    assert found.points[6].report == "day-6"


def test_a_history_passes_by_proof_alone() -> None:
    still, noisy, short = (
        releases([1.0] * 8),
        releases([1.0] * 8, deviation=0.05),
        releases([1.0] * (LEAST_REPORTS - 1)),
    )
    assert outcome(still) is Outcome.PASS
    assert outcome(noisy) is Outcome.CANNOT_JUDGE
    assert outcome([*still, *short]) is Outcome.CANNOT_JUDGE  # another configuration that joined later
    assert outcome([*noisy, *releases([1.0] * 6 + [1.5] * 5)]) is Outcome.REGRESSION
    assert outcome([of_metric(still, "start-up")]) is Outcome.CANNOT_JUDGE
    assert outcome([]) is Outcome.CANNOT_JUDGE


def test_no_drift_is_no_alarm() -> None:
    found = of_metric(releases([1.0] * 11))
    assert not found.worse
    assert found.drift
    assert found.drift.first is None
    assert found.changes == ()


def test_a_step_is_found_with_the_report_that_brought_it() -> None:
    found = of_metric(releases([1.0] * 6 + [1.08] * 5))
    (change,) = found.changes
    assert (change.first, change.worse) == (6, True)
    assert change.difference == pytest.approx(math.log(1.08), abs=0.005)
    assert found.worse


def test_a_step_that_was_mended_is_told_and_not_blamed_on_the_newest() -> None:
    found = of_metric(releases([1.0] * 5 + [1.08] * 4 + [1.0] * 4))
    assert [(change.first, change.worse) for change in found.changes] == [(5, True), (9, False)]
    assert not found.worse
    assert found.drift
    assert found.drift.first is None


def test_the_first_bad_report_is_of_the_stretch_that_lasts() -> None:
    # Report 3 was slow and mended; report 12 brought what is there now.
    found = of_metric(releases([1.0] * 3 + [1.2] + [1.0] * 8 + [1.08] * 3))
    assert found.drift
    assert found.drift.first == 12


def test_a_step_within_the_margin_is_a_change_that_is_not_worse() -> None:
    found = of_metric(releases([1.0] * 6 + [1.03] * 6))
    assert [(change.first, change.worse) for change in found.changes] == [(6, False)]
    assert not found.worse


def test_a_fixed_anchor_does_not_move() -> None:
    anchor = report_points("anchor", paired_report(pairs(1, step=math.log(0.9))))
    reports = of_days([pairs(1)] * 7)
    assert of_metric(histories(reports, anchor)).worse  # ln(1 / 0.9) = 10.5%
    assert not of_metric(histories(reports)).worse  # from the oldest of them nothing moved


def test_noise_is_that_of_neighbours_whatever_the_trend() -> None:
    stream = np.random.RandomState(2)
    deviations = 0.01 * stream.randn(400)
    steep = deviations + 0.05 * np.arange(400)
    stepped = deviations + np.where(np.arange(400) < 200, 0.0, 1.0)
    for values in (deviations, steep, stepped):
        assert noise(list(values), FIVE_PERCENT) == pytest.approx(0.01, rel=0.15)


def test_reports_equal_to_the_last_bit_have_a_noise_that_is_small_for_the_margin() -> None:
    assert noise([1.0] * 10, 0.05) == pytest.approx(0.001)
    assert changes([1.0] * 5 + [1.001] * 5, 0.001, 0.05) == ()


def test_a_report_is_as_noisy_as_its_own_launches_at_least() -> None:
    """Reports that happen to agree, the last two 12% higher: certain by their neighbours, and not by launches that lie 20% apart."""
    found = of_metric(histories(of_days([apart(0.0)] * 8 + [apart(0.11)] * 2)))
    # A deviation of 11.5% of four launches, widened 1.23 times: 7.1%.
    assert found.noise == pytest.approx(0.071, abs=0.002)
    assert (found.outcome, found.changes) == (Outcome.CANNOT_JUDGE, ())
    assert of_metric(histories(of_days([pairs(1)] * 8 + [pairs(1, step=0.11)] * 2))).outcome is Outcome.REGRESSION


def test_a_noisy_anchor_proves_nothing() -> None:
    reports = of_days([pairs(1)] * 8)
    assert of_metric(histories(reports, *of_days([pairs(1)]))).outcome is Outcome.PASS
    assert of_metric(histories(reports, *of_days([apart(0.0)]))).outcome is Outcome.CANNOT_JUDGE


@pytest.mark.parametrize(("count", "known"), [(LEAST_REPORTS - 1, False), (LEAST_REPORTS, True)])
def test_too_few_reports_are_not_judged(count: int, known: bool) -> None:
    found = of_metric(releases([1.0] * count))
    assert (found.noise is not None, found.drift is not None) == (known, known)
    assert not found.worse


def test_noise_that_hides_the_margin_is_no_regression() -> None:
    # +8% off the anchor with a deviation of 5% between reports: 2.58 · √2 · 0.05 is 18% more than the margin.
    noisy = drifted([0.0] * 9 + [0.08] * 2, 0.05)
    assert (noisy.beyond, noisy.proven) == (False, False)
    assert drifted([0.0] * 9 + [0.08] * 2, 0.002).beyond


def test_one_report_alone_is_an_outlier_and_no_pass() -> None:
    alone = drifted([0.0] * 9 + [0.6], 0.002)
    assert (alone.beyond, alone.proven) == (False, False)
    mended = drifted([0.0] * 9 + [0.6, 0.0], 0.002)
    assert (mended.beyond, mended.proven) == (False, True)


@pytest.mark.parametrize(("noise_of_a_report", "proven"), [(0.010, True), (0.015, False)])
def test_a_pass_is_proven(noise_of_a_report: float, proven: bool) -> None:
    # The same as the anchor: 2.58 · √2 of the noise is 3.6%, and 5.5%.
    assert drifted([0.0] * 10, noise_of_a_report).proven is proven


@pytest.mark.parametrize(("length", "most"), [(10, 0.18), (30, 0.08), (100, 0.02)])
def test_how_often_noise_alone_looks_like_a_change(length: int, most: float) -> None:
    """What PENALTY's comment states: 14%, 5% and 1% of unchanged series, of 300 each."""
    stream = np.random.RandomState(1)
    alarms = 0
    for _ in range(300):
        values = list(stream.randn(length))
        deviation = noise(values, FIVE_PERCENT)
        assert deviation
        alarms += bool(changes(values, deviation, 0.0))
    assert alarms / 300 <= most, PENALTY


def test_a_series_goes_on_from_machine_to_machine() -> None:
    """The other machine has more threads and takes ten times as long for a step, on both sides alike."""
    elsewhere = [
        dataclasses.replace(
            on_both(pair, machine=OTHER_MACHINE, environment=environment("2.20.0", threads=64)),
            steps=tuple(dataclasses.replace(quad, seconds=tuple(10 * s for s in quad.seconds)) for quad in pair.steps),
        )
        for pair in pairs(4)
    ]
    found = of_metric(histories(of_days([pairs(4), elsewhere] * 4)))
    assert (len(found.points), len({point.machine for point in found.points})) == (8, 2)
    assert found.outcome is Outcome.PASS


def test_other_references_and_other_models_are_other_series() -> None:
    other = [on_both(pair, subject=dataclasses.replace(SUBJECT, fingerprint="f" * 16)) for pair in pairs()]
    told = dataclasses.replace(REFERENCE_SIDE, variables={"TF_ENABLE_ONEDNN_OPTS": "0"})
    reports = [
        *of_days([pairs()] * 2),
        *of_days([other] * 2),
        *of_days([pairs()] * 2, OTHER_REFERENCE),
        *of_days([pairs()] * 2, told),
    ]
    found = [each for each in histories(reports) if each.key.metric == "step time"]
    assert [len(each.points) for each in found] == [2, 2, 2, 2]


def test_a_gate_s_report_and_a_paired_run_are_one_series() -> None:
    gate = report_points("gate", gate_report([paired_report(pairs())], day(1)))
    (upgrade,) = of_days([pairs(shift=2)])
    found = of_metric(histories([gate, upgrade]))
    assert [(point.report, point.created) for point in found.points] == [("day-0", day(0)), ("gate", day(1))]


def test_values_are_mean_log_ratios_with_their_standard_errors() -> None:
    (found,) = of_days([pairs(4, step=0.1)])
    point = found[Key(SUBJECT.name, SUBJECT.fingerprint, f"TensorFlow 2.20.0 ({REFERENCE_SIDE.identity})", "step time")]
    # Noise 0.4%, −0.6%, 0.1%, 0.3%: mean 0.05%, deviation 0.45%, standard error 0.225%, widened 1.23 times.
    assert point.value == pytest.approx(0.1005)
    assert point.error == pytest.approx(0.00225 * 1.23, rel=0.02)
    assert (point.tensorflow, point.machine) == ("2.21.0", pairs()[0].candidate.machine.fingerprint())
    assert {key.metric for key in found} == set(MARGINS)


def test_start_up_is_the_ratio_of_the_sums() -> None:
    # 2 + 1 + 4 + 1 = 8 s against 1 + 1 + 1 + 1 = 4 s.
    (one,) = pairs(1)
    sides = {"candidate": Startup(2, 1, 4, 1), "reference": Startup(1, 1, 1, 1)}
    started = {side: dataclasses.replace(getattr(one, side), startup=startup) for side, startup in sides.items()}
    (found,) = of_days([[dataclasses.replace(one, **started)]])
    assert {key.metric: point.value for key, point in found.items()}["start-up"] == pytest.approx(math.log(2))


def test_failed_launches_and_missing_metrics_are_left_out() -> None:
    one, two = pairs(2)
    failed = dataclasses.replace(
        two, candidate=dataclasses.replace(two.candidate, failure=Failure("crashed", "killed"))
    )
    bare = dataclasses.replace(on_both(one, startup=None, memory=None), evaluations=())
    (found,) = of_days([[bare, failed]])
    assert {key.metric for key in found} == {"step time", "mean step", "perplexity"}
    assert of_days([[failed]]) == [{}]
    assert report_points("gate", gate_report([])) == {}


def test_a_value_that_is_no_number_is_left_out() -> None:
    broken = on_both(pairs(1)[0], losses=(math.inf,) * 10)
    (found,) = of_days([[broken]])
    assert "perplexity" not in {key.metric for key in found}


def test_reports_are_ordered_by_their_time() -> None:
    reports = of_days([pairs()] * 3)
    assert [point.report for point in of_metric(histories([reports[2], *reports[:2]])).points] == [
        "day-0",
        "day-1",
        "day-2",
    ]


def test_an_anchor_without_a_metric_judges_it_not_at_all() -> None:
    reports = of_days([pairs(1)] * 8)
    (untimed,) = of_days([[dataclasses.replace(pairs(1)[0], steps=())]])
    found = {each.key.metric: each for each in histories(reports, untimed)}
    assert (found["step time"].anchor, found["step time"].drift) == (None, None)
    assert found["perplexity"].drift
    (elsewhere,) = of_days([pairs(1)], OTHER_REFERENCE)
    with pytest.raises(ValueError, match="the anchor has nothing in common with the reports"):
        histories(reports, elsewhere)
