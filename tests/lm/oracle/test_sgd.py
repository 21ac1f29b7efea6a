"""Clipping by the global norm and the SGD update, by hand; test_tensorflow.py compares them with TensorFlow."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from lm.oracle.sgd import Gradients, SparseRows, apply_sgd, clip_by_global_norm, densified, values_of


def gradients() -> Gradients:
    """Squares 1 + 4 + 4 = 9 and 16: the norm is 5. Row 2 comes twice."""
    rows = SparseRows(np.array([2, 0, 2]), np.array([[1.0], [2.0], [2.0]]))
    return {"embedding": rows, "output/bias": np.array([4.0, 0.0])}


def test_duplicate_rows_add_when_densified() -> None:
    rows = gradients()["embedding"]
    assert isinstance(rows, SparseRows)
    assert_array_equal(densified(rows, 4), [[2], [0], [3], [0]])


def test_the_norm_takes_duplicate_rows_one_by_one() -> None:
    """Summed first they would give 4 + 9 + 16 = 29."""
    found = gradients()
    rows = found["embedding"]
    assert isinstance(rows, SparseRows)
    assert clip_by_global_norm(found, 5.0)[1] == 5
    assert clip_by_global_norm(found | {"embedding": densified(rows, 4)}, 5.0)[1] == pytest.approx(29**0.5, rel=1e-15)


@pytest.mark.parametrize(("clip_norm", "scale"), [(10.0, 1.0), (5.0, 1.0), (2.0, 0.4)])
def test_only_a_norm_above_the_limit_is_scaled(clip_norm: float, scale: float) -> None:
    clipped, norm = clip_by_global_norm(gradients(), clip_norm)
    rows = clipped["embedding"]
    assert isinstance(rows, SparseRows)
    assert norm == 5
    assert_array_equal(rows.indices, [2, 0, 2])
    assert_allclose(rows.values, np.array([[1], [2], [2]]) * scale, rtol=1e-15)
    assert_allclose(values_of(clipped["output/bias"]), [4 * scale, 0], rtol=1e-15)


def test_a_norm_of_zero_leaves_zeros() -> None:
    clipped, norm = clip_by_global_norm({"bias": np.zeros(2)}, 5.0)
    assert norm == 0
    assert_array_equal(clipped["bias"], [0, 0])


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_a_norm_that_is_not_finite_makes_every_gradient_nan(bad: float) -> None:
    clipped, norm = clip_by_global_norm(gradients() | {"output/bias": np.array([bad, 1.0])}, 5.0)
    assert not np.isfinite(norm)
    assert all(np.isnan(values_of(gradient)).all() for gradient in clipped.values())


def test_a_norm_overflows_in_the_dtype_of_the_gradients() -> None:
    """(1e20)² is above float32's 3.4e38, and far below float64's 1.8e308."""
    assert clip_by_global_norm({"bias": np.array([1e20], np.float32)}, 5.0)[1] == np.inf
    assert clip_by_global_norm({"bias": np.array([1e20])}, 5.0)[1] == pytest.approx(1e20, rel=1e-15)


def test_update_subtracts_every_duplicate_and_leaves_other_rows_alone() -> None:
    weights = {"embedding": np.array([[10.0], [20.0], [30.0]]), "output/bias": np.array([1.0, -0.0])}
    updated = apply_sgd(weights, gradients(), 0.5)
    assert_array_equal(updated["embedding"], [[10 - 0.5 * 2], [20], [30 - 0.5 * (1 + 2)]])
    assert_array_equal(updated["output/bias"], [1 - 0.5 * 4, 0])
    assert_array_equal(weights["embedding"], [[10], [20], [30]])
