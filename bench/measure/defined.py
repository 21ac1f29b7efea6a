"""Limits for a user's own model, of which the reference's own code in float64 says what is right.

The rule is numerics.py's. Two things are unlike an oracle. A small tensor, whose own rounding may go beyond the cap,
has the cap as a part of all; if float32 can't even tell it from zero (an attention's key bias), the floor, too. One
that float32 leaves open altogether, or that is NaN or Inf, is not compared. And a gradient jumps where two numbers that
a maximum is taken of are equal but for rounding, in one start of several.
"""

import math
from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from bench.measure.numerics import (
    FLOAT32_MULTIPLE,
    FLOOR,
    Arrays,
    Expected,
    expected_of,
    relative_error,
    rounding_error,
)
from bench.record.types import (
    CAP,
    LEFT_OPEN,
    NO_FLOAT64,
    NOT_FINITE,
    NOT_REBUILT,
    NOT_REPEATED,
    UNMOVED,
    Unchecked,
)
from lm.arrays import Array
from lm.workloads.protocol import WEIGHT, Answers, Defining, Definition, NotCopiedError, Opening

WORST = 6.0  # times float32's own error that faultless steps come to (docs/numerics.md): it has to be below the limit
MOST_ROUNDING = 0.1  # of an update: beyond it the new weights' rounding hides nearly everything
LOSS = "loss of "  # begins names of tensors
UPDATE = "update after "  # begins quantities, which end with the number of steps
LEAST_CASES = 2  # in which float32 must not leave a tensor open
FIRST_LOSS = "loss of step 0"  # without which nothing is compared; nor is it where any loss is NaN or Inf


def defined(
    workload: Defining, opening: Opening
) -> tuple[dict[str, Expected], Mapping[str, Array], tuple[Unchecked, ...]]:
    """Returns (what is expected, by case; what the first one starts from; what can't be compared, and why).

    Nothing is expected where nothing can be compared.
    """
    expected: dict[str, Expected] = {}
    start: Mapping[str, Array] = {}
    reasons: defaultdict[str, list[str]] = defaultdict(list)  # by tensor: of each case that leaves it open
    updates: list[Array] = []
    try:
        for case, found in zip(workload.cases, workload.define(opening), strict=True):
            if found.differing:
                return {}, {}, (Unchecked(NOT_REPEATED, found.differing),)
            expected[case], left_open = limits_of(found)
            start = start or found.start
            updates += _updates(found.wide)
            for name, why in left_open.items():
                reasons[name].append(why)
    except NotCopiedError as error:
        return {}, {}, (Unchecked(NOT_REBUILT, error.again),)
    except Exception as error:  # it is the user's code
        return {}, {}, (Unchecked(NO_FLOAT64, str(error)),)
    unchecked = tuple(
        Unchecked(NOT_FINITE if NOT_FINITE in whys else LEFT_OPEN, name)
        for name, whys in reasons.items()
        if len(whys) > len(expected) - LEAST_CASES
    )
    for left_out in unchecked:
        if left_out.detail == FIRST_LOSS or (left_out.why == NOT_FINITE and left_out.detail.startswith(LOSS)):
            return {}, {}, (left_out,)
    nowhere = {left_out.detail for left_out in unchecked}
    for one in expected.values():
        for quantity, tensors in one.values.items():
            for tensor in [tensor for tensor in tensors if _name(quantity, tensor) in nowhere]:
                _leave_out(one, quantity, tensor)
    unmoved = (Unchecked(UNMOVED, ""),) if updates and not any(map(np.any, updates)) else ()
    return expected, start, (*unchecked, *unmoved)


def limits_of(found: Definition) -> tuple[Expected, dict[str, str]]:
    """Returns what is expected, and why tensors that it doesn't hold are left open, by name: LEFT_OPEN by float32, or
    NOT_FINITE, since a NaN agrees with any NaN.
    """
    expected, left_open = expected_of(found.wide, found.narrow[0]), {}
    for quantity, tensors in expected.values.items():
        finite = {tensor: value for tensor, value in tensors.items() if np.isfinite(value).all()}
        whole = _norm(finite)
        for tensor, value in list(tensors.items()):
            limit = _limit(quantity, tensor, value, whole, found) if tensor in finite else None
            if limit is None:
                left_open[_name(quantity, tensor)] = LEFT_OPEN if tensor in finite else NOT_FINITE
                _leave_out(expected, quantity, tensor)
            else:
                expected.limits[quantity][tensor] = limit
    return expected, left_open


def _leave_out(expected: Expected, quantity: str, tensor: str) -> None:
    del expected.values[quantity][tensor], expected.limits[quantity][tensor]


def _updates(answers: Answers) -> list[Array]:
    return [value for quantity, tensors in answers.items() if quantity.startswith(UPDATE) for value in tensors.values()]


def _name(quantity: str, tensor: str) -> str:
    return f"{quantity} of {tensor}"


def _limit(quantity: str, tensor: str, value: Array, whole: float, found: Definition) -> float | None:
    """Returns the limit of a tensor's relative error; None where float32 leaves the tensor open.

    | float32's own error | the limit |
    | --- | --- |
    | none at all | FLOOR |
    | small | a multiple of that error and FLOOR, CAP at most |
    | small as a part of the whole quantity, of which the tensor is a `share` | the same, with CAP of the whole |
    | large | none: the tensor is left open |

    An error is small if WORST times that is within CAP. Of an update, it is without the rounding of the new weights,
    which is added to the limit, and leaves the tensor open above MOST_ROUNDING.
    """
    own = max(relative_error(narrow[quantity][tensor], value) for narrow in found.narrow)
    if not own:
        return FLOOR
    rounding = _rounding(quantity, tensor, value, found)
    if rounding > MOST_ROUNDING:
        return None
    own = max(own - rounding, 0.0)
    multiple = FLOAT32_MULTIPLE * own
    if own * WORST <= CAP:
        return min(multiple + FLOOR, CAP) + rounding
    share = _norm({tensor: value}) / whole if whole else 0.0
    if share and own * share * WORST <= CAP:
        floor = FLOOR if multiple < 1 else FLOOR / share  # from 1 on, float32 can't tell the tensor from zero
        return min(multiple + floor, CAP / share) + rounding
    return None


def _rounding(quantity: str, tensor: str, value: Array, found: Definition) -> float:
    """Returns the relative error that rounding the new weights may cause in an update; 0 in any other quantity. In a
    small tensor each step may round to the same side, so that steps add up.
    """
    if not quantity.startswith(UPDATE):
        return 0.0
    steps = int(quantity.removeprefix(UPDATE))
    rounded = np.sqrt(np.maximum(found.reads.get(tensor, 1.0), 1.0))  # Keras 3 does it once for each read of a row
    return steps * rounding_error((found.start[WEIGHT + tensor].T * rounded).T, value)


def _norm(tensors: Arrays) -> float:
    return math.sqrt(math.fsum(float(np.linalg.norm(np.ravel(value)) ** 2) for value in tensors.values()))
