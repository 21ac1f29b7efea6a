"""The least that the hot paths cost: floating-point operations of their matrix products, and bytes that must move.

An LSTM layer of width n over inputs of width m multiplies, for each token, [m] by [m, 4n] and [n] by [n, 4n]; the
output layer [n] by [n, vocabulary]. A product of [r, k] by [k, c] is r·c sums of k products: 2·r·k·c operations. The
gradient of each product is two more of the same size, one by its input and one by its weight, so that a training step
costs three forward passes. What is not a product (gates, softmax, clipping, the update) is not counted: it is bound by
memory, which the bytes tell.

Bytes are those of a path's arguments and results, each moved once; of the embedding the rows that a batch reads.
Nothing that lies between (logits in a training step, activations) is counted, since an implementation may avoid it.
"""

import dataclasses
import math

from lm.config import Config

FLOAT_BYTES = 4
ID_BYTES = 4


@dataclasses.dataclass(frozen=True)
class Cost:
    """The least work of one call."""

    flops: int  # of matrix products
    bytes: int  # of arguments and results

    def times(self, count: int) -> "Cost":
        """Returns the cost of that many calls."""
        return Cost(self.flops * count, self.bytes * count)


def product_flops(config: Config) -> int:
    """Returns the operations of one forward pass' matrix products over one batch."""
    widths = (config.embedding_size, *config.layer_sizes)
    layers = sum(2 * (width + size) * 4 * size for width, size in zip(widths, config.layer_sizes, strict=False))
    return config.tokens_per_step * (layers + 2 * config.layer_sizes[-1] * config.vocabulary_size)


def forward(config: Config) -> Cost:
    """Returns the cost of one batch's logits."""
    logits = config.tokens_per_step * config.vocabulary_size
    return Cost(product_flops(config), _ids(config) + FLOAT_BYTES * (_touched(config) + logits))


def evaluation(config: Config) -> Cost:
    """Returns the cost of one batch's loss, without training."""
    return Cost(product_flops(config), 2 * _ids(config) + FLOAT_BYTES * _touched(config))


def clip(config: Config, *, dense: bool = False) -> Cost:
    """Returns the cost of gradients read and written, the embedding's as rows or, `dense`, as a whole."""
    return Cost(0, FLOAT_BYTES * 2 * (config.parameter_count() if dense else _touched(config)))


def update(config: Config) -> Cost:
    """Returns the cost of clipped gradients and weights read, and weights written."""
    return Cost(0, FLOAT_BYTES * 3 * _touched(config))


def step(config: Config) -> Cost:
    """Returns the cost of one training step, or of its loss and gradients alone; as many values are written as read."""
    return Cost(3 * product_flops(config), 2 * _ids(config) + FLOAT_BYTES * 2 * _touched(config))


def inputs(config: Config) -> Cost:
    """Returns the cost of one batch's ids and dropout masks."""
    return Cost(0, 2 * _ids(config) + FLOAT_BYTES * sum(math.prod(shape) for shape in config.mask_shapes()))


def dropout(config: Config) -> Cost:
    """Returns the cost of the activations after the embedding and after each layer, read and written."""
    return Cost(0, FLOAT_BYTES * 2 * config.tokens_per_step * sum((config.embedding_size, *config.layer_sizes)))


def _ids(config: Config) -> int:
    return ID_BYTES * config.tokens_per_step


def _touched(config: Config) -> int:
    """Counts the weights that a batch reads: an embedding row a token, and all the others."""
    return (
        config.tokens_per_step * config.embedding_size
        + config.parameter_count()
        - config.vocabulary_size * config.embedding_size
    )
