"""The output layer of `fused` with its softmax cross-entropy, in chunks of rows; the gradient is formed in the forward pass."""

from typing import Any

import tensorflow as tf

CHUNK_ROWS = 200


def summed_cross_entropy(rows: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, targets: tf.Tensor, scale: float) -> Any:
    """scale times the sum of the cross-entropies of logits rows @ kernel + bias [rows, vocabulary] with target ids [rows], a scalar.

    rows [rows, size], kernel [size, vocabulary], bias [vocabulary]. A chunk's logits become its gradient while they are in the
    cache, and are never kept.
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow ships no types
    def loss(rows: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> Any:
        chunks = []
        for start in range(0, rows.shape[0], CHUNK_ROWS):
            chunk = slice(start, start + CHUNK_ROWS)
            logits = tf.nn.bias_add(tf.matmul(rows[chunk], kernel), bias)
            losses, by_logits = tf.raw_ops.SparseSoftmaxCrossEntropyWithLogits(features=logits, labels=targets[chunk])
            by_logits *= scale
            chunks.append(
                (
                    tf.reduce_sum(losses),
                    tf.matmul(by_logits, kernel, transpose_b=True),
                    tf.matmul(rows[chunk], by_logits, transpose_a=True),
                    tf.reduce_sum(by_logits, axis=0),
                )
            )
        losses, by_rows, by_kernel, by_bias = zip(*chunks, strict=True)

        def gradient(upstream: tf.Tensor) -> Any:
            return upstream * tf.concat(by_rows, axis=0), upstream * tf.add_n(by_kernel), upstream * tf.add_n(by_bias)

        return scale * tf.add_n(losses), gradient

    return loss(rows, kernel, bias)
