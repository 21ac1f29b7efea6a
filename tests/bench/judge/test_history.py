"""Ratios over time: the change point, the slow drift that has none, and what makes a series."""

import dataclasses
import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest

from bench.judge.history import MARGINS, Key, Point, Series, histories, outcome, report_points
from bench.judge.metrics import ONE_CORE_STEP_TIME
from bench.record.paired import Pair, Side
from bench.record.types import Failure, Startup
from bench.stats.outcome import Outcome
from bench.stats.series import LEAST_REPORTS
from tests.builders.launches import on_both, on_candidate, slowed, with_one_core
from tests.builders.records import OTHER_MACHINE, SUBJECT, environment
from tests.builders.reports import OTHER_REFERENCE, REFERENCE_SIDE, gate_report, paired_report, pairs

FIVE_PERCENT = math.log1p(0.05)


def day(number: int) -> str:
    return f"2026-01-{number + 1:02}T00:00:00+00:00"


def of_days(days: Sequence[Sequence[Pair]], reference: Side = REFERENCE_SIDE) -> list[dict[Key, Point]]:
    """A report a day."""
    return [report_points(f"day-{number}", paired_report(of, day(number), reference)) for number, of in enumerate(days)]


def releases(slowdowns: Sequence[float], deviation: float = 0.002, seed: int = 1) -> list[Series]:
    """A history of reports of one launch (no spread of its own): step-time ratios with noise between reports."""
    stream = np.random.RandomState(seed)
    return histories(
        of_days([pairs(1, step=math.log(slowdown) + deviation * stream.randn()) for slowdown in slowdowns])
    )


def of_metric(series: Sequence[Series], metric: str = "step time") -> Series:
    return next(each for each in series if each.key.metric == metric)


def apart(step: float) -> list[Pair]:
    """Four launches whose log ratios of step times lie 0.1 to either side."""
    return [
        dataclasses.replace(*pairs(1, step=step + off), launch=launch)
        for launch, off in enumerate((-0.1, 0.1, 0.1, -0.1))
    ]


def test_ten_releases_of_one_percent_do_not_pass_unseen() -> None:
    # 1.01¹⁰ = 1.105, and each release passes against the one before it.
    found = of_metric(releases([1.01**number for number in range(11)], deviation=0.0005))
    assert all(abs(b.value - a.value) < FIVE_PERCENT for a, b in itertools.pairwise(found.points))
    assert found.drift
    assert found.outcome is Outcome.REGRESSION
    assert found.drift.difference == pytest.approx(math.log(1.105), abs=0.01)
    # ln 1.05 and 4.56 · √2 · 0.001 (the least noise: a fiftieth of the margin) make 0.055: between 1.01⁵ (0.0498) and
    # 1.01⁶ (0.0597).
    assert found.drift.first == 6
    assert found.points[6].report == "day-6"


def test_a_history_passes_by_proof_alone() -> None:
    still, noisy = releases([1.0] * 8), releases([1.0] * 8, deviation=0.05)
    short = releases([1.0] * (LEAST_REPORTS - 1))
    assert outcome(still) is Outcome.PASS
    assert outcome(noisy) is Outcome.INCONCLUSIVE
    assert outcome([*still, *short]) is Outcome.INCONCLUSIVE  # another configuration that joined later
    assert outcome([*noisy, *releases([1.0] * 6 + [1.5] * 5)]) is Outcome.REGRESSION
    assert outcome([of_metric(still, "start-up")]) is Outcome.INCONCLUSIVE
    assert outcome([]) is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("step time", Outcome.INCONCLUSIVE),
        ("perplexity", Outcome.INCONCLUSIVE),
        ("peak memory", Outcome.INCONCLUSIVE),
        ("start-up", Outcome.PASS),
    ],
)
def test_which_metrics_take_a_proof(metric: str, expected: Outcome) -> None:
    still = releases([1.0] * 8)
    one = of_metric(still, metric)
    assert one.drift
    unproven = dataclasses.replace(one, drift=dataclasses.replace(one.drift, proven=False))
    assert outcome([unproven if each is one else each for each in still]) is expected


@pytest.mark.parametrize(
    ("slowdowns", "changes", "first"),
    [
        ([1.0] * 11, [], None),
        ([1.0] * 6 + [1.10] * 5, [(6, True)], 6),
        ([1.0] * 5 + [1.08] * 4 + [1.0] * 4, [(5, True), (9, False)], None),  # mended: not blamed on the newest
        # Report 3 was slow, and alone (a level lasts two); report 12 brought what is there now.
        ([1.0] * 3 + [1.2] + [1.0] * 8 + [1.10] * 3, [(3, True), (5, False), (12, True)], 12),
        ([1.0] * 6 + [1.03] * 6, [(6, False)], None),  # within the margin
    ],
)
def test_steps_are_found_with_the_report_that_brought_them(
    slowdowns: Sequence[float], changes: list[tuple[int, bool]], first: int | None
) -> None:
    found = of_metric(releases(slowdowns))
    assert [(change.first, change.worse) for change in found.changes] == changes
    assert found.drift
    assert (found.drift.first, found.outcome is Outcome.REGRESSION) == (first, first is not None)


@pytest.mark.parametrize(
    ("factor", "of_perplexity"), [(0.9, Outcome.REGRESSION), (1.0, Outcome.PASS), (1.1, Outcome.REGRESSION)]
)
def test_a_perplexity_that_fell_is_another_training_too(factor: float, of_perplexity: Outcome) -> None:
    """Losses of 10 time steps: log perplexity falls by 0.5, or rises. What got faster passes."""
    (one,) = pairs(1, step=math.log(0.8))
    other = [on_candidate(one, losses=tuple(factor * loss for loss in one.candidate.losses))]
    found = histories(of_days([pairs(1)] * 6 + [other] * 3))
    assert (of_metric(found, "perplexity").outcome, of_metric(found).outcome) == (of_perplexity, Outcome.PASS)
    assert [change.worse for change in of_metric(found, "perplexity").changes] == [True] * (factor != 1.0)
    assert [each.key.metric for each in found if each.two_sided] == ["perplexity"]


def test_a_given_fixed_reference_does_not_move() -> None:
    fixed = report_points("fixed", paired_report(pairs(1, step=math.log(0.9))))
    reports = of_days([pairs(1)] * 7)
    assert of_metric(histories(reports, fixed)).outcome is Outcome.REGRESSION  # ln(1 / 0.9) = 10.5%
    assert of_metric(histories(reports)).outcome is Outcome.PASS  # from the oldest of them nothing moved


def test_a_report_is_as_noisy_as_its_own_launches_at_least() -> None:
    """Reports that happen to agree, the last two 12% higher: certain by their neighbours, and not by their launches."""
    found = of_metric(histories(of_days([apart(0.0)] * 8 + [apart(0.11)] * 2)))
    # A deviation of 11.5% of four launches, widened 1.23 times: 7.1%.
    assert found.noise == pytest.approx(0.071, abs=0.002)
    assert (found.outcome, found.changes) == (Outcome.INCONCLUSIVE, ())
    assert of_metric(histories(of_days([pairs(1)] * 8 + [pairs(1, step=0.11)] * 2))).outcome is Outcome.REGRESSION


def test_a_noisy_fixed_reference_proves_nothing() -> None:
    reports = of_days([pairs(1)] * 8)
    assert of_metric(histories(reports, *of_days([pairs(1)]))).outcome is Outcome.PASS
    assert of_metric(histories(reports, *of_days([apart(0.0)]))).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(("count", "known"), [(LEAST_REPORTS - 1, False), (LEAST_REPORTS, True)])
def test_too_few_reports_are_not_judged(count: int, known: bool) -> None:
    found = of_metric(releases([1.0] * count, deviation=0.0005))
    assert (found.noise is not None, found.drift is not None) == (known, known)
    assert found.outcome is (Outcome.PASS if known else None)


def test_a_series_goes_on_from_machine_to_machine() -> None:
    """The other machine has more threads and takes ten times as long for a step, on both sides alike."""
    there = environment("2.20.0", threads=64)
    elsewhere = [on_both(slowed(pair, 10), machine=OTHER_MACHINE, environment=there) for pair in pairs(4)]
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


def moved(before: Sequence[float], after: Sequence[float]) -> list[Series]:
    """Reports against one reference, then, on later days, against another; each by its slowdown."""
    old = of_days([pairs(1, step=math.log(slowdown)) for slowdown in before])
    new = [
        report_points(f"new-{number}", paired_report(of, day(len(before) + number), OTHER_REFERENCE))
        for number, of in enumerate(pairs(1, step=math.log(slowdown)) for slowdown in after)
    ]
    return histories([*old, *new])


@pytest.mark.parametrize("count", range(1, LEAST_REPORTS))
def test_the_first_reports_against_another_reference_are_no_pass(count: int) -> None:
    """Nor would the ones before them be news of the newest."""
    assert outcome(moved([1.0] * 8, [])) is Outcome.PASS
    found = moved([1.0] * 8, [1.35] * count)
    assert outcome(found) is Outcome.INCONCLUSIVE
    assert [len(each.points) for each in found if each.key.metric == "step time"] == [8, count]


def test_a_single_report_against_an_older_reference_is_no_series() -> None:
    found = moved([1.0], [1.0] * 8)
    assert outcome(found) is Outcome.PASS
    assert [len(each.points) for each in found if each.key.metric == "step time"] == [8]


def test_a_series_that_another_one_follows_is_judged_no_more() -> None:
    """As where a slowdown was accepted, and the reference moved. Two that take turns are both judged."""
    beyond = [1.0] * 8 + [1.1] * 2
    assert outcome(moved(beyond, [1.0] * (LEAST_REPORTS - 1))) is Outcome.REGRESSION
    followed = moved(beyond, [1.0] * LEAST_REPORTS)
    assert outcome(followed) is Outcome.PASS
    assert [(each.ended, each.outcome) for each in followed if each.key.metric == "step time"] == [
        (True, None),
        (False, Outcome.PASS),
    ]
    both = [
        report_points(f"{name}-{number}", paired_report(pairs(1, step=step), day(2 * number + late), reference))
        for name, steps, reference, late in (
            ("a", [0.0] * 8 + [0.1] * 2, REFERENCE_SIDE, 0),
            ("b", [0.0] * 14, OTHER_REFERENCE, 1),
        )
        for number, step in enumerate(steps)
    ]
    assert outcome(histories(both)) is Outcome.REGRESSION


def test_a_series_that_can_not_be_judged_ends_no_other() -> None:
    """A given reference is of the old series alone."""
    old = of_days([pairs(1, step=step) for step in [0.0] * 8 + [0.1] * 2])
    new = [report_points(f"new-{n}", paired_report(pairs(1), day(10 + n), OTHER_REFERENCE)) for n in range(8)]
    found = histories([*old, *new], old[0])
    assert outcome(found) is Outcome.REGRESSION
    assert not any(each.ended for each in found)


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
    assert {key.metric for key in found} == set(MARGINS) - {ONE_CORE_STEP_TIME}  # of launches on all cores


def test_start_up_is_the_ratio_of_the_sums() -> None:
    # 2 + 1 + 4 + 1 = 8 s against 1 + 1 + 1 + 1 = 4 s.
    (one,) = pairs(1)
    sides = {"candidate": Startup(2, 1, 4, 1), "reference": Startup(1, 1, 1, 1)}
    started = {side: dataclasses.replace(getattr(one, side), startup=startup) for side, startup in sides.items()}
    (found,) = of_days([[dataclasses.replace(one, **started)]])
    assert {key.metric: point.value for key, point in found.items()}["start-up"] == pytest.approx(math.log(2))


def test_failed_launches_and_missing_metrics_are_left_out() -> None:
    one, two = pairs(2)
    failed = on_candidate(two, failure=Failure("crashed", "killed"))
    bare = dataclasses.replace(on_both(one, startup=None, memory=None), evaluations=())
    (found,) = of_days([[bare, failed]])
    assert {key.metric for key in found} == {"step time", "mean step", "perplexity"}
    assert of_days([[failed]]) == [{}]
    assert report_points("gate", gate_report([])) == {}


def test_start_up_is_that_of_launches_on_all_cores() -> None:
    """Twice as long there, and equal on one core."""
    slow = on_candidate(pairs(1)[0], startup=Startup(16.0, 1.0, 2.0, 0.5))
    (found,) = of_days([[slow, with_one_core([slow])[1]]])
    assert {key.metric: point.value for key, point in found.items()}["start-up"] == pytest.approx(math.log(2))


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


def test_a_fixed_reference_without_a_metric_judges_it_not_at_all() -> None:
    reports = of_days([pairs(1)] * 8)
    (untimed,) = of_days([[dataclasses.replace(pairs(1)[0], steps=())]])
    found = {each.key.metric: each for each in histories(reports, untimed)}
    assert (found["step time"].fixed_reference, found["step time"].drift) == (None, None)
    assert found["perplexity"].drift
    (elsewhere,) = of_days([pairs(1)], OTHER_REFERENCE)
    with pytest.raises(
        ValueError, match="the fixed reference has no configuration and reference environment in common"
    ):
        histories(reports, elsewhere)
