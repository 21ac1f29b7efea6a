"""The page of a history, and its lines."""

import math
import re

from bench.judge.history import Series, histories, report_points
from bench.report.charts import MOST_POINTS
from bench.report.history import findings, history_page
from tests.bench.report_samples import REFERENCE_SIDE, paired_report, pairs


def series(count: int, slowdown: float = 1.0) -> list[Series]:
    """Reports of which the second half is slower; every other report is 0.1% off."""
    reports = []
    for number in range(count):
        step = math.log(slowdown if number >= count // 2 else 1.0) + 0.001 * (number % 2)
        created = f"2026-{1 + number // 28:03}-{1 + number % 28:02}"
        reports.append(report_points(f"report-{number}", paired_report(pairs(1, step=step), created)))
    return histories(reports)


def test_the_worst_stands_first_with_the_report_that_brought_it() -> None:
    page = history_page(series(12, 1.2), 12, ["left out: nothing"])
    titles = re.findall(r"<figcaption><strong>(.*?)</strong>", page)
    assert titles[0].startswith("step time of ")
    assert "+20.0% with report-6 (TensorFlow 2.21.0, 2026-001-07), and every report of that level" in page
    assert "ever since report-6" in page
    assert f"against TensorFlow 2.20.0 ({REFERENCE_SIDE.identity}), 12 reports, 1 machine" in page
    assert "left out: nothing" in page
    assert 'class="change"' in page


def test_a_history_that_stands_still_has_nothing_to_tell() -> None:
    quiet = series(12)
    assert [line for each in quiet for line in findings(each)] == []
    page = history_page(quiet, 12, [])
    assert (
        "Step time, perplexity, peak memory: worse than their anchors by no more than their margins, which is proven"
        in page
    )
    assert 'class="change"' not in page.replace('<path class="change" d="M1 5H23">', "")  # that of the key


def test_a_history_too_short_to_be_judged_is_no_pass() -> None:
    page = history_page(series(3), 3, [])
    assert "<title>CANNOT JUDGE – tfgate history</title>" in page
    assert "not judged: 3 reports can&#39;t tell how reports differ" in page


def test_a_long_history_is_drawn_as_lines() -> None:
    few, many = (history_page(series(count), count, []) for count in (20, MOST_POINTS + 1))
    assert 'class="candidate dot small lone"' in few
    assert 'class="candidate dot small lone"' not in many
    assert len(many) < 200_000
