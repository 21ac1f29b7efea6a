"""Implementation `fused`: the model in core TensorFlow operations, without Keras, as fast as TensorFlow allows.

From the first recurrence to the last, everything is rows [steps * part, width] of each part of the batch, time step by
time step (lm/models/fused_lstm.py); before and after, the parts lie one after the other in one tensor. docs/fused.md
says what each choice brings. Name scopes tell `tfgate profile` which layer an operation belongs to.
"""

from collections.abc import Sequence

import tensorflow as tf

from lm.config import Config
from lm.models.fused_lstm import lstm_layer, part_sizes
from lm.models.fused_output import summed_cross_entropy


class Model:
    """Embedding → LSTM layers → output layer; implements lm.models.protocol.Model.

    All weights are zero until assigned.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._parts = part_sizes(config.batch_size, max(config.layer_sizes))
        self.variables = [tf.Variable(tf.zeros(shape), name=name) for name, shape in config.weight_shapes().items()]
        self.states = [
            tf.Variable(tf.zeros(shape), trainable=False, name=name) for name, shape in config.state_shapes().items()
        ]
        self.learning_rate = tf.Variable(config.learning_rate, trainable=False, name="learning_rate")

    def logits(self, inputs: tf.Tensor, masks: Sequence[tf.Tensor] = ()) -> tf.Tensor:
        """Returns logits [batch, steps, vocabulary] for ids [batch, steps] and moves the states on.

        No masks: nothing is dropped.
        """
        kernel, bias = self.variables[-2:]
        parts = self._hidden(inputs, masks)
        with tf.name_scope("output"):
            by_step = [
                tf.reshape(rows, (self.config.num_steps, part, -1))
                for rows, part in zip(parts, self._parts, strict=True)
            ]
            hidden = _axes_swapped(tf.concat(by_step, axis=1))
            return tf.nn.bias_add(tf.tensordot(hidden, kernel, axes=1), bias)

    def loss(
        self,
        inputs: tf.Tensor,
        targets: tf.Tensor,
        masks: Sequence[tf.Tensor] = (),
        with_logits: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, None]:
        """Returns (cost, None) for ids [batch, steps]: the logits become their own gradient and are never returned."""
        parts = self._hidden(inputs, masks)
        with tf.name_scope("output"):
            kernel, bias = map(tf.convert_to_tensor, self.variables[-2:])
            ids = tf.concat(self._by_part(targets), axis=0)
            return summed_cross_entropy(tf.concat(parts, axis=0), kernel, bias, ids, 1 / self.config.batch_size), None

    def update(self, gradients: Sequence[tf.Tensor | tf.IndexedSlices]) -> None:
        """Moves the weights against `gradients`, one for each of `variables`, times the learning rate."""
        with tf.name_scope("sgd"):
            rate = tf.convert_to_tensor(self.learning_rate)
            for variable, gradient in zip(self.variables, gradients, strict=True):
                if isinstance(gradient, tf.IndexedSlices):
                    variable.scatter_sub(tf.IndexedSlices(rate * gradient.values, gradient.indices))
                else:
                    tf.raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=rate, delta=gradient)

    def _hidden(self, inputs: tf.Tensor, masks: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Returns the output layer's inputs [steps * part, last size] of each part and moves the states on."""
        with tf.name_scope("embedding"):
            hidden = [tf.gather(self.variables[0], tf.concat(self._by_part(inputs), axis=0))]
        first, *scales = self._scales(masks)
        hidden = _scaled(hidden, first)
        for layer, scale in enumerate(scales):
            with tf.name_scope(f"lstm_{layer}"):
                kernel, recurrent, bias = map(tf.convert_to_tensor, self.variables[1 + 3 * layer : 4 + 3 * layer])
                h, c = self.states[2 * layer : 2 * layer + 2]
                hidden, last_c = lstm_layer(
                    hidden, kernel, recurrent, bias, tf.split(h, self._parts), tf.split(c, self._parts)
                )
                h.assign(tf.concat([rows[-part:] for rows, part in zip(hidden, self._parts, strict=True)], axis=0))
                c.assign(tf.concat(last_c, axis=0))
            hidden = _scaled(hidden, scale)
        return hidden

    def _scales(self, masks: Sequence[tf.Tensor]) -> list[list[tf.Tensor] | None]:
        """Returns dropout factors [steps * part, width] of the embedding, in one tensor, and of each layer by part.

        `masks` are [batch, steps, width]; None stands for a layer whose outputs aren't dropped.
        """
        if not masks:
            return [None] * (1 + len(self.config.layer_sizes))
        with tf.name_scope("dropout"):
            first, *others = [self._by_part(mask / self.config.keep_probability) for mask in masks]
            return [[tf.concat(first, axis=0)], *others]

    def _by_part(self, values: tf.Tensor) -> list[tf.Tensor]:
        """Returns [batch, steps, ...] as rows [steps * part, ...] of each part of the batch, time step by time step."""
        return [tf.reshape(_axes_swapped(part), (-1, *values.shape[2:])) for part in tf.split(values, self._parts)]


def _axes_swapped(values: tf.Tensor) -> tf.Tensor:
    """Returns [batch, steps, ...] as [steps, batch, ...], and the other way round."""
    return tf.transpose(values, (1, 0, *range(2, len(values.shape))))


def _scaled(parts: list[tf.Tensor], scale: list[tf.Tensor] | None) -> list[tf.Tensor]:
    """Returns the parts' rows [steps * part, width] times their dropout factors; None: nothing is dropped."""
    with tf.name_scope("dropout"):
        return parts if scale is None else [rows * factor for rows, factor in zip(parts, scale, strict=True)]
