"""Variables of a verdict, for the steps that follow."""

import pytest

from bench.report.formats.dotenv import render
from bench.report.judged import Judged
from tests.builders.verdicts import failed, gate, upgrade


@pytest.mark.parametrize(
    ("judged", "verdict", "slowdown"),
    [
        ([upgrade()], "PASS", "+0.00%"),
        ([upgrade(1.2)], "REGRESSION", "+20.0%"),
        ([upgrade(0.9), upgrade(1.2)], "REGRESSION", "+20.0%"),  # the largest change
        ([upgrade(1e9)], "REGRESSION", "over_+100000%"),
        ([failed()], "MEASUREMENT_FAILED", ""),
        ([gate(speed=False)], "PASS", ""),  # numbers alone
    ],
)
def test_a_verdict_and_a_slowdown(judged: list[Judged], verdict: str, slowdown: str) -> None:
    assert render(judged) == f"TFGATE_VERDICT={verdict}\nTFGATE_SLOWDOWN={slowdown}\n"
