"""Keras 2 and Keras 3 behind the same few functions."""

import importlib.metadata
import zipfile
from pathlib import Path

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed in the Python that runs this test")

from lm.compat import is_variable, keras_version, rnn_states, save_keras, tf_variable  # noqa: E402  # of TensorFlow

pytestmark = pytest.mark.tensorflow


def stateful_rnn() -> tuple[object, object]:
    """A stateful RNN of two cells, of sizes 3 and 2, and an input [batch 1, steps 2, width 4]."""
    cells = tf.keras.layers.StackedRNNCells([tf.keras.layers.LSTMCell(size) for size in (3, 2)])
    rnn = tf.keras.layers.RNN(cells, stateful=True)
    rnn.build((1, 2, 4))
    return rnn, tf.ones((1, 2, 4))


def test_keras_version_is_that_of_the_installed_package() -> None:
    (owner,) = {*importlib.metadata.packages_distributions()["keras"]}  # of a candidate, keras-nightly
    assert keras_version() == importlib.metadata.version(owner)
    major, minor = (int(part) for part in tf.__version__.split(".")[:2])
    assert keras_version().startswith("3." if (major, minor) >= (2, 16) else f"2.{minor}.")


def test_variables_are_tensorflows_and_not_copies() -> None:
    layer = tf.keras.layers.Dense(2)
    layer.build((1, 3))
    variable = tf_variable(layer.trainable_variables[0])
    assert isinstance(variable, tf.Variable)
    variable.assign(np.full((3, 2), 7.0))
    assert np.array_equal(layer(tf.ones((1, 3))), [[21.0, 21.0]])
    assert tf_variable(variable) is variable
    assert all(map(is_variable, (variable, layer.trainable_variables[0])))
    assert not any(map(is_variable, (layer, tf.ones(2), np.ones(2), [variable])))


def test_rnn_states_are_output_then_cell_of_each_layer_and_move_with_a_call() -> None:
    rnn, inputs = stateful_rnn()
    states = rnn_states(rnn)
    assert [tuple(state.shape) for state in states] == [(1, 3), (1, 3), (1, 2), (1, 2)]
    assert not any(np.any(state) for state in states)
    output = rnn(inputs)  # type: ignore[operator]  # TensorFlow ships no types
    assert np.array_equal(states[2], output)  # h of the last layer is what the RNN returns, so c comes second
    assert all(np.any(state) for state in states)


def test_states_that_are_assigned_are_where_the_next_call_starts() -> None:
    rnn, inputs = stateful_rnn()
    states = rnn_states(rnn)
    first = rnn(inputs).numpy()  # type: ignore[operator]  # TensorFlow ships no types
    assert not np.array_equal(rnn(inputs), first)  # type: ignore[operator]
    for state in states:
        state.assign(tf.zeros_like(state))
    assert np.array_equal(rnn(inputs), first)  # type: ignore[operator]


def test_a_keras_file_is_of_keras_3_s_format(tmp_path: Path) -> None:
    """It is a zip archive; HDF5, which Keras 2.12 writes by default, is none."""
    path = tmp_path / "saved.keras"
    save_keras(tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(2)]), str(path))
    assert zipfile.is_zipfile(path)
