"""Operations and bytes of the hot paths: by hand for a small model, and against TensorFlow's own count."""

import dataclasses

import numpy as np
import pytest

from lm.config import CONFIGS
from lm.hot_paths import costs

# One token a step and batch: widths 3 → 2 → 4, a vocabulary of 5.
SMALL = dataclasses.replace(
    CONFIGS["tiny"], name="by hand", vocabulary_size=5, embedding_size=3, layer_sizes=(2, 4), batch_size=1, num_steps=1
)
# 5·3 embedding; (3 + 2)·8 + 8; (2 + 4)·16 + 16; 4·5 + 5
EMBEDDING, OTHERS = 15, 48 + 112 + 25
TOUCHED = 3 + OTHERS  # one embedding row


def test_products_by_hand() -> None:
    """2·(3 + 2)·8 + 2·(2 + 4)·16 + 2·4·5 = 80 + 192 + 40 operations a token; three times that for a training step."""
    assert costs.product_flops(SMALL) == 312
    assert costs.product_flops(dataclasses.replace(SMALL, batch_size=7, num_steps=2)) == 14 * 312
    assert costs.step(SMALL).flops == 3 * 312
    assert costs.forward(SMALL).flops == costs.evaluation(SMALL).flops == 312
    assert costs.clip(SMALL, dense=True).flops == costs.update(SMALL).flops == 0


def test_bytes_by_hand() -> None:
    """Four bytes a value, and an id."""
    assert SMALL.parameter_count() == EMBEDDING + OTHERS
    assert costs.forward(SMALL).bytes == 4 * (1 + TOUCHED + 5)  # the id, the weights, the logits
    assert costs.evaluation(SMALL).bytes == 4 * (2 + TOUCHED)
    assert costs.step(SMALL).bytes == 4 * (2 + 2 * TOUCHED)
    assert costs.clip(SMALL, dense=False).bytes == 4 * 2 * TOUCHED
    assert costs.clip(SMALL, dense=True).bytes == 4 * 2 * (EMBEDDING + OTHERS)
    assert costs.update(SMALL).bytes == 4 * 3 * TOUCHED
    assert costs.inputs(SMALL).bytes == 4 * 2
    assert costs.dropout(SMALL).bytes == 4 * 2 * (3 + 2 + 4)
    assert costs.inputs(dataclasses.replace(SMALL, keep_probability=0.5)).bytes == 4 * (2 + 3 + 2 + 4)


def test_many_calls_cost_many_times_as_much() -> None:
    assert costs.Cost(2, 3).times(4) == costs.Cost(8, 12)


@pytest.mark.tensorflow
def test_tensorflow_counts_the_same_products() -> None:
    """The model's products written out step by step: TensorFlow's profiler doesn't enter a loop's body."""
    import tensorflow as tf

    config = dataclasses.replace(SMALL, batch_size=3, num_steps=2)
    kernels = [
        np.zeros(shape, np.float32)
        for name, shape in config.weight_shapes().items()
        if len(shape) == 2 and name != "embedding"
    ]

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]  # TensorFlow ships no types
    def products(tokens: tf.Tensor) -> list[tf.Tensor]:
        found = []
        for _ in range(config.num_steps):
            hidden = tokens
            for size, kernel, recurrent in zip(config.layer_sizes, kernels[0:4:2], kernels[1:4:2], strict=True):
                gates = tf.matmul(hidden, kernel) + tf.matmul(
                    tf.zeros((config.batch_size, size)) * tokens[0, 0], recurrent
                )
                hidden = gates[:, :size]
            found.append(tf.matmul(hidden, kernels[-1]))
        return found

    graph = products.get_concrete_function(tf.TensorSpec((config.batch_size, config.embedding_size), tf.float32)).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    counted = tf.compat.v1.profiler.profile(graph, cmd="op", options=options)
    matmul = next(child for child in [counted, *_descendants(counted)] if child.name == "MatMul")
    assert matmul.float_ops == costs.product_flops(config)


def _descendants(node: "object") -> list["object"]:
    children = list(getattr(node, "children", ()))
    return [*children, *(deeper for child in children for deeper in _descendants(child))]
