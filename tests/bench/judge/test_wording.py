"""A sentence for each outcome, one-sided and two-sided."""

import math

import pytest

from bench.judge.wording import why
from bench.stats.intervals import Interval
from bench.stats.outcome import Outcome

MARGIN = math.log1p(0.05)


def interval(estimate: float, bound: float) -> Interval:
    low, middle, high = (math.log1p(value) for value in (estimate - bound, estimate, estimate + bound))
    return Interval(middle, 0.01, 3, low, high, low, high)


@pytest.mark.parametrize(
    ("outcome", "estimate", "wording", "sentence"),
    [
        (Outcome.REGRESSION, 0.10, {}, "+10.0%, certainly more than +5.0%"),
        (Outcome.REGRESSION, -0.10, {"two_sided": True}, "-10.0%, certainly more than 5.0% off"),
        (
            Outcome.PASS,
            0.01,
            {"after": "after 4 launches"},
            "+1.0%, at most +3.0% after 4 launches: +5.0% is ruled out",
        ),
        (Outcome.PASS, 0.01, {"two_sided": True}, "+1.0%, between -1.0% and +3.0%: 5.0% off is ruled out"),
        (Outcome.PASS, -0.10, {"improved": True}, "-10.0%, at most -8.0%: an improvement"),
        (Outcome.CANNOT_JUDGE, 0.04, {}, "+4.0%, between +2.0% and +6.0%: +5.0% can't be excluded"),
        (
            Outcome.CANNOT_JUDGE,
            0.04,
            {"two_sided": True},
            "+4.0%, between +2.0% and +6.0%: neither within 5.0% nor outside",
        ),
        (
            Outcome.REGRESSION,
            0.10,
            {"after": "after 4 launches"},
            "+10.0%, certainly more than +5.0%, after 4 launches",
        ),
    ],
)
def test_why(outcome: Outcome, estimate: float, wording: dict[str, object], sentence: str) -> None:
    assert why(outcome, interval(estimate, 0.02), MARGIN, **wording) == sentence  # type: ignore[arg-type]


def test_differences_that_are_no_ratios_are_shown_as_the_caller_likes() -> None:
    found = Interval(1.0, 0.5, 3, 0.0, 2.0, 0.0, 2.0)
    assert (
        why(Outcome.PASS, found, 4.0, difference=lambda size: f"{size:.0f} KiB")
        == "1 KiB, at most 2 KiB: 4 KiB is ruled out"
    )
