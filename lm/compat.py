"""The one module that distinguishes Keras 2 (TensorFlow up to 2.15) from Keras 3.

Both are reached as `tf.keras`. What differs is where a stateful RNN keeps its states, how a variable is unwrapped,
which weights a model counts, and what `.keras` means to `save`.
"""

import importlib
from typing import Any

import tensorflow as tf

KerasVariable = Any  # a tf.Variable in Keras 2, a class of Keras' own, under another name in each version, in Keras 3


def keras_version() -> str:
    """Returns the version of the Keras in use, of keras or tf_keras; tf.keras has no __version__ in 2.15."""
    package = tf.keras.Model.__module__.partition(".")[0]
    return str(importlib.import_module(package).__version__)


def tf_variable(variable: KerasVariable) -> tf.Variable:
    """Returns the tf.Variable behind a Keras 3 variable; Keras 2 has no wrapper."""
    return variable if isinstance(variable, tf.Variable) else variable.value


def is_variable(value: object) -> bool:
    """Returns whether `value` is a tf.Variable, or Keras 3's wrapper of one."""
    return isinstance(value, tf.Variable) or isinstance(getattr(value, "value", None), tf.Variable)


def other_weights(model: tf.keras.Model) -> list[KerasVariable]:
    """Returns a model's weights that aren't trained, without those of its metrics, which Keras 2 counts among them.

    Keras' own list of metrics has all but those that were appended to a list later; a `metrics` property of the user's
    own may leave out more.
    """
    counted = {id(variable) for metric in tf.keras.Model.metrics.fget(model) for variable in metric.variables}
    return [variable for variable in model.non_trainable_weights if id(variable) not in counted]


def rnn_states(rnn: tf.keras.layers.RNN) -> list[tf.Variable]:
    """Returns the variables [batch, size] that hold a stateful RNN's states: h then c of each cell.

    Keras 3.15 keeps lists that its own reset_state can't handle, so callers assign to these variables themselves.
    """
    return [tf_variable(state) for state in tf.nest.flatten(rnn.states)]


def save_keras(model: tf.keras.Model, path: str) -> None:
    """Writes a `.keras` file in the format that Keras 3 knows; by default Keras 2.12 writes HDF5 under that name."""
    model.save(path, **({"save_format": "keras_v3"} if keras_version().startswith("2.") else {}))
