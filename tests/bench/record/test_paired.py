"""Quads of a paired run to log ratios."""

import math

import pytest

from bench.record.paired import Quad
from bench.record.types import Failure
from tests.builders.paired import pair, paired_run

E = math.e


def quad(order: str, *seconds: float) -> Quad:
    return Quad(order, seconds, (0.0,) * len(seconds))


def test_a_quad_is_the_candidates_logarithms_less_the_references() -> None:
    # ABBA: (1 + 3)/2 − (0 + 2)/2 = 1; the same blocks read as BAAB: the other way round.
    blocks = (1.0, E, E**3, E**2)
    assert quad("ABBA", *blocks).log_ratio() == pytest.approx(1.0)
    assert quad("BAAB", *blocks).log_ratio() == pytest.approx(-1.0)


@pytest.mark.parametrize("order", ["ABBA", "BAAB"])
def test_a_machine_that_slows_down_steadily_cancels(order: str) -> None:
    assert quad(order, 1.0, E, E**2, E**3).log_ratio() == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (quad("ABAB", 1, 1, 1, 1), "order 'ABAB' with 4 blocks"),
        (quad("ABBA", 1, 1, 1), "order 'ABBA' with 3 blocks"),
        (quad("ABBA", 1, 0, 1, 1), "a block of 0 seconds"),
        (quad("ABBA", 1, 1, math.nan, 1), "a block of nan seconds"),
        (quad("ABBA", 1, 1, math.inf, 1), "a block of inf seconds"),
        (quad("ABBA", 1, 1, -1, 1), "a block of -1 seconds"),
    ],
)
def test_a_damaged_quad_is_refused(broken: Quad, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        broken.log_ratio()


def test_a_failure_and_its_repeat_are_one_launch() -> None:
    run = paired_run([pair(0), pair(1, failure=Failure("crashed", "it died")), pair(1)])
    assert (len(run.pairs), run.launches) == (3, 2)
