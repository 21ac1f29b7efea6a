"""The types of a lockstep comparison: names, ratios, and their JSON."""

import json
import math

from bench.record.codec import from_plain, to_plain
from bench.record.lockstep import (
    Compared,
    Departure,
    Difference,
    Lockstep,
    Prepared,
    Tensor,
    TensorDifferences,
    tensor_name,
)
from bench.record.replies import Published
from bench.record.types import Environment, Failure, Subject

FIRST = Difference(7, "update", "output/kernel", 1e-3, 1.3e-5)
RESULT = Lockstep(
    subject=Subject("tiny", "synthetic", "cells", "cpu:0", "fa4e", 10, 10, 80),
    reference=Environment("3.11.7", "2.12.1", "tensorflow-cpu", "2.12.0", "1.23.5", True, 2, {}),
    candidate=None,
    candidate_fingerprint="",
    losses=(62.0, 61.5),
    differences=(
        TensorDifferences("loss", "", (0.0, 1e-7)),
        TensorDifferences("update", "output/kernel", (1e-7, math.nan)),
    ),
    nearest=FIRST,
    departure=Departure(FIRST, 3, 1e-7, math.inf),
    oracle_steps=1,
    reference_seconds=2.0,
    candidate_seconds=3.0,
    wall_seconds=6.0,
    failure=Failure("crashed", "the worker was killed by SIGKILL"),
)


def test_every_type_survives_json() -> None:
    tensors = (Tensor("loss", ""), Tensor("update", "output/kernel"))
    compared = Compared(math.nan, (0.0, math.inf), FIRST, True, None)
    for value in (RESULT, Published(1.5, 0.5), Prepared(tensors, 4096), compared):
        text = json.dumps(to_plain(value), allow_nan=False)
        assert repr(from_plain(type(value), json.loads(text))) == repr(value)  # repr: NaN is unequal to itself


def test_a_tensor_is_named_as_people_read_it() -> None:
    assert FIRST.name == "update of output/kernel"
    assert tensor_name("loss", "") == "loss"
