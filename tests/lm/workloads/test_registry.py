"""The workloads are found by their files' names, without TensorFlow, and say of themselves what holds."""

import dataclasses
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from bench.measure.answers import expected_answer
from bench.measure.numerics import errors_of
from lm.config import CONFIGS, ConfigError
from lm.workloads import mixed_float16
from lm.workloads.mixed import in_bfloat16
from lm.workloads.protocol import Opening
from lm.workloads.registry import names, workload
from tests.builders.workloads import answering

ROOT = Path(__file__).resolve().parents[3]


def test_a_file_is_a_workload_by_its_name() -> None:
    files = {path.stem.replace("_", "-") for path in (ROOT / "lm" / "workloads").glob("[a-z]*.py")}
    assert set(names()) == files - {"protocol", "registry"}
    assert {"train", "predict-call"} < set(names())


def test_an_unknown_one_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"called 'predict_call': the path .* ends in \.py; there are .*predict-call"):
        workload("predict_call")


def test_a_workload_has_its_file_s_name() -> None:
    assert [workload(name).name for name in names()] == list(names())


@pytest.mark.parametrize("name", names())
def test_a_workload_names_configurations_that_there_are(name: str) -> None:
    found = workload(name)
    assert {"tiny"} <= set(found.plans) <= set(CONFIGS)
    for plan in found.plans.values():
        assert plan.blocks.quads % 2 == plan.one_core.quads % 2 == 0  # as many ABBA as BAAB
        assert plan.blocks.dropped < plan.blocks.steps


@pytest.mark.parametrize("name", answering())
def test_answers_are_in_the_type_that_is_asked_for_and_of_the_configuration(name: str) -> None:
    found, tiny = workload(name), CONFIGS["tiny"]
    other = dataclasses.replace(tiny, seed=1)
    case = found.cases[0]
    wide, narrow = (found.expected(Opening(tiny), case, kind) for kind in (np.float64, np.float32))
    unlike = expected_answer(found, Opening(other), case)
    for quantity, of in wide.items():
        for tensor, value in of.items():
            assert value.dtype == np.float64
            assert narrow[quantity][tensor].dtype == np.float32
            assert value.shape == narrow[quantity][tensor].shape
            assert not np.array_equal(value, unlike.values[quantity][tensor])
    assert not all(error.within for error in errors_of(0, wide, unlike))


@pytest.mark.parametrize(("value", "rounded"), [(1.0, 1.0), (-1.01, -1.0078125), (1 + 3 / 256, 1 + 4 / 256)])
def test_bfloat16_rounds_to_the_nearest_and_ties_to_even(value: float, rounded: float) -> None:
    """Its numbers next to 1 are 1/128 apart: 3/256 lies in the middle, and 4/256 ends in an even bit."""
    assert in_bfloat16(np.array([value], np.float32)) == rounded
    assert in_bfloat16(np.array([1 + 1 / 256], np.float32)) == 1


def test_float16_loses_gradients_that_the_scale_of_the_loss_keeps() -> None:
    found = cast(mixed_float16.Workload, workload("mixed-float16"))
    assert found.rounded(np.array([1e-8], np.float32)) == 0
    opening, case = Opening(CONFIGS["tiny"]), found.cases[0]
    smallest = {}
    for scale in (1.0, found.loss_scale):
        found.loss_scale = scale
        gradient = found.expected(opening, case, np.float32)["gradient"]["lstm0/kernel"]
        smallest[scale] = np.abs(gradient[gradient != 0]).min()
    assert smallest[1.0] == 2.0**-24
    assert smallest[2.0**15] < 2.0**-30
