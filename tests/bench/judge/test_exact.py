"""Metrics without noise."""

import dataclasses
import math

import pytest

from bench.judge.exact import graph_beside_reference, judge_numerics, judge_retraces
from bench.record.types import Evaluation, NumericError
from bench.stats.outcome import Outcome
from tests.bench.samples import BEYOND, WITHIN, record, records


def test_within_every_limit_passes_and_names_the_nearest() -> None:
    near = NumericError(99, "norm", "", 3e-6, 4e-6)
    found = judge_numerics("it", [record(numerics=(WITHIN, near))])
    assert found.outcome is Outcome.PASS
    assert (found.candidate, found.reference) == ("3.0e-06", "≤ 4.0e-06")
    assert found.note == "2 quantities of 2 steps agree with the oracle; nearest to its limit: norm at step 99"


def test_one_quantity_over_its_limit_is_a_regression_named_by_its_first_step() -> None:
    later = dataclasses.replace(BEYOND, step=9, error=1.0)
    found = judge_numerics("it", [record(numerics=(WITHIN, later, BEYOND))])
    assert found.outcome is Outcome.REGRESSION
    assert (
        found.note
        == "update of output/bias at step 5 is 1.0e-02 from the oracle, 2 of 3 quantities of 3 steps are over their limit"
    )


@pytest.mark.parametrize("error", [math.nan, math.inf, 4.000001e-6])
def test_not_a_number_is_no_agreement(error: float) -> None:
    assert (
        judge_numerics("it", [record(numerics=[dataclasses.replace(WITHIN, error=error)])]).outcome
        is Outcome.REGRESSION
    )


def test_an_error_at_its_limit_is_within() -> None:
    assert (
        judge_numerics("it", [record(numerics=[dataclasses.replace(WITHIN, error=WITHIN.limit)])]).outcome
        is Outcome.PASS
    )


def test_no_step_checked_cannot_be_judged() -> None:
    assert judge_numerics("it", [record(numerics=())]).outcome is Outcome.CANNOT_JUDGE


def test_an_evaluation_that_changes_the_weights_is_a_regression() -> None:
    launches = list(records())
    launches[2] = dataclasses.replace(launches[2], evaluation=Evaluation(150.0, 1000, 0.5, True))
    found = judge_numerics("it", launches)
    assert (found.outcome, found.note) == (Outcome.REGRESSION, "evaluation changed the weights in launch 3")


@pytest.mark.parametrize(("retraces", "outcome"), [(0, Outcome.PASS), (1, Outcome.REGRESSION)])
def test_a_second_trace_is_a_regression(retraces: int, outcome: Outcome) -> None:
    launches = [record(), dataclasses.replace(record(launch=1), retraces=retraces)]
    found = judge_retraces("it", launches)
    assert (found.outcome, found.candidate) == (outcome, str(retraces))


@pytest.mark.parametrize(
    ("candidate", "reference", "values", "note"),
    [
        ({"MatMul": 3, "Add": 1}, {"MatMul": 3, "Add": 1}, ("4", "4"), "the same operations"),
        (
            {"MatMul": 2, "Add": 2},
            {"MatMul": 3, "Add": 1},
            ("4", "4"),
            "+1 Add, -1 MatMul",
        ),  # the sum alone would hide it
        (dict.fromkeys("abcdefg", 1) | {"h": 9}, {"h": 1}, ("16", "1"), "+8 h, +1 a, +1 b, +1 c, +1 d"),
        ({"MatMul": 3}, {}, ("3", "–"), "not counted"),
        ({}, {}, ("–", "–"), "not counted"),
    ],
)
def test_operations_are_compared_by_type(
    candidate: dict[str, int], reference: dict[str, int], values: tuple[str, str], note: str
) -> None:
    sides = [[dataclasses.replace(record(), graph_operations=side)] for side in (candidate, reference)]
    found = graph_beside_reference("it", sides[0], sides[1])
    assert (found.outcome, found.gates) == (Outcome.INFORMS, False)
    assert (found.candidate, found.reference) == values
    assert found.note == note
