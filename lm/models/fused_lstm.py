"""One LSTM layer of `fused`, forward and backward, in core TensorFlow operations.

The formulas are those of lm/oracle/lstm.py. The batch goes in parts that never wait for each other, neither here nor
between layers: the products of one time step are too small for two cores, those of two parts aren't. A part's rows lie
time step by time step, so that a time step is a contiguous block, and what does not depend on the step before is one
product for all time steps. The gradient is written out, so that this holds for its products, too.
"""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from lm.models.fused_parts import Backward, gradient_scope, shares

# The batch goes in two parts where the recurrent weights stay in a core's cache, so that reading them twice costs
# nothing; else in one.
CACHED_BYTES = 2 * 2**20


class Step(NamedTuple):
    """The values of a time step's forward pass that its backward pass needs, each [part, size]."""

    gates: Sequence[tf.Tensor]  # after their activations: input, forget, cell candidate, output
    c_before: tf.Tensor
    squashed: tf.Tensor  # tanh of the new c


def part_sizes(batch: int, size: int) -> list[int]:
    """Returns how many rows of the batch each part has, if the largest layer has that size."""
    return shares(batch, min(2 if 4 * size**2 * 4 <= CACHED_BYTES else 1, batch))  # float32


def lstm_layer(
    inputs: Sequence[tf.Tensor],
    kernel: tf.Tensor,
    recurrent: tf.Tensor,
    bias: tf.Tensor,
    h: Sequence[tf.Tensor],
    c: Sequence[tf.Tensor],
) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """Returns (outputs [steps * part, size], last c [part, size]), both by part.

    `inputs` are [steps * part, width], `h` and `c` [part, size], by part. Inputs that are there at the same time come
    as one tensor, part after part: one product of them is faster. kernel [width, 4 * size], recurrent [size, 4 * size],
    bias [4 * size]; the gates lie in Keras' order: input, forget, cell, output. No gradient reaches the state and none
    comes from the last c: the states that a batch starts from and ends in are constants.
    """
    parts = range(len(h))
    steps = sum(rows.shape[0] for rows in inputs) // sum(state.shape[0] for state in h)

    def by_part(rows: Sequence[tf.Tensor]) -> Sequence[tf.Tensor]:
        return rows if len(rows) == len(parts) else tf.split(rows[0], [steps * state.shape[0] for state in h])

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow ships no types
    def layer(
        kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor, *inputs: tf.Tensor
    ) -> tuple[tuple[tf.Tensor, ...], Backward]:
        scope = gradient_scope()
        z_inputs = by_part([tf.nn.bias_add(tf.matmul(rows, kernel), bias) for rows in inputs])
        all_h, last_c, tapes = zip(
            *(_forward(z_inputs[part], recurrent, h[part], c[part]) for part in parts), strict=True
        )

        def gradient(*upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            with tf.name_scope(scope):
                transposed = _transposed(recurrent)
                by_z = [_backward(upstream[part], transposed, tapes[part]) for part in parts]
                by_inputs = [tf.matmul(z, kernel, transpose_b=True) for z in by_z]
                before = [all_h[part][: -h[part].shape[0]] for part in parts]
                by_kernel, by_recurrent = (_summed_products(rows, by_z) for rows in (by_part(inputs), before))
                # Products with ones are faster than sums over rows.
                by_bias = tf.add_n([tf.matmul(tf.ones((1, z.shape[0])), z)[0] for z in by_z])
                return (
                    by_kernel,
                    by_recurrent,
                    by_bias,
                    *(by_inputs if len(inputs) == len(parts) else [tf.concat(by_inputs, axis=0)]),
                )

        return (*(all_h[part][h[part].shape[0] :] for part in parts), *last_c), gradient

    found = layer(kernel, recurrent, bias, *inputs)
    return list(found[: len(parts)]), list(found[len(parts) :])


def _forward(
    z_inputs: tf.Tensor, recurrent: tf.Tensor, h: tf.Tensor, c: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, list[Step]]:
    """Returns (h [(1 + steps) * part, size] with the initial one; last c [part, size]; a Step a time step) of a part.

    `z_inputs` [steps * part, 4 * size] is what inputs and bias contribute to the gates' logits.
    """
    hidden, tape = [h], []
    for z_input in tf.split(z_inputs, z_inputs.shape[0] // h.shape[0]):
        z_i, z_f, z_g, z_o = tf.split(z_input + tf.matmul(h, recurrent), 4, axis=1)
        i, f, g, o = tf.sigmoid(z_i), tf.sigmoid(z_f), tf.tanh(z_g), tf.sigmoid(z_o)
        c_before, c = c, f * c + i * g
        squashed = tf.tanh(c)
        h = o * squashed
        tape.append(Step((i, f, g, o), c_before, squashed))
        hidden.append(h)
    return tf.concat(hidden, axis=0), c, tape


def _backward(by_outputs: tf.Tensor, recurrent_transposed: tf.Tensor, tape: Sequence[Step]) -> tf.Tensor:
    """Returns the cost's gradient by z [steps * part, 4 * size] from that by a part's outputs [steps * part, size]."""
    h_gradient = c_gradient = tf.zeros_like(tape[-1].squashed)  # from the step after; the last has none
    by_z = []
    for by_output, ((i, f, g, o), c_before, squashed) in zip(
        tf.split(by_outputs, len(tape))[::-1], tape[::-1], strict=True
    ):
        by_h = h_gradient + by_output
        by_c = c_gradient + _by_tanh(squashed, by_h * o)
        z_gradient = tf.concat(
            [
                _by_sigmoid(i, by_c * g),
                _by_sigmoid(f, by_c * c_before),
                _by_tanh(g, by_c * i),
                _by_sigmoid(o, by_h * squashed),
            ],
            axis=1,
        )
        h_gradient = tf.matmul(z_gradient, recurrent_transposed)
        c_gradient = by_c * f
        by_z.append(z_gradient)
    return tf.concat(by_z[::-1], axis=0)


def _transposed(recurrent: tf.Tensor) -> tf.Tensor:
    """Returns [size, 4 * size] transposed, once for all time steps.

    TensorFlow's optimizer would turn a plain transpose into products with a transposed factor again.
    """
    size = recurrent.shape[0]
    return tf.reshape(tf.transpose(tf.reshape(recurrent, (size, 4, size)), (1, 2, 0)), (4 * size, size))


def _summed_products(left: Sequence[tf.Tensor], right: Sequence[tf.Tensor]) -> tf.Tensor:
    """Returns the sum over parts of leftᵀ right [left width, right width]."""
    return tf.add_n([tf.matmul(a, b, transpose_a=True) for a, b in zip(left, right, strict=True)])


def _by_sigmoid(y: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """Returns gradient * y * (1 - y), in one operation."""
    return tf.raw_ops.SigmoidGrad(y=y, dy=gradient)


def _by_tanh(y: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """Returns gradient * (1 - y * y), in one operation."""
    return tf.raw_ops.TanhGrad(y=y, dy=gradient)
