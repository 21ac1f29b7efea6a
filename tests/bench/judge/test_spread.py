"""How much a run's launches and quads differ: of training and evaluation steps, where at least two launches tell."""

import dataclasses
import math

import pytest

from bench.judge.spread import spreads
from bench.record.types import Failure
from tests.builders.launches import launches
from tests.builders.paired import pair, paired_run, quad


def test_log_ratios_show_their_arithmetic() -> None:
    """Launches (−1, 1), (3, 5): means 0 and 4, variance 8; within 2."""
    ratios = ((-1.0, 1.0), (3.0, 5.0))
    pairs = [dataclasses.replace(pair(), launch=n, steps=tuple(map(quad, of))) for n, of in enumerate(ratios)]
    steps, evaluations = spreads(paired_run(pairs))
    assert steps.metric == "step time"
    assert (steps.summary_deviation, steps.quad_deviation) == pytest.approx((math.sqrt(8), math.sqrt(2)))
    assert (evaluations.metric, evaluations.summary_deviation) == ("evaluation step", 0.0)  # one quad each, all alike


def test_one_launch_has_no_spread_and_failed_ones_do_not_count() -> None:
    assert spreads(paired_run(launches(1))) == ()
    assert spreads(paired_run([*launches(1), pair(1, failure=Failure("crashed", "killed"))])) == ()
    untimed = [dataclasses.replace(one, evaluations=()) for one in launches()]
    assert [one.metric for one in spreads(paired_run(untimed))] == ["step time"]
