"""Numbers with their units."""

import dataclasses
import math

import pytest

from bench.judge.metrics import MEMORY_GROWTH, PERPLEXITY, STEP_TIME, in_turn
from bench.judge.reasons import Accepted, CandidateFailed, Decided, StoredRange
from bench.judge.types import Comparison, Direction, Estimator, Metric, Scale, Unit
from bench.report import values
from bench.stats.outcome import Outcome
from tests.builders.verdicts import EXACT, comparison

GROWTH = next(row.metric for row in in_turn() if row.metric.name == MEMORY_GROWTH)


@pytest.mark.parametrize(
    ("log", "shown"),
    [
        (0.0488, "+5.0%"),
        (-0.0488, "-4.8%"),
        (0.004, "+0.40%"),
        (0.0, "+0.00%"),
        (math.log(2), "+100.0%"),
        (20.0, "over +100000%"),
        (math.inf, "over +100000%"),
        (-math.inf, "-100.0%"),
        (math.nan, "not a number"),
    ],
)
def test_percent(log: float, shown: str) -> None:
    assert values.percent(log) == shown


@pytest.mark.parametrize(
    ("percent", "margin", "shown"),
    [
        (5.03, 5.0, "+5.03%"),  # beyond the margin
        (4.97, 5.0, "+4.97%"),
        (5.0, 5.0, "+5.0%"),
        (-5.0001, 5.0, "-5.0001%"),
        (5.2, 5.0, "+5.2%"),
        (1.25, 1.25, "+1.25%"),  # a margin of two decimals
        (1.24, 1.25, "+1.2%"),
        (0.996, 1.0, "+0.996%"),
        (5.00000001, 5.0, "+5.0%"),  # as far as anybody could read
        (100 / 3, 100 / 3, "+33.3%"),
    ],
)
def test_a_percentage_is_on_its_side_of_the_margin(percent: float, margin: float, shown: str) -> None:
    assert values.percent(math.log1p(percent / 100), math.log1p(margin / 100)) == shown
    assert values.difference(math.log1p(percent / 100), comparison(STEP_TIME, 0.0, 0.1, margin / 100).metric) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(8.0, "8.00 s"), (0.25, "250.00 ms"), (0.001, "1.00 ms"), (2.5e-5, "25.00 µs"), (math.nan, "nan s")],
)
def test_seconds_have_a_digit_before_the_point(seconds: float, shown: str) -> None:
    assert values.seconds(seconds) == shown


def test_one_minute_is_singular() -> None:
    assert [values.minutes(one) for one in (0.5, 1.0, 3.0)] == ["0.5 minutes", "1 minute", "3 minutes"]


def test_every_unit_is_shown() -> None:
    assert values.UNITS.keys() == set(Unit)
    shown = {unit: show(1536.0) for unit, show in values.UNITS.items()}
    assert shown[Unit.BYTES_PER_STEP] == "+1.5 KiB/step"
    assert shown[Unit.SECONDS_PER_STEP] == "1536000.00 ms"
    assert values.UNITS[Unit.BYTES](3 * 2**20) == "3 MiB"


def test_a_difference_is_a_percentage_or_a_number_of_its_unit() -> None:
    assert values.difference(0.06, comparison(STEP_TIME, 0.0, 0.1).metric) == "+6.2%"
    assert values.difference(-2048.0, GROWTH) == "-2.0 KiB/step"
    counted = Metric("operations", Unit.COUNT, Direction.LOWER, Estimator.EXACT, Scale.LINEAR)
    assert values.difference(3.0, counted) == "+3"


def test_a_margin_has_no_sign_but_where_both_ways_count() -> None:
    assert values.margin(comparison(STEP_TIME, 0.0, 0.1, 0.05).metric) == "5.0%"
    assert values.margin(dataclasses.replace(GROWTH, margin=1024.0)) == "1.0 KiB/step"
    assert values.margin(comparison(PERPLEXITY, 0.0, 0.1, 0.01).metric) == "±1.0%"
    assert values.margin(GROWTH) == values.NOTHING


def test_the_values_of_both_sides() -> None:
    assert values.sides(comparison(STEP_TIME, math.log(1.2), 0.005)) == ("120.00 ms", "100.00 ms")
    assert values.sides(EXACT) == ("3.0e-07", "≤ 4.0e-06")  # an error and its limit
    assert values.both(EXACT) == "3.0e-07 ≤ 4.0e-06"
    for error, shown in ((1e-2, "1.0e-02"), (math.inf, "inf"), (math.nan, "nan")):
        assert values.both(dataclasses.replace(EXACT, candidate=error)) == f"{shown} > 4.0e-06"
    assert values.both(comparison(STEP_TIME, math.log(1.2), 0.005)) == "120.00 / 100.00 ms"


def test_words_stand_for_what_has_no_number() -> None:
    failed = Comparison("s", GROWTH, Outcome.REGRESSION, CandidateFailed(0, "killed"))
    accepted = dataclasses.replace(failed, reason=Accepted("2026-06-30", "known", "", failed.reason))
    assert values.sides(failed) == values.sides(accepted) == values.WORDS[CandidateFailed]
    unmeasured = dataclasses.replace(failed, reason=Decided(4))
    assert values.sides(unmeasured) == (values.NOTHING, values.NOTHING)


def test_a_stored_range_is_the_reference() -> None:
    words = Metric("words/s", Unit.WORDS_PER_SECOND, Direction.HIGHER, Estimator.TRIMMED_STEPS, Scale.LINEAR)
    within = Comparison("s", words, Outcome.NOT_GATED, StoredRange("within", 2985.0, 3012.0, 2, "", ""), 3000.0)
    assert values.sides(within) == ("3,000", "2,985 to 3,012")
    accepted = Accepted("2026-06-30", "known", "", within.reason)
    assert values.sides(dataclasses.replace(within, reason=accepted)) == ("3,000", "2,985 to 3,012")


def test_a_perplexity_too_large_to_hold_is_shown() -> None:
    assert values.perplexity_of(5.0) == "148.41"
    assert values.perplexity_of(1e6) == "inf"
