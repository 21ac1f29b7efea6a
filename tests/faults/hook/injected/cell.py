"""Faults inside an LSTM cell.

Its gates come as z: what enters the input, forget, candidate and output gate, each [batch, size].
"""

from typing import Any

from .fault import GATES, Fault, replaced, without_gradient

CELL_CALL = "tensorflow:keras.layers.LSTMCell", "call"


def _output_before_candidate(original: Any, cell: Any, z: Any, c: Any) -> Any:
    return original(cell, (z[0], z[1], z[3], z[2]), c)


def _forget_before_input(original: Any, cell: Any, z: Any, c: Any) -> Any:
    return original(cell, (z[1], z[0], z[2], z[3]), c)


def _forget_bias_lost(original: Any, cell: Any, z: Any, c: Any) -> Any:
    return original(cell, (z[0], z[1] - cell.bias[cell.units : 2 * cell.units], z[2], z[3]), c)


def _forget_bias_added(original: Any, cell: Any, z: Any, c: Any) -> Any:
    return original(cell, (z[0], z[1] + 1.0, z[2], z[3]), c)


def _tanh_in_output_gate(original: Any, cell: Any, z: Any, c: Any) -> Any:
    import tensorflow as tf

    return original(cell, z, c)[0], tf.tanh(z[3])


def _hard_sigmoid(original: Any, cell: Any, z: Any, c: Any) -> Any:
    import tensorflow as tf

    i, f, o = (tf.clip_by_value(0.2 * gate + 0.5, 0.0, 1.0) for gate in (z[0], z[1], z[3]))
    return f * c + i * tf.tanh(z[2]), o


def _time_cut(original: Any, cell: Any, inputs: Any, states: list[Any], **named: Any) -> Any:
    """Keeps values right, and lets no gradient go from a time step to the one before."""
    return original(cell, inputs, [state + without_gradient(state) for state in states], **named)


def _h_in_tf32(original: Any, cell: Any, inputs: Any, states: list[Any], **named: Any) -> Any:
    """Rounds h to TF32's 10 bits of mantissa before its product with the recurrent kernel; gradients pass as if it were
    not.
    """
    import tensorflow as tf

    h, c = states
    bits = tf.bitwise.bitwise_and(tf.bitcast(h, tf.int32) + (1 << 12), ~((1 << 13) - 1))
    rounded = h + tf.stop_gradient(tf.bitcast(bits, tf.float32) - h)
    return original(cell, inputs, [rounded, c], **named)


FAULTS = (
    Fault("gates-output-before-candidate", "the gates lie in another order: i f o g for i f g o",
          replaced(*GATES, _output_before_candidate)),
    Fault("gates-forget-before-input", "the gates lie in another order: f i g o for i f g o",
          replaced(*GATES, _forget_before_input)),
    Fault("forget-bias-lost", "the forget gate's bias is not added", replaced(*GATES, _forget_bias_lost)),
    Fault("forget-bias-added", "1 is added to the forget gate's bias, as BasicLSTMCell did",
          replaced(*GATES, _forget_bias_added)),
    Fault("tanh-for-sigmoid", "the output gate is a tanh", replaced(*GATES, _tanh_in_output_gate)),
    Fault("hard-sigmoid", "the gates are hard sigmoids, as Keras' default once was", replaced(*GATES, _hard_sigmoid)),
    Fault("time-gradient-lost", "no gradient goes back in time", replaced(*CELL_CALL, _time_cut)),
    Fault("tf32-recurrent-product", "the recurrent product takes TF32 inputs", replaced(*CELL_CALL, _h_in_tf32)),
)  # fmt: skip
