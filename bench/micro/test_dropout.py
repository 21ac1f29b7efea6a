"""TensorFlow's own dropout. The models don't use it: their masks are given, so that every version has the same ones."""

from typing import Any

import numpy as np

from bench.micro.answers import require_dropout
from bench.micro.case import Case
from lm.hot_paths import costs, paths, tensors

RATE_WHERE_NONE = 0.5  # for configurations that drop nothing


def test_dropout(case: Case) -> None:
    """Times `tf.nn.dropout` of the activations after the embedding and after each layer, [batch, steps, width]."""
    config = case.config
    rate = 1 - config.keep_probability or RATE_WHERE_NONE
    stream = np.random.RandomState(config.seed)
    shapes = [(config.batch_size, config.num_steps, width) for width in (config.embedding_size, *config.layer_sizes)]
    activations = [
        [(1 + stream.random_sample(shape)).astype(np.float32) for shape in shapes] for _ in case.material.batches
    ]

    def check(found: Any) -> None:
        require_dropout(found, activations[0], rate)

    case.measure(
        paths.dropout(rate, case.device, case.mode),
        [(tensors.put(one, case.device),) for one in activations],
        check=check,
        cost=costs.dropout(config),
    )
