"""The table of clean launches, from records made by hand."""

import dataclasses

import pytest

from bench.record.types import NumericError
from tests.bench.samples import BEYOND, WITHIN, record
from tests.faults.margins import Clean, alarm_bound, alarms, report

CLEAN = Clean("oneDNN on, 1 thread", record(numerics=[WITHIN, NumericError(10, "stress NaN: gradient", "embedding", 3e-6, 4e-6)]))
OLD = Clean("oneDNN off, 2 threads", record(tensorflow="2.12.1", numerics=[dataclasses.replace(WITHIN, error=2e-6)]))


def test_forty_launches_without_alarm_bound_the_rate_by_seven_percent() -> None:
    """(1 − 0.0722)^40 = 0.05."""
    assert alarm_bound(40) == pytest.approx(0.0722, abs=1e-4)
    assert (1 - alarm_bound(40)) ** 40 == pytest.approx(0.05)


def test_an_error_over_its_limit_is_an_alarm() -> None:
    assert alarms([CLEAN]) == []
    wrong = Clean("oneDNN on, 1 thread", record(numerics=[WITHIN, BEYOND]))
    (line,) = alarms([CLEAN, wrong])
    assert "oneDNN on, 1 thread" in line
    assert "output/bias" in line


def test_an_error_that_is_no_number_is_an_alarm() -> None:
    assert alarms([Clean("", record(numerics=[dataclasses.replace(WITHIN, error=float("nan"))]))])


def test_rows_hold_the_largest_ratio_of_each_version() -> None:
    """Of limits of 4e-6: 1e-6 is a quarter, 2e-6 a half, 3e-6 three quarters. Stress steps have rows of their own."""
    lines = report([CLEAN, OLD], ["synthetic"]).splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith(("| training", "| stress"))]
    assert rows[0][:6] == ["training", "gradient", "0.25", "0.50", "2.0e-06", "4.0e-06"]
    assert rows[1][:6] == ["stress", "gradient", "0.75", "0.00", "3.0e-06", "4.0e-06"]


def test_the_report_counts_alarms_and_states_the_bound_only_without_any() -> None:
    """0.05^(1/2) = 0.2236."""
    assert "**0 of 2 alarmed**; 0 of 2 shows a rate of at most 77.6% (95%)." in report([CLEAN, OLD], ["synthetic"])
    text = report([CLEAN, Clean("", record(numerics=[BEYOND]))], ["synthetic"])
    assert "**1 of 2 alarmed**; see the end." in text
    assert "- over its limit: 2.21.0, notebook, : " in text
