"""The page of a history, and its lines."""

import dataclasses
import math
import re

import pytest

from bench.judge.history import Series, histories, report_points
from bench.judge.metrics import ONE_CORE_STEP_TIME, STEP_TIME
from bench.report.charts import MOST_POINTS
from bench.report.history import _chart, findings, history_page
from tests.builders.golden import golden
from tests.builders.reports import REFERENCE_SIDE, paired_report, pairs

KEY = '<path class="change" d="M1 5H23">'  # in the legend of every plot


def series(count: int, slowdown: float = 1.0) -> list[Series]:
    """Reports of which the second half is slower; every other report is 0.1% off."""
    reports = []
    for number in range(count):
        step = math.log(slowdown if number >= count // 2 else 1.0) + 0.001 * (number % 2)
        created = f"2026-{1 + number // 28:03}-{1 + number % 28:02}"
        reports.append(report_points(f"report-{number}", paired_report(pairs(1, step=step), created)))
    return histories(reports)


def test_wording() -> None:
    worse, short = series(12, 1.2), [*series(3), dataclasses.replace(series(3)[0], points=series(3)[0].points[:1])]
    unsure = [dataclasses.replace(each, margin=0.0015) for each in series(12)]
    undecided = [
        dataclasses.replace(each, drift=dataclasses.replace(each.drift, proven=False)) for each in unsure if each.drift
    ]
    astray = [dataclasses.replace(each, fixed_reference=None, drift=None) for each in series(12)]
    ended = [dataclasses.replace(each, ended=True) for each in worse]
    lines = [line for of in (worse, short, undecided, astray, ended) for each in of for line in findings(each)]
    golden("history.txt", "\n".join(lines))


def test_the_worst_stands_first_with_the_report_that_brought_it() -> None:
    page = history_page(series(12, 1.2), 12, ["left out: nothing"])
    titles = re.findall(r"<figcaption><strong>(.*?)</strong>", page)
    assert titles[0].startswith("step time of ")
    assert "report-6 (TensorFlow 2.21.0, 2026-001-07)" in page
    assert REFERENCE_SIDE.identity in page
    assert "left out: nothing" in page
    assert 'class="change"' in page.replace(KEY, "")
    assert re.search(r'data-key="0\.1833\d*">\+20\.1%</td>', page)  # of the newest, ln 1.2 + 0.001


def test_a_change_is_drawn_between_the_report_that_brought_it_and_the_one_before() -> None:
    """The seventh of twelve brought it."""
    (step,) = (each for each in series(12, 1.2) if each.key.metric == STEP_TIME)
    (line,) = (shape for shape in _chart(step).shapes if shape.style == "change")
    assert {x for x, _ in line.points} == {6.5}


def test_a_history_that_stands_still_has_nothing_to_tell() -> None:
    quiet = series(12)
    assert [line for each in quiet for line in findings(each)] == []
    page = history_page(quiet, 12, [])
    assert "two reports in a row" in page  # where one beyond its margin is an outlier
    assert 'class="change"' not in page.replace(KEY, "")


def test_a_margin_on_either_side_is_drawn_on_both() -> None:
    found = {each.key.metric: history_page([each], 12, []) for each in series(12)}
    assert {metric for metric, page in found.items() if "±2.0%" in page} == {"perplexity"}
    lines = {metric: page.count('<path class="margin"') for metric, page in found.items()}
    assert lines["perplexity"] == lines["step time"] + 1


@pytest.mark.usefixtures("undrawn")
def test_a_history_too_short_to_be_judged_is_no_pass() -> None:
    short = series(3)
    assert "<title>INCONCLUSIVE – tfgate history</title>" in history_page(short, 3, [])
    assert len([line for each in short for line in findings(each)]) == len(short)


@pytest.mark.usefixtures("undrawn")
def test_a_history_of_what_nothing_is_decided_by_says_so() -> None:
    steps = next(each for each in series(12) if each.key.metric == STEP_TIME)
    one_core = dataclasses.replace(steps, key=steps.key._replace(metric=ONE_CORE_STEP_TIME))
    assert "Step time: proven not to be worse" in history_page([steps], 12, [])
    page = history_page([one_core], 12, [])
    assert "Nothing is decided: no series has step time" in page
    assert "proven not to be worse" not in page


def test_a_long_history_is_drawn_as_lines() -> None:
    few, many = (history_page(of, 1, []) for of in (series(20)[:1], series(MOST_POINTS + 1)))
    assert 'class="candidate dot small lone"' in few
    assert 'class="candidate dot small lone"' not in many
    assert len(many) < 200_000
