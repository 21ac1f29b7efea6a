"""Verdicts and their exit codes."""

import math

import pytest

from bench.judge.types import Comparison, Verdict, overall, percent
from bench.stats.outcome import Outcome


@pytest.mark.parametrize(
    ("outcome", "failures", "code"),
    [
        (Outcome.PASS, (), 0),
        (Outcome.REGRESSION, (), 1),
        (Outcome.CANNOT_JUDGE, (), 3),
        (Outcome.PASS, ("crashed",), 4),
        (Outcome.CANNOT_JUDGE, ("crashed",), 4),
        (Outcome.REGRESSION, ("crashed",), 1),
    ],
)
def test_exit_codes(outcome: Outcome, failures: tuple[str, ...], code: int) -> None:
    assert Verdict(outcome, (), (), failures).exit_code == code


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        (math.log(1.05), "+5.0%"),
        (math.log(0.5), "-50.0%"),
        (math.log(1.0123), "+1.2%"),
        (math.log(1.0042), "+0.42%"),
        (0.0, "+0.00%"),
        (25.0, "over +100000%"),
        (math.inf, "over +100000%"),
        (-math.inf, "-100.0%"),
        (math.nan, "not a number"),
    ],
)
def test_percent(difference: float, text: str) -> None:
    assert percent(difference) == text


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        ("PASS PASS", "PASS"),
        ("PASS INFORMS", "PASS"),
        ("PASS CANNOT_JUDGE", "CANNOT_JUDGE"),
        ("PASS CANNOT_JUDGE REGRESSION", "REGRESSION"),
        ("INFORMS", "CANNOT_JUDGE"),
        ("", "CANNOT_JUDGE"),
    ],
)
def test_the_worst_outcome_wins(outcomes: str, verdict: str) -> None:
    found = [Comparison("it", "metric", Outcome[name], "1", "1", "") for name in outcomes.split()]
    assert overall(found) is Outcome[verdict]
