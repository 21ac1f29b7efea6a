"""Limits of a user's own model, from made-up answers."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

from bench.measure.defined import FIRST_LOSS, defined, limits_of
from bench.measure.numerics import FLOOR
from bench.record.types import CAP, LEFT_OPEN, NO_FLOAT64, NOT_FINITE, NOT_REPEATED, UNMOVED, Unchecked
from lm.arrays import Array
from lm.config import OWN
from lm.workloads.protocol import Answers, Definition, Opening

RIGHT = np.array([3.0, 4.0])  # its norm is 5


def definition(
    apart: float = 0.0, moved: float = 0.0, quantity: str = "gradient", other: float = 0.0, differing: str = ""
) -> Definition:
    """A definition whose float32 is `apart` from what is right, relatively, and `moved` from a start a bit off.

    `other` is the norm of another tensor of the quantity, which is right.
    """

    def answers(error: float) -> Answers:
        return {"loss": {"step 0": np.array(2.0)}, quantity: {"w": RIGHT * (1 + error), "other": np.array([other])}}

    start: dict[str, Array] = {"weight w": np.array([0.5, 0.5], np.float32), "weight other": np.zeros(1, np.float32)}
    return Definition(start, answers(0.0), (answers(apart), answers(moved)), differing)


def test_a_limit_is_16_times_float32_s_own_error_and_the_floor() -> None:
    expected, left_open = limits_of(definition(apart=1e-6, moved=2e-6))
    assert expected.limits["gradient"]["w"] == pytest.approx(16 * 2e-6 + FLOOR, rel=1e-6)
    assert expected.limits["loss"]["step 0"] == FLOOR
    assert left_open == {}


def test_what_float32_computes_exactly_has_the_floor_alone_however_large_it_is() -> None:
    """As a counter, whose next value could be rounded to another."""
    exact = definition(quantity="update after 1")
    counted = dataclasses.replace(exact, start={**exact.start, "weight w": np.array([1e7, 1e7], np.float32)})
    expected, left_open = limits_of(counted)
    assert expected.limits["update after 1"]["w"] == FLOOR
    assert left_open == {}


def test_it_is_never_above_the_cap() -> None:
    expected, _ = limits_of(definition(apart=8e-6))  # 6 × 8e-6 is below the cap, 16 × 8e-6 isn't
    assert expected.limits["gradient"]["w"] == CAP


def test_a_tensor_that_float32_moves_is_left_open() -> None:
    expected, left_open = limits_of(definition(moved=9e-6))  # 6 × 9e-6 is above the cap
    assert left_open == {"gradient of w": LEFT_OPEN}
    assert list(expected.values["gradient"]) == list(expected.limits["gradient"]) == ["other"]


def test_a_tensor_near_zero_is_compared_as_a_part_of_all() -> None:
    """Its error of 10% is one of 0.1 × 5 of 5e6, 1e-7 of all: all of it may be off by 16e-7 and the floor."""
    expected, left_open = limits_of(definition(apart=0.1, other=5e6))
    assert left_open == {}
    assert expected.limits["gradient"]["w"] == pytest.approx((16e-7 + FLOOR) * 1e6, rel=1e-4)


@pytest.mark.parametrize(
    ("apart", "other", "limit"),
    [
        (1e-5, 5e2, 16e-5 + FLOOR),  # a hundredth of all: its error of 1e-5 is one of 1e-7
        (1e-5, 5e6, 16e-5 + FLOOR),
        (0.06, 5e6, 16 * 0.06 + FLOOR),  # below 1: a gradient that is lost is over it
        (5e-5, 5e1, 10 * CAP),  # a tenth of all, which may be off by the cap
    ],
)
def test_a_small_tensor_that_float32_tells_from_zero_has_the_floor_of_its_own_size(
    apart: float, other: float, limit: float
) -> None:
    expected, left_open = limits_of(definition(apart=apart, other=other))
    assert left_open == {}
    assert expected.limits["gradient"]["w"] == pytest.approx(limit, rel=0.01)


def test_an_update_may_be_off_by_the_rounding_of_new_weights() -> None:
    """Weights of 0.5 and 0.5 are rounded by 2⁻²⁴ × √0.5 of 5: 8.4e-9 a step."""
    of_one, of_two = (limits_of(definition(1e-9, quantity=f"update after {steps}"))[0] for steps in (1, 2))
    assert of_one.limits["update after 1"]["w"] - FLOOR == pytest.approx(8.43e-9, rel=1e-3)
    assert of_two.limits["update after 2"]["w"] - FLOOR == pytest.approx(2 * 8.43e-9, rel=1e-3)


def test_rows_that_are_read_often_are_rounded_as_often() -> None:
    """Rows of 0.5 and 0.5, of which one is read 49 times and one never: √((49 + 1) / 2) = 5 times the above."""
    read = dataclasses.replace(definition(1e-9, quantity="update after 1"), reads={"w": np.array([49, 0])})
    limits = limits_of(read)[0].limits["update after 1"]
    assert limits["w"] - FLOOR == pytest.approx(5 * 8.43e-9, rel=1e-3)


def test_rows_are_the_first_axis() -> None:
    matrix = {"w": np.ones((2, 3))}
    narrow = {"w": np.ones((2, 3)) + 1e-9}
    start: dict[str, Array] = {"weight w": np.array([[8.0] * 3, [1.0] * 3], np.float32)}
    found = Definition(start, {"update after 1": matrix}, ({"update after 1": narrow},), "", {"w": np.array([1, 64])})
    limit = limits_of(found)[0].limits["update after 1"]["w"]
    assert limit - FLOOR == pytest.approx(2.0**-24 * 8, rel=1e-3)  # both rows are rounded as one of 8


class Made:
    """A workload with made-up definitions."""

    metrics: tuple[str, ...] = ()
    plans: dict[str, object] = {}  # noqa: RUF012
    cases = ("start 1", "start 2", "start 3")
    open = expected = None

    def __init__(self, *definitions: Definition) -> None:
        self.definitions = definitions

    def define(self, opening: Opening) -> Iterator[Definition]:
        if not self.definitions:
            raise RuntimeError("mine.py in `workload`: OSError: no data")
        return iter(self.definitions)


def outcome_of(*definitions: Definition) -> tuple[list[int], list[str], tuple[Unchecked, ...]]:
    """Returns how many tensors each case expects, the start's arrays, and what isn't checked."""
    expected, start, unchecked = defined(Made(*definitions), Opening(OWN))  # type: ignore[arg-type]
    return [sum(map(len, one.values.values())) for one in expected.values()], sorted(start), unchecked


JUMPS = definition(moved=1e-3)
STEADY = definition()


def test_a_jump_in_one_start_leaves_the_others() -> None:
    assert outcome_of(STEADY, JUMPS, STEADY) == ([3, 2, 3], ["weight other", "weight w"], ())


def test_what_jumps_in_two_starts_is_not_compared() -> None:
    assert outcome_of(JUMPS, STEADY, JUMPS)[::2] == ([2, 2, 2], (Unchecked(LEFT_OPEN, "gradient of w"),))


def test_without_a_first_loss_nothing_is_compared() -> None:
    loss = Definition({}, {"loss": {"step 0": np.array(2.0)}}, ({"loss": {"step 0": np.array(2.1)}},), "")
    assert outcome_of(loss, loss, loss) == ([], [], (Unchecked(LEFT_OPEN, FIRST_LOSS),))


def with_loss(*losses: float, narrow: float | None = None) -> Definition:
    """A definition with the losses of its steps, the first of which may be another one in float32."""
    wide = {"loss": {f"step {step}": np.array(loss) for step, loss in enumerate(losses)}}
    rounded = wide if narrow is None else {"loss": {**wide["loss"], "step 0": np.array(narrow)}}
    return Definition({}, wide, (rounded, rounded), "")


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (with_loss(np.nan, np.nan), FIRST_LOSS),
        (with_loss(2.0, np.inf), "loss of step 1"),
        (with_loss(2.0, 2.0, narrow=np.nan), FIRST_LOSS),
    ],
)
def test_nothing_is_compared_with_a_loss_that_is_not_finite(found: Definition, name: str) -> None:
    """A NaN agrees with any NaN."""
    assert outcome_of(found, found, found) == ([], [], (Unchecked(NOT_FINITE, name),))


def test_a_loss_that_is_not_finite_in_one_start_leaves_the_others() -> None:
    assert outcome_of(with_loss(np.nan), with_loss(2.0), with_loss(2.0)) == ([0, 1, 1], [], ())


def with_update(after_one: float, after_two: float, narrow: float | None = None) -> Definition:
    """A definition of the updates of w after one step and two; `narrow`: those in float32."""

    def answers(*updates: float) -> Answers:
        loss = {"loss": {"step 0": np.array(2.0)}}
        return loss | {f"update after {step}": {"w": np.array([value])} for step, value in enumerate(updates, 1)}

    rounded = answers(after_one, after_two) if narrow is None else answers(narrow, narrow)
    return Definition({"weight w": np.ones(1, np.float32)}, answers(after_one, after_two), (rounded, rounded), "")


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (with_update(0.0, 0.0), [UNMOVED]),
        (with_update(0.0, 1.0), []),
        (with_update(1.0, 1.0, narrow=2.0), [LEFT_OPEN, LEFT_OPEN]),  # it moves, but nobody can say how far
    ],
)
def test_a_step_that_moves_no_variable_is_told(found: Definition, why: list[str]) -> None:
    assert [one.why for one in outcome_of(found, found, found)[2]] == why


def test_an_update_that_rounding_hides_is_left_open() -> None:
    """1e-7 of a weight of 1, which is rounded by 6e-8: 60% of it."""
    _, left_open = limits_of(with_update(1e-7, 1.0, narrow=2.0**-23))
    assert left_open["update after 1 of w"] == LEFT_OPEN


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_tensor_that_is_not_finite_is_not_compared(wrong: float) -> None:
    """Nor does it leave another one open, which is near zero and compared as a part of all that is finite."""
    found = definition(apart=0.1, other=5e6)
    found.wide["gradient"]["third"] = np.array([1.0, wrong])  # type: ignore[index]
    for narrow in found.narrow:
        narrow["gradient"]["third"] = np.array([1.0, wrong])  # type: ignore[index]
    expected, left_open = limits_of(found)
    assert left_open == {"gradient of third": NOT_FINITE}
    assert list(expected.values["gradient"]) == list(expected.limits["gradient"]) == ["w", "other"]


def test_what_fails_or_does_not_repeat_is_said() -> None:
    assert outcome_of() == ([], [], (Unchecked(NO_FLOAT64, "mine.py in `workload`: OSError: no data"),))
    once = definition(differing="loss of step 0")
    assert outcome_of(once, STEADY, STEADY) == ([], [], (Unchecked(NOT_REPEATED, "loss of step 0"),))
