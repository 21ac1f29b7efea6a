"""Verdicts, their exit codes, what made them, and what a PASS excludes."""

import dataclasses
import math
from collections.abc import Sequence

import pytest

from bench.judge.metrics import NUMERICS, REPLICATES, WORDS
from bench.judge.notices import Incomplete
from bench.judge.reasons import Accepted, Decided
from bench.judge.types import Comparison, Direction, Estimator, Metric, Question, Unit, Verdict, outcome_of
from bench.stats.intervals import interval
from bench.stats.outcome import Outcome

STEP = Metric("step time", Unit.SECONDS_PER_STEP, Direction.LOWER, Estimator.TRIMMED_QUADS, margin=0.05)


def compared(outcome: Outcome, estimate: float | None = None, metric: Metric = STEP, subject: str = "it") -> Comparison:
    """Bounds lie 0.04 (4.30 at 97.5%) and 0.03 (2.92 at 95%) to either side of the estimate."""
    found = None if estimate is None else interval(estimate, 0.01, 2)
    return Comparison(subject, metric, outcome, Decided(4), interval=found)


def verdict(comparisons: Sequence[Comparison], *failures: str) -> Verdict:
    return Verdict(Question.UPGRADE, tuple(comparisons), (), tuple(map(Incomplete, failures)))


@pytest.mark.parametrize(
    ("outcome", "failures", "whole", "code"),
    [
        (Outcome.PASS, (), Outcome.PASS, 0),
        (Outcome.REGRESSION, (), Outcome.REGRESSION, 1),
        (Outcome.INCONCLUSIVE, (), Outcome.INCONCLUSIVE, 3),
        (Outcome.PASS, ("crashed",), Outcome.FAILED, 4),
        (Outcome.INCONCLUSIVE, ("crashed",), Outcome.FAILED, 4),
        (Outcome.REGRESSION, ("crashed",), Outcome.REGRESSION, 1),  # it outweighs
    ],
)
def test_exit_codes(outcome: Outcome, failures: tuple[str, ...], whole: Outcome, code: int) -> None:
    found = verdict([compared(outcome)], *failures)
    assert (found.outcome, found.exit_code) == (whole, code)


@pytest.mark.parametrize(
    ("outcomes", "whole"),
    [
        ("PASS PASS", "PASS"),
        ("PASS NOT_GATED", "PASS"),
        ("PASS INCONCLUSIVE", "INCONCLUSIVE"),
        ("PASS INCONCLUSIVE REGRESSION", "REGRESSION"),
        ("NOT_GATED", "INCONCLUSIVE"),
        ("", "INCONCLUSIVE"),
    ],
)
def test_the_worst_outcome_wins(outcomes: str, whole: str) -> None:
    assert verdict([compared(Outcome[name]) for name in outcomes.split()]).outcome is Outcome[whole]


def test_an_outcome_rests_on_the_narrower_bounds_of_a_pass_or_on_those_of_a_regression() -> None:
    passed = compared(Outcome.PASS, 0.0)
    assert passed.interval
    narrow, wide = (passed.interval.pass_low, passed.interval.pass_high), (passed.interval.low, passed.interval.high)
    others = [dataclasses.replace(passed, improved=True), compared(Outcome.REGRESSION, 0.0)]
    others += [compared(Outcome.NOT_GATED, 0.0)]
    within = compared(Outcome.INCONCLUSIVE, 0.0)  # by too few launches for a PASS
    assert [one.bounds for one in (passed, within, *others)] == [narrow, narrow, *[wide] * 3]
    assert [one.has_pass_bounds for one in (passed, within, *others)] == [True, True, *[False] * 3]
    assert not compared(Outcome.INCONCLUSIVE, 0.05).has_pass_bounds
    assert compared(Outcome.PASS).bounds is None


def test_what_was_accepted_is_the_regression_that_it_was() -> None:
    found = compared(Outcome.REGRESSION, 0.2)
    accepted = dataclasses.replace(found, outcome=Outcome.PASS, reason=Accepted("2026-06-30", "known", "", Decided(4)))
    assert (accepted.unaccepted, accepted.accepted) == (found, True)
    assert (found.unaccepted is found, found.accepted) == (True, False)


@pytest.mark.parametrize(
    ("metric", "value", "natural"),
    [
        (STEP, math.log(0.1), 0.1),
        (REPLICATES, 5.0, math.exp(5)),
        (REPLICATES, 1e6, math.inf),  # of a training that went wrong
        (WORDS, 3000.0, 3000.0),
        (STEP, None, None),
        (WORDS, None, None),
    ],
)
def test_values_in_the_metric_s_unit(metric: Metric, value: float | None, natural: float | None) -> None:
    assert metric.natural(value) == (None if natural is None else pytest.approx(natural))


def test_what_is_not_a_number_stays_one() -> None:
    found = REPLICATES.natural(math.nan)
    assert found is not None
    assert not math.isfinite(found)


@pytest.mark.parametrize(
    ("direction", "margin", "outcomes"),
    [
        (Direction.LOWER, 0.05, (Outcome.PASS, Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.REGRESSION)),
        (Direction.EQUAL, 0.05, (Outcome.REGRESSION, Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.REGRESSION)),
        (Direction.LOWER, None, (Outcome.INCONCLUSIVE,) * 4),  # nothing says how much matters
    ],
)
def test_an_interval_proves_what_its_metric_s_direction_asks_for(
    direction: Direction, margin: float | None, outcomes: tuple[Outcome, ...]
) -> None:
    metric = dataclasses.replace(STEP, direction=direction, margin=margin)
    found = (interval(estimate, 0.01, 11) for estimate in (-0.08, 0.0, 0.05, 0.08))
    assert tuple(outcome_of(one, metric) for one in found) == outcomes


def test_what_made_the_outcome_is_named_furthest_beyond_its_margin_first() -> None:
    """0.30 of 0.25 is 1.2 margins, 0.10 of 0.05 is 2, and 0.20 below is 4; what is compared exactly is off by any."""
    near = compared(Outcome.REGRESSION, 0.30, dataclasses.replace(STEP, margin=0.25))
    far, exact = compared(Outcome.REGRESSION, 0.10), compared(Outcome.REGRESSION, metric=NUMERICS)
    fallen = compared(Outcome.REGRESSION, -0.20, dataclasses.replace(STEP, direction=Direction.EQUAL))
    others = [compared(Outcome.PASS, 0.0), compared(Outcome.INCONCLUSIVE, 0.05)]
    assert verdict([*others, near, far, fallen, exact]).decisive == [exact, fallen, far, near]
    assert verdict(others).decisive == others[1:]


def test_of_what_is_undecided_the_nearest_to_a_regression_is_first() -> None:
    """However much faster the others may be."""
    faster, near = compared(Outcome.INCONCLUSIVE, -0.20), compared(Outcome.INCONCLUSIVE, 0.04)
    assert verdict([faster, near]).decisive == [near, faster]
    fewer = compared(Outcome.INCONCLUSIVE, -0.04, dataclasses.replace(STEP, direction=Direction.HIGHER))
    assert verdict([faster, fewer]).decisive == [fewer, faster]


@pytest.mark.parametrize(
    "found",
    [verdict([compared(Outcome.PASS, 0.0)]), verdict([compared(Outcome.INCONCLUSIVE, 0.05)], "interrupted")],
    ids=["a pass", "a failed measurement"],
)
def test_a_pass_and_a_failed_measurement_were_made_by_no_comparison(found: Verdict) -> None:
    assert found.decisive == []


def test_a_pass_excludes_the_margins_of_all_subjects_or_of_none() -> None:
    wider = dataclasses.replace(STEP, margin=0.10)
    one, two = compared(Outcome.PASS, 0.0), compared(Outcome.PASS, 0.06, wider, subject="other")
    assert verdict([one, two]).ruled_out("step time") == {"it": 0.05, "other": 0.10}
    accepted = compared(Outcome.PASS, 0.04, subject="other")  # a regression that the ledger lets pass: at most 0.07
    exact = compared(Outcome.PASS, subject="other")
    slow = compared(Outcome.REGRESSION, metric=NUMERICS)
    for found in ([one, accepted], [one, exact], [one, slow]):
        assert verdict(found).ruled_out("step time") == {}
    shown = compared(Outcome.NOT_GATED, 0.2, dataclasses.replace(STEP, gates=False), subject="other")
    assert verdict([one, shown]).ruled_out("step time") == {"it": 0.05}
    assert verdict([one]).ruled_out("mean step") == {}
