"""The output layer of `fused` with its softmax cross-entropy, chunk by chunk of rows; the gradient is formed in the forward pass.

With m the largest logit of a row, e = exp(logits - m) and s the sum of e over the row, softmax = e / s. So the gradient by the logits,
(softmax - one-hot) * scale, is (e - s * one-hot) with each row multiplied by scale / s. That factor goes to what stands beside e in the
products, where it costs least: the big matrix is written once.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from lm.fused_scope import gradient_scope


def summed_cross_entropy(
    chunks: Sequence[tf.Tensor], kernel: tf.Tensor, bias: tf.Tensor, targets: Sequence[tf.Tensor], scale: float
) -> Any:
    """scale times the sum of the cross-entropies of logits chunk @ kernel + bias with target ids, a scalar.

    Chunks [rows, size], their targets [rows], kernel [size, vocabulary], bias [vocabulary]. A chunk's logits become its gradient while
    they are in the cache, and are never kept.
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow ships no types
    def loss(kernel: tf.Tensor, bias: tf.Tensor, *chunks: tf.Tensor) -> Any:
        scope = gradient_scope()
        found: list[tuple[tf.Tensor, ...]] = []
        for rows, ids in zip(chunks, targets, strict=True):
            found.append(_chunk(rows, kernel, bias, ids, scale, [found[-1][0]] if found else []))
        losses, by_rows, by_kernel, by_bias = zip(*found, strict=True)

        def gradient(upstream: tf.Tensor) -> Any:
            with tf.name_scope(scope):
                return upstream * tf.add_n(by_kernel), upstream * tf.add_n(by_bias), *(upstream * part for part in by_rows)

        return tf.add_n(losses), gradient

    return loss(kernel, bias, *chunks)


def _chunk(
    rows: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, ids: tf.Tensor, scale: float, after: Sequence[tf.Tensor]
) -> tuple[tf.Tensor, ...]:
    """(scaled sum of the losses, its gradients by rows, kernel and bias)."""
    logits = tf.nn.bias_add(tf.matmul(rows, kernel), bias)
    with tf.control_dependencies(after):  # of chunks one at a time: TensorFlow 2.21 crashes where XLA runs one program twice at once
        loss, e, s = _exponentials(logits, ids)
    with tf.name_scope(gradient_scope()):
        factor = scale / s
        by_rows = tf.matmul(e, kernel, transpose_b=True) * factor[:, tf.newaxis]
        by_kernel = tf.matmul(rows * factor[:, tf.newaxis], e, transpose_a=True)
        by_bias = tf.matmul(factor[tf.newaxis], e)[0]
    return scale * loss, by_rows, by_kernel, by_bias


@tf.function(jit_compile=True, autograph=False)  # type: ignore[untyped-decorator]  # TensorFlow ships no types
def _exponentials(logits: tf.Tensor, ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """(sum of the cross-entropies of logits with target ids [rows], e - s * one-hot [rows, vocabulary], s [rows])."""
    largest = tf.reduce_max(logits, axis=1, keepdims=True)
    shifted = logits - largest
    e = tf.exp(shifted)
    s = tf.reduce_sum(e, axis=1)
    loss = tf.reduce_sum(tf.math.log(s) - tf.gather(shifted, ids, axis=1, batch_dims=1))
    return loss, tf.tensor_scatter_nd_sub(e, tf.stack([tf.range(ids.shape[0]), ids], axis=1), s), s
