"""The state of a run that goes on."""

import dataclasses

import pytest

from bench.judge.metrics import STEP_TIME
from bench.report.so_far import left_text, so_far_text
from bench.stats.outcome import Outcome
from tests.builders.verdicts import EXACT, comparison


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        ((0.0, 0.0), ""),
        ((0.0, 20.0), "under a minute left"),
        ((20.0, 100.0), "up to 2 min left"),
        ((100.0, 110.0), "about 2 min left"),
        ((120.0, 540.0), "2 to 9 min left"),
        ((180.0, 60.0), "up to 1 min left; a PASS takes about 3, which at this pace is beyond the budget"),
        ((80.0, 60.0), "up to 1 min left; a PASS takes longer, which at this pace is beyond the budget"),
        ((180.0, 20.0), "under a minute left; a PASS takes about 3, which at this pace is beyond the budget"),
    ],
)
def test_the_time_left(seconds: tuple[float, float] | None, text: str) -> None:
    assert left_text(seconds) == text


def test_the_step_time_so_far_and_what_is_decided() -> None:
    undecided = comparison(STEP_TIME, 0.0, 0.03)
    assert undecided.outcome is Outcome.INCONCLUSIVE
    worse = comparison("mean step", 0.2, 0.001)
    assert worse.outcome is Outcome.REGRESSION
    # 3 degrees of freedom: 3.182 × 0.03 in logarithms.
    assert so_far_text([EXACT, worse, undecided], "2 to 9 min left") == (
        "last look +0.00% (95% CI -9.1% to +10.0%), margin 5.0%; 2 of 3 metrics decided; open: step time; 2 to 9 min "
        "left"
    )


def test_what_is_not_known_is_left_out() -> None:
    unmeasured = dataclasses.replace(comparison(STEP_TIME, 0.0, 0.03), interval=None, outcome=Outcome.INCONCLUSIVE)
    assert so_far_text([unmeasured], "") == ""
    assert so_far_text([], "up to 2 min left") == "up to 2 min left"
