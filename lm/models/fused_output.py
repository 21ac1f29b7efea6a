"""The output layer of `fused` with its softmax cross-entropy, chunk by chunk of rows.

The gradient is formed in the forward pass. By the logits it is (softmax - one-hot) * scale. It takes the softmax's
place in memory, and the scale is applied to the other factor of each product, which is smaller. The bias goes with the
kernel, as the weights of one more unit that is always 1.
"""

import math

import tensorflow as tf

from lm.models.fused_parts import Backward, gradient_scope, shares
from lm.models.xla import traced_for_xla

CHUNK_BYTES = 24 * 2**20  # of a chunk's logits at most, unless it is a single row: docs/fused.md has the measurements

# -log(probability) is exact to rounding down to here; of smaller ones float32, and oneDNN's exp, keep fewer digits or
# none.
LEAST_PROBABILITY = 1e-30


def chunk_sizes(rows: int, vocabulary: int) -> list[int]:
    """Returns the rows of each chunk: as few chunks as CHUNK_BYTES allows."""
    return shares(rows, math.ceil(rows / max(CHUNK_BYTES // (4 * vocabulary), 1)))  # float32


def summed_cross_entropy(
    rows: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, targets: tf.Tensor, scale: float
) -> tf.Tensor:
    """Returns scale times the sum of the cross-entropies of logits rows @ kernel + bias with target ids, a scalar.

    Rows [rows, size], targets [rows], kernel [size, vocabulary], bias [vocabulary].
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow ships no types
    def loss(rows: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tuple[tf.Tensor, Backward]:
        scope = gradient_scope()
        weights = tf.concat([kernel, bias[tf.newaxis]], axis=0)
        units = tf.concat([rows, tf.ones((rows.shape[0], 1))], axis=1)
        sizes = chunk_sizes(rows.shape[0], kernel.shape[1])
        chunks = zip(tf.split(units, sizes), tf.split(targets, sizes), strict=True)
        losses, by_rows, by_weights = zip(
            *(_chunk(some, weights, kernel, ids, scale) for some, ids in chunks), strict=True
        )

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            with tf.name_scope(scope):
                by_kernel, by_bias = tf.split(upstream * tf.add_n(by_weights), [kernel.shape[0], 1])
                return upstream * tf.concat(by_rows, axis=0), by_kernel, by_bias[0]

        return tf.add_n(losses), gradient

    return loss(rows, kernel, bias)


def _chunk(
    units: tf.Tensor, weights: tf.Tensor, kernel: tf.Tensor, ids: tf.Tensor, scale: float
) -> tuple[tf.Tensor, ...]:
    """Returns (scaled sum of the losses; its gradient by rows [rows, size], by weights [size + 1, vocabulary]).

    The logits are units [rows, size + 1] @ weights [size + 1, vocabulary]; `kernel` [size, vocabulary] is without the
    bias.
    """
    softmax = tf.nn.softmax(tf.matmul(units, weights))
    places = tf.stack([tf.range(ids.shape[0]), ids], axis=1)
    probabilities = tf.gather_nd(softmax, places)
    loss = tf.cond(
        tf.reduce_min(probabilities) > LEAST_PROBABILITY,
        lambda: -tf.reduce_sum(tf.math.log(probabilities)),
        lambda: _summed_from_logits(tf.matmul(units, weights), places),
    )
    with tf.name_scope(gradient_scope()):
        minus_ones = -tf.ones(ids.shape)
        # The softmax must have no other consumer: it is updated in place.
        with tf.control_dependencies([probabilities]):
            by_logits = _added_in_place(softmax, places, minus_ones)
        by_rows = scale * tf.matmul(by_logits, kernel, transpose_b=True)
        by_weights = tf.matmul(scale * units, by_logits, transpose_a=True)
    return scale * loss, by_rows, by_weights


def _summed_from_logits(logits: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    """Returns the sum of the cross-entropies of logits [rows, vocabulary], however improbable the targets are.

    `places` [rows, 2] are the targets' rows and ids.
    """
    shifted = logits - tf.reduce_max(logits, axis=1, keepdims=True)
    return tf.reduce_sum(tf.math.log(tf.reduce_sum(tf.exp(shifted), axis=1)) - tf.gather_nd(shifted, places))


def _added_in_place(values: tf.Tensor, places: tf.Tensor, updates: tf.Tensor) -> tf.Tensor:
    """Adds like tf.tensor_scatter_nd_add, which always copies, but in place if `values` has no other consumer."""
    if traced_for_xla():  # XLA has no ScatterNdNonAliasingAdd, and decides itself what it copies
        return tf.tensor_scatter_nd_add(values, places, updates)
    return tf.raw_ops.ScatterNdNonAliasingAdd(input=values, indices=places, updates=updates)
