"""One LSTM layer of `fused` over a whole batch, forward and backward, in core TensorFlow operations.

The formulas are those of lm/oracle_lstm.py. Whatever does not depend on the step before is one operation for all time steps; the
gradient is written out, so that the products for the weights are one for all time steps, too.
"""

from typing import Any

import tensorflow as tf


@tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow ships no types
def lstm_layer(inputs: tf.Tensor, kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor, h: tf.Tensor, c: tf.Tensor) -> Any:
    """(outputs [steps, batch, size], last c [batch, size]) of a layer over inputs [steps, batch, width] from the state h and c.

    kernel [width, 4 * size], recurrent [size, 4 * size], bias [4 * size]; the gates lie in Keras' order: input, forget, cell, output.
    No gradient reaches the state, and none may come by the last c: the state a batch starts from and the one it ends in are constants.
    """
    steps, batch, width = inputs.shape
    rows = tf.reshape(inputs, (steps * batch, width))
    z = tf.reshape(tf.nn.bias_add(tf.matmul(rows, kernel), bias), (steps, batch, recurrent.shape[1]))
    gates, cells, outputs = recurrent_forward(z, recurrent, h, c)

    def gradient(outputs_gradient: tf.Tensor, _: tf.Tensor) -> Any:
        z_gradient = recurrent_backward(gates, cells, recurrent, c, outputs_gradient)
        z_rows = tf.reshape(z_gradient, (steps * batch, -1))
        before = tf.reshape(tf.concat([h[tf.newaxis], outputs[:-1]], axis=0), (steps * batch, -1))
        return (
            tf.reshape(tf.matmul(z_rows, kernel, transpose_b=True), inputs.shape),
            tf.matmul(rows, z_rows, transpose_a=True),
            tf.matmul(before, z_rows, transpose_a=True),
            tf.reduce_sum(z_rows, axis=0),
            None,
            None,
        )

    return (outputs, cells[-1]), gradient


def recurrent_forward(z: tf.Tensor, recurrent: tf.Tensor, h: tf.Tensor, c: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """(gates after activation [steps, batch, 4 * size], cells and outputs [steps, batch, size]) from what the inputs add to z."""
    gates, cells, outputs = [], [], []
    for z_inputs in tf.unstack(z):
        i, f, g, o = tf.split(z_inputs + tf.matmul(h, recurrent), 4, axis=1)
        i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
        c = f * c + i * g
        h = o * tf.tanh(c)
        gates.append(tf.concat([i, f, g, o], axis=1))
        cells.append(c)
        outputs.append(h)
    return tf.stack(gates), tf.stack(cells), tf.stack(outputs)


def recurrent_backward(gates: tf.Tensor, cells: tf.Tensor, recurrent: tf.Tensor, c: tf.Tensor, outputs_gradient: tf.Tensor) -> tf.Tensor:
    """The cost's gradient by z [steps, batch, 4 * size], from that by the outputs; c [batch, size] is the initial state."""
    before = [c, *tf.unstack(cells)[:-1]]
    h_gradient = c_gradient = tf.zeros_like(c)  # from the step after; nothing follows the last
    z_gradients = []
    for gate, c_before, c_after, output_gradient in reversed(
        list(zip(tf.unstack(gates), before, tf.unstack(cells), tf.unstack(outputs_gradient), strict=True))
    ):
        i, f, g, o = tf.split(gate, 4, axis=1)
        squashed = tf.tanh(c_after)
        h_gradient += output_gradient
        c_gradient += h_gradient * o * (1 - squashed * squashed)
        z_gradient = tf.concat(
            [
                c_gradient * g * i * (1 - i),
                c_gradient * c_before * f * (1 - f),
                c_gradient * i * (1 - g * g),
                h_gradient * squashed * o * (1 - o),
            ],
            axis=1,
        )
        z_gradients.append(z_gradient)
        h_gradient = tf.matmul(z_gradient, recurrent, transpose_b=True)
        c_gradient *= f
    return tf.stack(z_gradients[::-1])
