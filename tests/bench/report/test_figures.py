"""The plots' contents: which lines there are, and where they lie."""

import dataclasses
import math
from collections.abc import Sequence
from statistics import fmean

import pytest

from bench.judge.metrics import PERPLEXITY
from bench.record.lockstep import TensorDifferences
from bench.record.types import Memory, Record
from bench.report.charts import Chart
from bench.report.figures import lockstep_figure, subject_figures
from bench.report.judged import Judged, launches, launches_by_subject
from tests.builders.launches import interval_of
from tests.builders.records import SUBJECT, TINY, baseline, record, records, replica, run
from tests.builders.verdicts import gate, judged_run, lockstep, upgrade


def figures(judged: Judged) -> dict[str, Chart]:
    return {chart.title: chart for chart in subject_figures(judged, launches(judged.run))}


def against_baseline(of: Sequence[Record] | None = None) -> Judged:
    return judged_run(run(of or records()), baseline())


def test_a_line_for_every_launch_by_side() -> None:
    styles = [shape.style for shape in figures(upgrade())["Loss"].shapes]
    assert sorted(styles) == ["candidate thin"] * 10 + ["reference thin"] * 10


def test_perplexity_lies_within_the_envelope_and_the_margins() -> None:
    chart = figures(against_baseline())["Running perplexity against the reference's"]
    styles = [shape.style for shape in chart.shapes]
    assert styles == ["envelope", *["candidate thin"] * 4, "margin", "margin"]
    envelope, *candidates, upper, lower = (shape.points for shape in chart.shapes)
    assert all(lower[0][1] < up < upper[0][1] for line in candidates for _, up in line)
    assert envelope[0][0] == candidates[0][0][0] == 2  # the first fifth of 10 steps is left out


def test_perplexity_is_drawn_around_the_mean_that_is_judged() -> None:
    """Of two environments with two and four trainings each counts once; a launch is no reference of its own."""
    few = [replica(value, "2.12.1") for value in (4.9999, 5.0001)]
    many = [replica(value) for value in (5.0198, 5.0199, 5.0201, 5.0202)]
    first, *others = records([5.0001, 5.01, 5.011, 5.012])
    judged = judged_run(run([dataclasses.replace(first, jitter=few[1].jitter), *others]), baseline([*few, *many]))
    (comparison,) = (one for one in judged.verdict.comparisons if one.metric.name == PERPLEXITY)
    # (5.0001 + 5.01 + 5.011 + 5.012)/4 − (4.9999 + 5.02)/2
    assert interval_of(comparison).estimate == pytest.approx(5.008275 - 5.00995)
    chart = figures(judged)["Running perplexity against the reference's"]
    ends = [shape.points[-1][1] for shape in chart.shapes if shape.style == "candidate thin"]
    assert fmean(math.log1p(end / 100) for end in ends) == pytest.approx(5.008275 - 5.00995)
    assert "each environment counts once" in chart.caption


def test_a_perplexity_beyond_its_margin_is_drawn_there() -> None:
    chart = figures(against_baseline(records([5.1] * 4)))["Running perplexity against the reference's"]
    assert all(up > chart.shapes[5].points[0][1] for shape in chart.shapes[1:5] for _, up in shape.points)


def test_an_upgrade_s_perplexity_is_drawn_against_its_own_reference_alone() -> None:
    title, stored = "Running perplexity against the reference's", {SUBJECT.name: baseline()}
    drawn, bare = (figures(dataclasses.replace(upgrade(), baselines=of))[title] for of in (stored, {}))
    assert drawn == bare


def test_a_perplexity_s_caption_says_that_it_is_judged_where_it_is() -> None:
    title, measured_ = "Running perplexity against the reference's", upgrade()
    shown = [
        dataclasses.replace(one, metric=dataclasses.replace(one.metric, margin=None))
        for one in measured_.verdict.comparisons
    ]
    unjudged = dataclasses.replace(measured_, verdict=dataclasses.replace(measured_.verdict, comparisons=tuple(shown)))
    told = [figures(judged)[title].caption for judged in (measured_, against_baseline(), unjudged)]
    assert ["is what is judged" in caption for caption in told] == [True, True, False]


def test_without_a_reference_there_is_no_envelope() -> None:
    bare = judged_run(run(records()))
    assert list(figures(bare)) == ["Loss", "Step time by launch", "Memory by launch"]


def test_a_baseline_of_something_else_is_no_reference() -> None:
    judged = against_baseline()
    other = baseline(subject=dataclasses.replace(SUBJECT, fingerprint="f" * 16))
    chart = figures(dataclasses.replace(judged, baselines={SUBJECT.name: other}))
    assert "Running perplexity against the reference's" not in chart


def test_step_times_tell_their_percentiles() -> None:
    spread = dataclasses.replace(record(launch=1), step_seconds=tuple(0.1 + 0.001 * number for number in range(101)))
    chart = figures(judged_run(run([spread])))["Step time by launch"]
    # 100 to 200 ms in steps of 1 ms: the percentiles are themselves.
    assert {shape.title for shape in chart.shapes} == {
        "candidate, launch 2: median 150.00 ms, 90% from 105.00 to 195.00"
    }
    assert [shape.style for shape in chart.shapes] == ["candidate whisker", "candidate box", "candidate dot"]


def test_memory_is_a_dot_a_launch() -> None:
    chart = figures(against_baseline())["Memory by launch"]
    assert [shape.style for shape in chart.shapes] == ["candidate dot"] * 3  # launch 1 ran the oracle
    assert "which the metric peak memory leaves out" in chart.caption


def test_of_a_gate_the_untimed_launches_tell_the_perplexity() -> None:
    judged = gate()
    titles = {
        name: [chart.title for chart in subject_figures(judged, launches)]
        for name, launches in launches_by_subject(judged.run).items()
    }
    perplexity = "Running perplexity against the reference's"
    assert titles == {
        TINY.name: ["Loss", perplexity, "Memory by launch"],
        SUBJECT.name: ["Loss", perplexity, "Memory by launch"],
        f"{SUBJECT.name}, in turn with the reference": ["Loss", "Step time by launch", "Memory by launch"],
    }


def test_memory_over_steps_is_a_line_a_launch() -> None:
    grows = dataclasses.replace(
        record(launch=1), memory=Memory(300 * 2**20, 0.0, (4, 7, 10), (100 * 2**20, 200 * 2**20, 300 * 2**20))
    )
    (shape,) = figures(against_baseline([grows]))["Memory over steps"].shapes
    assert shape.style == "candidate thin"
    assert shape.points == ((4, 100.0), (7, 200.0), (10, 300.0))


def test_a_launch_without_losses_or_steps_has_no_plots() -> None:
    empty = dataclasses.replace(record(), losses=(), step_seconds=())
    assert figures(judged_run(run([empty]))) == {}


@pytest.mark.parametrize("departs", [False, True])
def test_lockstep_has_a_line_for_each_quantity(departs: bool) -> None:
    chart = lockstep_figure(lockstep(departs))
    assert chart
    assert [shape.style for shape in chart.shapes] == ["series-1", "series-2", *["departure"] * departs]
    assert [label for _, label in chart.keys][:2] == ["loss", "gradient"]


def test_a_departure_that_is_not_finite_has_its_mark() -> None:
    """A candidate whose first gradient that isn't bit-identical is NaN, and one after small differences."""
    found = lockstep(departs=True)
    assert found.departure
    first = dataclasses.replace(found.departure.first, difference=math.inf)
    departure = dataclasses.replace(found.departure, first=first)
    for before, height in (((), 1.0), ((0.0, 0.0), 1.0), ((1e-7, 1e-7), 1e-7)):
        differences = (TensorDifferences("gradient", "embedding", (*before, math.inf)),)
        chart = lockstep_figure(dataclasses.replace(found, differences=differences, departure=departure))
        assert chart
        assert [shape.points for shape in chart.shapes if shape.style == "departure"] == [((2, height),)]


def test_a_lockstep_without_steps_has_no_plot() -> None:
    assert lockstep_figure(dataclasses.replace(lockstep(), differences=())) is None


def test_sides_that_are_equal_to_the_last_bit_have_no_plot() -> None:
    found = lockstep()
    equal = tuple(dataclasses.replace(each, by_step=(0.0,) * 3) for each in found.differences)
    assert lockstep_figure(dataclasses.replace(found, differences=equal)) is None
