"""Verdicts and their exit codes."""

import math

import pytest

from bench.judge.types import Comparison, Interval, Outcome, Verdict, percent

INTERVAL = Interval(0.0, 0.1, 3, -0.3, 0.3, -0.2, 0.2)


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
    ("outcome", "interval", "unjudged"), [(Outcome.INFORMS, None, True), (Outcome.INFORMS, INTERVAL, False), (Outcome.PASS, None, False)]
)
def test_unjudged_is_what_informs_for_want_of_an_interval(outcome: Outcome, interval: Interval | None, unjudged: bool) -> None:
    assert Comparison("it", "speed", outcome, "1", "1", "", interval).unjudged is unjudged
