"""Metrics without noise."""

import dataclasses
import math

import pytest

from bench.judge.exact import compare_graphs, judge_numerics, judge_retraces, numerics_with_reference
from bench.judge.reasons import GraphChanges, NoOracleStep, OracleErrors, ReferenceDeparts, Retraces, WeightsChanged
from bench.record.types import Evaluation, NumericError
from bench.stats.outcome import Outcome
from tests.builders.records import BEYOND, WITHIN, record, records

NEAR = NumericError(99, "norm", "", 3e-6, 4e-6)
GOOD, BAD = (judge_numerics("it", [record(numerics=[one])]) for one in (WITHIN, BEYOND))


def test_within_every_limit_passes_and_names_the_nearest() -> None:
    found = judge_numerics("it", [record(numerics=(WITHIN, NEAR))])
    assert (found.outcome, found.candidate, found.reference) == (Outcome.PASS, 3e-6, 4e-6)
    assert found.reason == OracleErrors("norm", "", 99, 3e-6, 4e-6, over=0, errors=2, steps=2)


def test_over_a_limit_is_a_regression_named_by_its_first_step() -> None:
    later = dataclasses.replace(BEYOND, step=9, error=1.0)
    found = judge_numerics("it", [record(numerics=(WITHIN, later, BEYOND))])
    assert (found.outcome, found.candidate, found.reference) == (Outcome.REGRESSION, 1e-2, 4e-6)
    assert found.reason == OracleErrors("update", "output/bias", 5, 1e-2, 4e-6, over=2, errors=3, steps=3)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (WITHIN.limit, Outcome.PASS),
        (math.nextafter(WITHIN.limit, 1), Outcome.REGRESSION),
        (math.inf, Outcome.REGRESSION),
        (math.nan, Outcome.REGRESSION),
    ],
)
def test_an_error_at_its_limit_is_within_and_not_a_number_is_no_agreement(error: float, outcome: Outcome) -> None:
    numerics = [dataclasses.replace(WITHIN, error=error)]
    assert judge_numerics("it", [record(numerics=numerics)]).outcome is outcome


def test_no_step_checked_is_inconclusive() -> None:
    found = judge_numerics("it", [record(numerics=())])
    assert (found.outcome, found.reason, found.candidate) == (Outcome.INCONCLUSIVE, NoOracleStep(), None)


def test_an_evaluation_that_changes_the_weights_is_a_regression() -> None:
    launches = list(records())
    launches[2] = dataclasses.replace(launches[2], evaluation=Evaluation(150.0, 1000, 0.5, True))
    found = judge_numerics("it", launches)
    assert (found.outcome, found.reason) == (Outcome.REGRESSION, WeightsChanged(2))


@pytest.mark.parametrize(
    ("retraces", "reference", "outcome"),
    [
        (0, (), Outcome.PASS),
        (1, (), Outcome.REGRESSION),
        (2, (2, 0), Outcome.PASS),
        (3, (2, 0), Outcome.REGRESSION),
    ],
)
def test_the_step_is_traced_no_more_often_than_the_reference_s(
    retraces: int, reference: tuple[int, ...], outcome: Outcome
) -> None:
    launches = [record(), dataclasses.replace(record(launch=1), retraces=retraces)]
    others = [dataclasses.replace(record(launch=number), retraces=count) for number, count in enumerate(reference)]
    found = judge_retraces("it", launches, others)
    assert (found.outcome, found.reason, found.candidate) == (outcome, Retraces(), retraces)
    assert found.reference == max(reference, default=0)


def test_where_the_reference_departs_from_the_oracle_nobody_can_say_who_is_right() -> None:
    both = numerics_with_reference(BAD, BAD)
    assert (both.outcome, both.reason) == (Outcome.INCONCLUSIVE, ReferenceDeparts(BAD.reason, BAD.reason))
    mended = numerics_with_reference(GOOD, BAD)
    assert (mended.outcome, mended.reason) == (Outcome.PASS, ReferenceDeparts(GOOD.reason, BAD.reason))
    assert numerics_with_reference(BAD, GOOD) == BAD


@pytest.mark.parametrize(
    ("candidate", "reference", "values", "changes"),
    [
        ({"MatMul": 3, "Add": 1}, {"MatMul": 3, "Add": 1}, (4, 4), ()),
        ({"MatMul": 2, "Add": 2}, {"MatMul": 3, "Add": 1}, (4, 4), (("Add", 1), ("MatMul", -1))),  # the sums are equal
        ({"a": 1, "b": 1, "c": 9}, {"c": 1, "d": 2}, (11, 3), (("c", 8), ("d", -2), ("a", 1), ("b", 1))),
    ],
)
def test_operations_are_compared_by_type(
    candidate: dict[str, int],
    reference: dict[str, int],
    values: tuple[int, int],
    changes: tuple[tuple[str, int], ...],
) -> None:
    sides = [[dataclasses.replace(record(), graph_operations=side)] for side in (candidate, reference)]
    found = compare_graphs("it", *sides)
    assert (found.outcome, found.metric.gates) == (Outcome.NOT_GATED, False)
    assert ((found.candidate, found.reference), found.reason) == (values, GraphChanges(changes, counted=True))


@pytest.mark.parametrize(("candidate", "values"), [({"MatMul": 3}, (3, None)), ({}, (None, None))])
def test_operations_that_were_not_counted_are_not_compared(
    candidate: dict[str, int], values: tuple[int | None, None]
) -> None:
    counted = dataclasses.replace(record(), graph_operations=candidate)
    found = compare_graphs("it", [counted], [record()])
    assert ((found.candidate, found.reference), found.reason) == (values, GraphChanges((), counted=False))
