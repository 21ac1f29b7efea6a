"""Implementation `fused`: the model in core TensorFlow operations, without Keras, made to be as fast as TensorFlow allows.

Everything is time-major inside ([steps, batch, width]), so that a time step is a contiguous block. docs/fused.md says what each
choice brings. Name scopes tell `tfgate profile` which layer an operation belongs to.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from lm.config import Config
from lm.fused_lstm import lstm_layer
from lm.fused_output import summed_cross_entropy

ROWS_PER_UNIT = 1.5  # of a chunk, for each unit of the last layer: docs/fused.md has the measurements


def chunk_lengths(config: Config) -> list[int]:
    """Time steps of each chunk: as many chunks as leave each with more logits than the output layer's gradient has values."""
    rows = ROWS_PER_UNIT * config.layer_sizes[-1]
    count = min(max(round(config.tokens_per_step / rows), 1), config.num_steps)
    return [config.num_steps // count + (chunk < config.num_steps % count) for chunk in range(count)]


class Model:
    """Embedding → LSTM layers → output layer.

    `variables` are the trainable weights in the order of Config.weight_shapes, `states` those of Config.state_shapes; all are zero
    until somebody assigns to them. `learning_rate` is a variable, too.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.variables = [tf.Variable(tf.zeros(shape), name=name) for name, shape in config.weight_shapes().items()]
        self.states = [tf.Variable(tf.zeros(shape), trainable=False, name=name) for name, shape in config.state_shapes().items()]
        self.learning_rate = tf.Variable(config.learning_rate, trainable=False, name="learning_rate")

    def logits(self, inputs: tf.Tensor, masks: Sequence[tf.Tensor] = ()) -> tf.Tensor:
        """Logits [batch, steps, vocabulary] for ids [batch, steps]; the states move on. No masks: nothing is dropped."""
        kernel, bias = self.variables[-2:]
        chunks = self._hidden(inputs, masks)
        with tf.name_scope("output"):
            hidden = tf.transpose(tf.concat(chunks, axis=0), (1, 0, 2))
            return tf.nn.bias_add(tf.tensordot(hidden, kernel, axes=1), bias)

    def loss(
        self, inputs: tf.Tensor, targets: tf.Tensor, masks: Sequence[tf.Tensor] = (), with_logits: Any = None
    ) -> tuple[tf.Tensor, None]:
        """(sum over time of the batch mean of the cross-entropy, a scalar; None), for ids [batch, steps]; the states move on.

        There are never all logits at once, whatever `with_logits` asks for.
        """
        hidden = self._hidden(inputs, masks)
        with tf.name_scope("output"):
            chunks = [tf.reshape(chunk, (-1, chunk.shape[2])) for chunk in hidden]
            ids = [tf.reshape(chunk, [-1]) for chunk in self._by_time(targets)]
            kernel, bias = map(tf.convert_to_tensor, self.variables[-2:])
            return summed_cross_entropy(chunks, kernel, bias, ids, 1 / self.config.batch_size), None

    def update(self, gradients: Sequence[Any]) -> None:
        """Moves the weights against `gradients`, one for each of `variables`, times the learning rate."""
        with tf.name_scope("sgd"):
            rate = tf.convert_to_tensor(self.learning_rate)
            for variable, gradient in zip(self.variables, gradients, strict=True):
                if isinstance(gradient, tf.IndexedSlices):
                    variable.scatter_sub(tf.IndexedSlices(rate * gradient.values, gradient.indices))
                else:
                    tf.raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=rate, delta=gradient)

    def _hidden(self, inputs: tf.Tensor, masks: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """What the output layer reads, in chunks of time [steps, batch, size of the last layer]; the states move on."""
        with tf.name_scope("dropout"):
            scales: list[list[tf.Tensor] | None] = [self._by_time(mask / self.config.keep_probability) for mask in masks]
        scales = scales or [None] * (1 + len(self.config.layer_sizes))
        with tf.name_scope("embedding"):
            hidden = self._by_time(tf.gather(self.variables[0], inputs))  # gathered so, the gradient's ids are inputs
        hidden = _scaled(hidden, scales[0])
        for layer, scale in enumerate(scales[1:]):
            with tf.name_scope(f"lstm_{layer}"):
                kernel, recurrent, bias = map(tf.convert_to_tensor, self.variables[1 + 3 * layer : 4 + 3 * layer])
                h, c = self.states[2 * layer : 2 * layer + 2]
                hidden, last_c = lstm_layer(hidden, kernel, recurrent, bias, tf.convert_to_tensor(h), tf.convert_to_tensor(c))
                h.assign(hidden[-1][-1])
                c.assign(last_c)
            hidden = _scaled(hidden, scale)
        return hidden

    def _by_time(self, values: tf.Tensor) -> list[tf.Tensor]:
        """[batch, steps, ...] as chunks of time, each [steps, batch, ...]."""
        time_major = tf.transpose(values, (1, 0, *range(2, len(values.shape))))
        return list(tf.split(time_major, chunk_lengths(self.config)))


def _scaled(chunks: list[tf.Tensor], scale: list[tf.Tensor] | None) -> list[tf.Tensor]:
    """The chunks times their dropout factors; None: nothing is dropped."""
    with tf.name_scope("dropout"):
        return chunks if scale is None else [chunk * factor for chunk, factor in zip(chunks, scale, strict=True)]
