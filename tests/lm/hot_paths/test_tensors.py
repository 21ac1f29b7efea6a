"""Tensors to and from the hot paths: copied, scaled, densified; a fetched value waits."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed in the Python that runs this test")

from lm.hot_paths import tensors  # noqa: E402  # it imports TensorFlow, which may be missing

pytestmark = pytest.mark.tensorflow


def slices() -> Any:
    return tf.IndexedSlices(tf.constant([[1.0], [2.0]]), tf.constant([1, 1]), tf.constant([3, 1]))


def test_arrays_become_tensors_and_tensors_stay() -> None:
    there = tf.constant([1.0])
    found, (kept, sparse) = tensors.put((np.ones(2), (there, slices())), "cpu:0")
    assert tf.is_tensor(found)
    assert kept is there
    assert isinstance(sparse, tf.IndexedSlices)


def test_a_dataset_gives_its_batches_in_order() -> None:
    batches = [(np.full(2, index), (np.full(3, -index),)) for index in range(3)]
    for found, wanted in zip(tensors.dataset(batches), batches, strict=True):
        tf.nest.map_structure(assert_array_equal, found, wanted)


def test_dense_slices_add_duplicates() -> None:
    assert_array_equal(tensors.dense([slices()])[0], [[0], [3], [0]])


def test_scaled_slices_stay_sparse() -> None:
    sparse, dense = tensors.scaled([slices(), tf.constant([1.0])], 3.0)
    assert_array_equal(sparse.values, [[3], [6]])
    assert_array_equal(sparse.indices, [1, 1])
    assert_array_equal(dense, [3])
