"""Implementation `fused`: the model in core TensorFlow operations, without Keras, made to be as fast as TensorFlow allows.

Everything is time-major inside ([steps, batch, width]), so that a time step is a contiguous block. docs/fused.md says what each
choice brings.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from lm.config import Config
from lm.fused_lstm import lstm_layer
from lm.fused_output import summed_cross_entropy


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
        hidden = tf.transpose(self._hidden(inputs, masks), (1, 0, 2))
        logits = tf.matmul(tf.reshape(hidden, (-1, hidden.shape[2])), kernel) + bias
        return tf.reshape(logits, (*hidden.shape[:2], self.config.vocabulary_size))

    def loss(
        self, inputs: tf.Tensor, targets: tf.Tensor, masks: Sequence[tf.Tensor] = (), with_logits: Any = None
    ) -> tuple[tf.Tensor, None]:
        """(sum over time of the batch mean of the cross-entropy, a scalar; None), for ids [batch, steps]; the states move on.

        There are never all logits at once, whatever `with_logits` asks for.
        """
        hidden = self._hidden(inputs, masks)
        rows = tf.reshape(hidden, (-1, hidden.shape[2]))
        kernel, bias = map(tf.convert_to_tensor, self.variables[-2:])
        scale = 1 / self.config.batch_size
        return summed_cross_entropy(rows, kernel, bias, tf.reshape(tf.transpose(targets), [-1]), scale), None

    def update(self, gradients: Sequence[Any]) -> None:
        """Moves the weights against `gradients`, one for each of `variables`, times the learning rate."""
        rate = tf.convert_to_tensor(self.learning_rate)
        for variable, gradient in zip(self.variables, gradients, strict=True):
            if isinstance(gradient, tf.IndexedSlices):
                variable.scatter_sub(tf.IndexedSlices(rate * gradient.values, gradient.indices))
            else:
                tf.raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=rate, delta=gradient)

    def _hidden(self, inputs: tf.Tensor, masks: Sequence[tf.Tensor]) -> tf.Tensor:
        """What the output layer reads, [steps, batch, size of the last layer]; the states move on."""
        scales = [tf.transpose(mask, (1, 0, 2)) / self.config.keep_probability for mask in masks]
        hidden = tf.transpose(tf.gather(self.variables[0], inputs), (1, 0, 2))  # in this order the gradient's ids stay batch by batch
        if scales:
            hidden *= scales[0]
        for layer in range(len(self.config.layer_sizes)):
            kernel, recurrent, bias = map(tf.convert_to_tensor, self.variables[1 + 3 * layer : 4 + 3 * layer])
            h, c = self.states[2 * layer : 2 * layer + 2]
            hidden, last_c = lstm_layer(hidden, kernel, recurrent, bias, tf.convert_to_tensor(h), tf.convert_to_tensor(c))
            h.assign(hidden[-1])
            c.assign(last_c)
            if scales:
                hidden *= scales[layer + 1]
        return hidden
