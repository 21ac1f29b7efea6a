"""Launches of two sides: which of them pair, what they rest on, and what gates."""

import math

import pytest

from bench.judge.launches import judge_launches
from bench.judge.types import Comparison
from bench.stats.outcome import Outcome

MARGIN = math.log1p(0.05)
REFERENCE = (0.0, 0.002, -0.001, 0.001)


def judged(candidate: list[float], *, gates: bool = True, reference: tuple[float, ...] = REFERENCE) -> Comparison:
    comparison = Comparison("subject", "metric", Outcome.INFORMS, "–", "–", "", gates=gates)
    return judge_launches(comparison, reference, candidate, MARGIN, "{:.4f}".format)


@pytest.mark.parametrize(
    ("shift", "outcome"),
    # Differences deviate by 0.26%: a standard error of 0.13%, widened 1.23 times; t at four launches is 4.98 and 3.70.
    [(0.0, Outcome.PASS), (0.040, Outcome.PASS), (0.0488, Outcome.CANNOT_JUDGE), (0.060, Outcome.REGRESSION)],
)
def test_outcomes(shift: float, outcome: Outcome) -> None:
    found = judged([shift + 0.001, shift - 0.001, shift, shift + 0.002])
    assert found.outcome is outcome
    assert found.interval
    assert found.interval.estimate == pytest.approx(shift, abs=1e-9)  # 0.0005 both
    assert (found.candidate, found.reference) == (f"{shift + 0.0005:.4f}", "0.0005")
    assert "after 4 launches" in found.note


def test_launch_n_pairs_with_launch_n() -> None:
    """A drift that both sides follow cancels: 10% a launch, and a difference of 0.1% more or less."""
    drift = tuple(0.1 * launch for launch in range(4))
    steady = [value + off for value, off in zip(drift, (0.001, -0.001, 0.001, -0.001), strict=True)]
    assert judged(steady, reference=drift).outcome is Outcome.PASS
    assert judged(steady[::-1], reference=drift).outcome is Outcome.CANNOT_JUDGE


def test_launches_without_a_partner_and_beyond_the_look_do_not_count() -> None:
    found = judged([0.001, -0.001, 0.0, 0.002, 9.0, 9.0])
    assert (found.outcome, found.candidate) == (Outcome.PASS, "0.0005")


@pytest.mark.parametrize(("gates", "outcome"), [(True, Outcome.CANNOT_JUDGE), (False, Outcome.INFORMS)])
def test_fewer_than_four_are_not_judged(gates: bool, outcome: Outcome) -> None:
    found = judged([0.001, -0.001, 0.0], gates=gates)
    assert (found.outcome, found.interval) == (outcome, None)
    assert found.note == "not judged: launches are looked at from 4 on, and there are 3"
    assert judged([], gates=gates).candidate == "–"


def test_what_does_not_gate_informs_with_its_interval() -> None:
    found = judged([0.101, 0.099, 0.1, 0.102], gates=False)
    assert found.outcome is Outcome.INFORMS
    assert found.interval


def test_a_difference_that_is_no_ratio_has_no_interval() -> None:
    comparison = Comparison("subject", "memory growth", Outcome.INFORMS, "–", "–", "")
    found = judge_launches(
        comparison, [0.0, 1.0, 2.0, 1.0], [9.0, 11.0, 10.0, 9.0], 5.0, "{:.0f} B".format, "{:+.1f} B".format
    )
    assert (found.outcome, found.interval, found.margin) == (Outcome.REGRESSION, None, None)
    assert found.note == "+8.8 B, certainly more than +5.0 B, after 4 launches"
