"""The page of a history, and its lines."""

import dataclasses
import re

from bench.judge.history import Series, histories, run_values
from bench.report.charts import MOST_POINTS
from bench.report.history import findings, history_page
from tests.bench.samples import record, run


def series(count: int, slowdown: float = 1.0) -> list[Series]:
    """Runs of which the second half is slower; every other run is 0.1% off."""
    values = []
    for number in range(count):
        seconds = 0.1 * (slowdown if number >= count // 2 else 1.0) * (1 + 0.001 * (number % 2))
        created = f"2026-{1 + number // 28:03}-{1 + number % 28:02}"
        values.append(run_values(f"run-{number}", run([record(step_seconds=seconds)], created)))
    return histories(values)


def test_the_worst_stands_first_with_the_run_that_brought_it() -> None:
    page = history_page(series(12, 1.2), 12, ["left out: nothing"])
    titles = re.findall(r"<figcaption><strong>(.*?)</strong>", page)
    assert titles[0].startswith("step time of ")
    assert "+20.0% with run-6 (TensorFlow 2.21.0, 2026-001-07), and every run of that level" in page
    assert "ever since run-6" in page
    assert "left out: nothing" in page
    assert 'class="change"' in page


def test_a_history_that_stands_still_has_nothing_to_tell() -> None:
    quiet = series(12)
    assert [line for each in quiet for line in findings(each)] == []
    page = history_page(quiet, 12, [])
    assert "Step time, perplexity: worse than their anchors by no more than their margins, which is proven" in page
    assert 'class="change"' not in page.replace('<path class="change" d="M1 5H23">', "")  # that of the key


def test_a_history_too_short_to_be_judged_is_no_pass() -> None:
    page = history_page(series(3), 3, [])
    assert "<title>CANNOT JUDGE – tfgate history</title>" in page
    assert "not judged: 3 runs can&#39;t tell how runs differ" in page


def test_a_long_history_is_drawn_as_lines() -> None:
    few, many = (history_page(series(count), count, []) for count in (20, MOST_POINTS + 1))
    assert 'class="candidate dot small lone"' in few
    assert 'class="candidate dot small lone"' not in many
    assert len(many) < 200_000


def test_what_stands_against_an_outcome_is_told() -> None:
    of = [record()] * 8 + [record(step_seconds=0.11, yardstick_seconds=0.055)] * 3
    values = [run_values(f"run-{day}", run([each], f"2026-01-{day + 1:02}")) for day, each in enumerate(of)]
    lines = [line for each in histories(values) for line in findings(each)]
    assert any("+10.0% since the anchor, but the yardstick beside it, NumPy's step, changed by +10.0%" in line for line in lines)
    assert any("+10.0% with run-8" in line and line.endswith("another host, other processes or stalls may explain it") for line in lines)


def test_a_doubt_of_an_earlier_run_names_it() -> None:
    of = [record()] * 8 + [dataclasses.replace(record(step_seconds=0.12), others_cpu=0.3), record(step_seconds=0.12)]
    values = [run_values(f"run-{day}", run([each], f"2026-01-{day + 1:02}")) for day, each in enumerate(of)]
    lines = [line for each in histories(values) for line in findings(each)]
    assert any("+20.0% since the anchor, but of run-8 (TensorFlow 2.21.0, 2026-01-09): other processes had 30%" in line for line in lines)
