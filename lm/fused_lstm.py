"""One LSTM layer of `fused`, forward and backward, in core TensorFlow operations.

The formulas are those of lm/oracle_lstm.py. Time goes in chunks of a few steps: what does not depend on the step before is one product
for a chunk, and the layers work on different chunks at once, since a chunk is handed up as soon as it is there. The gradient is written
out, so that the products for the weights are one for all time steps.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from lm.fused_scope import gradient_scope


class Step(NamedTuple):
    """What the forward pass of a time step leaves for its backward pass, each [batch, size]."""

    gates: Sequence[tf.Tensor]  # after their activations: input, forget, cell candidate, output
    c_before: tf.Tensor
    squashed: tf.Tensor  # tanh of the new c


def lstm_layer(
    chunks: Sequence[tf.Tensor], kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor, h: tf.Tensor, c: tf.Tensor
) -> tuple[list[tf.Tensor], tf.Tensor]:
    """(outputs, last c [batch, size]) of a layer over chunks of time steps [steps, batch, width] from the state h and c.

    kernel [width, 4 * size], recurrent [size, 4 * size], bias [4 * size]; the gates lie in Keras' order: input, forget, cell, output.
    No gradient reaches the state, and none comes by the last c: the states that a batch starts from and ends in are constants.
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow ships no types
    def layer(kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor, *chunks: tf.Tensor) -> Any:
        scope = gradient_scope()
        outputs, last_c, tape = _forward(chunks, kernel, recurrent, bias, h, c)

        def gradient(*upstream: tf.Tensor) -> Any:
            with tf.name_scope(scope):
                z_gradients = _backward(upstream[:-1], recurrent, tape)
                z = _rows(tf.concat(z_gradients, axis=0))
                before = tf.concat([h[tf.newaxis], *outputs[:-1], outputs[-1][:-1]], axis=0)
                by_inputs = [
                    tf.reshape(tf.matmul(_rows(part), kernel, transpose_b=True), chunk.shape)
                    for part, chunk in zip(z_gradients, chunks, strict=True)
                ]
                by_kernel = tf.matmul(_rows(tf.concat(chunks, axis=0)), z, transpose_a=True)
                by_recurrent = tf.matmul(_rows(before), z, transpose_a=True)
                return by_kernel, by_recurrent, tf.reduce_sum(z, axis=0), *by_inputs

        return (*outputs, last_c), gradient

    *outputs, last_c = layer(kernel, recurrent, bias, *chunks)
    return outputs, last_c


def _forward(
    chunks: Sequence[tf.Tensor], kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor, h: tf.Tensor, c: tf.Tensor
) -> tuple[list[tf.Tensor], tf.Tensor, list[Step]]:
    outputs, tape = [], []
    for chunk in chunks:
        z_inputs = tf.nn.bias_add(tf.matmul(_rows(chunk), kernel), bias)
        hidden = []
        for z in tf.split(z_inputs, chunk.shape[0]):
            z_i, z_f, z_g, z_o = tf.split(z + tf.matmul(h, recurrent), 4, axis=1)
            i, f, g, o = tf.sigmoid(z_i), tf.sigmoid(z_f), tf.tanh(z_g), tf.sigmoid(z_o)
            c_before, c = c, f * c + i * g
            squashed = tf.tanh(c)
            h = o * squashed
            tape.append(Step((i, f, g, o), c_before, squashed))
            hidden.append(h)
        outputs.append(tf.stack(hidden))
    return outputs, c, tape


def _backward(outputs_gradient: Sequence[tf.Tensor], recurrent: tf.Tensor, tape: Sequence[Step]) -> list[tf.Tensor]:
    """The cost's gradient by z, chunk by chunk [steps, batch, 4 * size], from that by the outputs."""
    steps = list(tape)
    h_gradient = c_gradient = tf.zeros_like(steps[-1].squashed)  # from the step after; nothing follows the last
    chunks = []
    for chunk in reversed(outputs_gradient):
        z_gradients = []
        for by_output in reversed(tf.unstack(chunk)):
            (i, f, g, o), c_before, squashed = steps.pop()
            h_gradient += by_output
            c_gradient += _by_tanh(squashed, h_gradient * o)
            z_gradient = tf.concat(
                [
                    _by_sigmoid(i, c_gradient * g),
                    _by_sigmoid(f, c_gradient * c_before),
                    _by_tanh(g, c_gradient * i),
                    _by_sigmoid(o, h_gradient * squashed),
                ],
                axis=1,
            )
            z_gradients.append(z_gradient)
            h_gradient = tf.matmul(z_gradient, recurrent, transpose_b=True)
            c_gradient *= f
        chunks.append(tf.stack(z_gradients[::-1]))
    return chunks[::-1]


def _by_sigmoid(y: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """gradient * y * (1 - y), in one operation."""
    return tf.raw_ops.SigmoidGrad(y=y, dy=gradient)


def _by_tanh(y: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """gradient * (1 - y * y), in one operation."""
    return tf.raw_ops.TanhGrad(y=y, dy=gradient)


def _rows(chunk: tf.Tensor) -> tf.Tensor:
    """[steps, batch, width] as [steps * batch, width]."""
    return tf.reshape(chunk, (-1, chunk.shape[2]))
