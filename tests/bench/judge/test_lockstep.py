"""A lockstep comparison to a verdict: each outcome, and what its note names."""

import dataclasses
import math
from typing import Any

import pytest

from bench.judge.lockstep import judge_lockstep, lockstep_verdict
from bench.record.lockstep import Departure, Difference, Lockstep
from bench.record.types import Environment, Failure, Subject
from bench.stats.outcome import Outcome

ENVIRONMENT = Environment("3.11.7", "2.21.0", "tensorflow-cpu", "3.15.1", "2.4.0", True, 2, {})
NEAREST = Difference(1, "update", "embedding", 2e-5, 8e-5)
CLEAN = Lockstep(
    subject=Subject("tiny", "synthetic", "cells", "cpu:0", "fa4e", 3, 10, 80),
    reference=ENVIRONMENT,
    candidate=ENVIRONMENT,
    candidate_fingerprint="fa4e",
    losses=(62.0, 61.5, 61.0),
    differences={"loss": (0.0, 0.0, 1e-7), "update of embedding": (1e-5, 2e-5, 1e-5)},
    nearest=NEAREST,
    departure=None,
    oracle_steps=0,
    reference_seconds=1.0,
    candidate_seconds=1.0,
    wall_seconds=3.0,
)
FIRST = Difference(2, "update", "output/kernel", 1e-3, 1.3e-5)


def changed(**fields: Any) -> Lockstep:
    return dataclasses.replace(CLEAN, **fields)


def test_all_steps_within_their_limits_pass() -> None:
    comparison = judge_lockstep(CLEAN)
    assert (comparison.subject, comparison.metric, comparison.outcome) == (
        "tiny-synthetic-cells-cpu0",
        "lockstep",
        Outcome.PASS,
    )
    assert (comparison.candidate, comparison.reference) == ("2.0e-05", "≤ 8.0e-05")
    nearest = "nearest to its limit: update of embedding at step 1"
    assert comparison.note == f"3 steps × 2 tensors agree; {nearest}; took 1.5 × the sides' own steps"  # 3 / (1 + 1)
    assert lockstep_verdict(CLEAN).exit_code == 0


def test_equal_sides_agree_to_the_last_bit() -> None:
    comparison = judge_lockstep(changed(nearest=dataclasses.replace(NEAREST, difference=0.0)))
    assert comparison.note.startswith("3 steps × 2 tensors agree; to the last bit; ")


def test_a_departure_is_a_regression_where_the_oracle_sides_with_the_reference() -> None:
    result = changed(departure=Departure(FIRST, 8, 1.1e-7, 1e-3), nearest=FIRST)
    comparison = judge_lockstep(result)
    assert comparison.outcome is Outcome.REGRESSION
    assert (comparison.candidate, comparison.reference) == ("1.0e-03", "≤ 1.3e-05")
    assert comparison.note == (
        "update of output/kernel is the first to leave its limit, at step 2, 8 more with it; "
        "the oracle sides with the reference (1.1e-07 from it the reference, 1.0e-03 the candidate)"
    )
    assert lockstep_verdict(result).exit_code == 1


def test_a_departure_can_not_be_judged_where_the_reference_is_the_wrong_one() -> None:
    result = changed(departure=Departure(FIRST, 0, 1e-3, 1.1e-7))
    comparison = judge_lockstep(result)
    assert comparison.outcome is Outcome.CANNOT_JUDGE
    assert "the oracle sides with the candidate" in comparison.note
    assert "more with it" not in comparison.note
    assert lockstep_verdict(result).exit_code == 3


@pytest.mark.parametrize(
    ("result", "note"),
    [
        (
            changed(candidate_fingerprint="0123"),
            "the sides have unlike corpora or initial weights (fingerprints fa4e and 0123)",
        ),
        (changed(losses=(62.0, math.nan)), "the reference diverged: its loss is nan at step 1"),
        (changed(losses=(62.0, 61.5)), "2 of 3 steps were compared"),
        (changed(losses=(), nearest=None), "0 of 3 steps were compared"),
    ],
)
def test_what_ends_early_can_not_be_judged(result: Lockstep, note: str) -> None:
    comparison = judge_lockstep(result)
    assert comparison.outcome is Outcome.CANNOT_JUDGE
    assert comparison.note.startswith(note)
    assert lockstep_verdict(result).exit_code == 3


@pytest.mark.parametrize(("fingerprint", "when"), [("fa4e", "at step 2"), ("", "before the first step")])
def test_a_candidate_that_fails_where_the_reference_runs_is_a_regression(fingerprint: str, when: str) -> None:
    failure = Failure("crashed", "the worker was killed by SIGSEGV during lockstep")
    result = changed(losses=(62.0, 61.5), candidate_fingerprint=fingerprint, failure=failure)
    comparison = judge_lockstep(result)
    assert comparison.outcome is Outcome.REGRESSION
    assert comparison.note == f"the candidate failed {when}, where the reference runs: {failure.message}"
    assert lockstep_verdict(result).exit_code == 1
