"""One LSTM layer of `fused`, forward and backward, in core TensorFlow operations.

The formulas are those of lm/oracle_lstm.py. Time goes in chunks of a few steps: what does not depend on the step before is one product
for a chunk, and the layers work on different chunks at once, since a chunk is handed up as soon as it is there. Within a time step parts
of the batch never wait for each other: a small product keeps one core busy, two of them two. The gradient is written out, so that the
products for the weights are one for all time steps.
"""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from lm.fused_scope import gradient_scope

# The batch goes in two parts where the recurrent weights stay in a core's cache, so that reading them twice costs nothing; else in one.
CACHED_BYTES = 2 * 2**20


class Step(NamedTuple):
    """What the forward pass of a time step leaves of a part of the batch for its backward pass, each [part, size]."""

    gates: Sequence[tf.Tensor]  # after their activations: input, forget, cell candidate, output
    c_before: tf.Tensor
    squashed: tf.Tensor  # tanh of the new c


def part_sizes(batch: int, size: int) -> list[int]:
    """How many of the batch each part has, in a layer of that size."""
    parts = min(2 if 4 * size**2 * 4 <= CACHED_BYTES else 1, batch)  # float32
    return [batch // parts + (part < batch % parts) for part in range(parts)]


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
        parts = part_sizes(*h.shape)
        z_inputs = [z for chunk in chunks for z in _by_part(tf.nn.bias_add(tf.matmul(_rows(chunk), kernel), bias), chunk.shape[0], parts)]
        hidden, last_c, tape = _forward(z_inputs, recurrent, tf.split(h, parts), tf.split(c, parts))
        outputs = [tf.reshape(tf.concat(part, axis=0), (-1, *h.shape)) for part in _by_chunk(hidden, chunks, len(parts))]

        def gradient(*upstream: tf.Tensor) -> Any:
            with tf.name_scope(scope):
                by_outputs = [part for chunk in upstream[:-1] for part in _by_part(_rows(chunk), chunk.shape[0], parts)]
                by_z = _backward(by_outputs, tf.transpose(recurrent), tape, len(parts))
                by_z_chunks = [tf.concat(part, axis=0) for part in _by_chunk(by_z, chunks, len(parts))]
                by_inputs = [
                    tf.reshape(tf.matmul(z, kernel, transpose_b=True), chunk.shape) for z, chunk in zip(by_z_chunks, chunks, strict=True)
                ]
                z = tf.concat(by_z_chunks, axis=0)
                before = tf.concat([h, *hidden[: -len(parts)]], axis=0)
                by_kernel = tf.matmul(_rows(tf.concat(chunks, axis=0)), z, transpose_a=True)
                by_recurrent = tf.matmul(before, z, transpose_a=True)
                return by_kernel, by_recurrent, tf.reduce_sum(z, axis=0), *by_inputs

        return (*outputs, tf.concat(last_c, axis=0)), gradient

    *outputs, last_c = layer(kernel, recurrent, bias, *chunks)
    return outputs, last_c


def _forward(
    z_inputs: Sequence[tf.Tensor], recurrent: tf.Tensor, h: Sequence[tf.Tensor], c: Sequence[tf.Tensor]
) -> tuple[list[tf.Tensor], list[tf.Tensor], list[Step]]:
    """(h, last c by part, what the backward pass needs), by time step and then by part, as the inputs' share of z."""
    h, c = list(h), list(c)
    hidden, tape = [], []
    for number, z_input in enumerate(z_inputs):
        part = number % len(h)
        z_i, z_f, z_g, z_o = tf.split(z_input + tf.matmul(h[part], recurrent), 4, axis=1)
        i, f, g, o = tf.sigmoid(z_i), tf.sigmoid(z_f), tf.tanh(z_g), tf.sigmoid(z_o)
        c_before, c[part] = c[part], f * c[part] + i * g
        squashed = tf.tanh(c[part])
        h[part] = o * squashed
        tape.append(Step((i, f, g, o), c_before, squashed))
        hidden.append(h[part])
    return hidden, c, tape


def _backward(by_outputs: Sequence[tf.Tensor], recurrent_transposed: tf.Tensor, tape: Sequence[Step], parts: int) -> list[tf.Tensor]:
    """The cost's gradient by z from that by the outputs, both by time step and then by part."""
    h_gradient = [tf.zeros_like(step.squashed) for step in tape[-parts:]]  # from the step after; nothing follows the last
    c_gradient = list(h_gradient)
    by_z = []
    for number, ((i, f, g, o), c_before, squashed) in reversed(list(enumerate(tape))):
        part = number % parts
        by_h = h_gradient[part] + by_outputs[number]
        by_c = c_gradient[part] + _by_tanh(squashed, by_h * o)
        z_gradient = tf.concat(
            [_by_sigmoid(i, by_c * g), _by_sigmoid(f, by_c * c_before), _by_tanh(g, by_c * i), _by_sigmoid(o, by_h * squashed)], axis=1
        )
        h_gradient[part] = tf.matmul(z_gradient, recurrent_transposed)
        c_gradient[part] = by_c * f
        by_z.append(z_gradient)
    return by_z[::-1]


def _by_sigmoid(y: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """gradient * y * (1 - y), in one operation."""
    return tf.raw_ops.SigmoidGrad(y=y, dy=gradient)


def _by_tanh(y: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """gradient * (1 - y * y), in one operation."""
    return tf.raw_ops.TanhGrad(y=y, dy=gradient)


def _rows(chunk: tf.Tensor) -> tf.Tensor:
    """[steps, batch, width] as [steps * batch, width]."""
    return tf.reshape(chunk, (-1, chunk.shape[2]))


def _by_part(rows: tf.Tensor, steps: int, sizes: Sequence[int]) -> list[tf.Tensor]:
    """Rows [steps * batch, width] by time step and then by part."""
    return list(tf.split(rows, [*sizes] * steps))


def _by_chunk(values: Sequence[tf.Tensor], chunks: Sequence[tf.Tensor], parts: int) -> list[Sequence[tf.Tensor]]:
    """What lies by time step and then by part, as many steps together as each of the chunks has."""
    ends = list(itertools.accumulate((parts * chunk.shape[0] for chunk in chunks), initial=0))
    return [values[start:end] for start, end in itertools.pairwise(ends)]
