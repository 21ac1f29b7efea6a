"""The base of implementations made of Keras layers: embedding, output layer, TensorFlow's cross-entropy, Keras' SGD."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import tensorflow as tf

from lm.compat import rnn_states, tf_variable
from lm.config import Config


class KerasModel(ABC):
    """Embedding → recurrent layers → Dense; implements lm.models.protocol.Model."""

    def __init__(self, config: Config, recurrent: Sequence[tf.keras.layers.RNN], widths: Sequence[int]) -> None:
        """Builds the model.

        `recurrent` are stateful Keras RNNs, which are built here for inputs as wide as `widths`.
        """
        self.config = config
        shape = (config.batch_size, config.num_steps)
        self._embedding = tf.keras.layers.Embedding(config.vocabulary_size, config.embedding_size)
        self._recurrent = recurrent
        self._output = tf.keras.layers.Dense(config.vocabulary_size)
        self._embedding.build(shape)
        for rnn, width in zip(recurrent, widths, strict=True):
            rnn.build((*shape, width))
        self._output.build((*shape, config.layer_sizes[-1]))
        layers = (self._embedding, *recurrent, self._output)
        self.keras_variables = [variable for layer in layers for variable in layer.trainable_variables]
        self.variables = [tf_variable(variable) for variable in self.keras_variables]
        self.states = [state for rnn in recurrent for state in rnn_states(rnn)]
        self._optimizer = tf.keras.optimizers.SGD(learning_rate=config.learning_rate)
        self._optimizer.build(self.keras_variables)  # now: inside a tf.function only the first call could

    @property
    def learning_rate(self) -> tf.Variable:
        """Returns the variable that holds the learning rate of the updates to come."""
        return self._optimizer.learning_rate

    @abstractmethod
    def logits(self, inputs: tf.Tensor, masks: Sequence[tf.Tensor] = ()) -> tf.Tensor:
        """Returns logits [batch, steps, vocabulary] for ids [batch, steps] and moves the states on.

        No masks: nothing is dropped.
        """

    def loss(
        self,
        inputs: tf.Tensor,
        targets: tf.Tensor,
        masks: Sequence[tf.Tensor] = (),
        with_logits: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Returns (cost, logits or None) as the protocol says, for ids [batch, steps]."""
        logits = self.logits(inputs, masks)
        kept = None if with_logits is None else _kept(logits, with_logits)
        with tf.control_dependencies([] if kept is None else [kept]):
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
        return tf.reduce_sum(losses) / self.config.batch_size, kept

    def update(self, gradients: Sequence[tf.Tensor | tf.IndexedSlices]) -> None:
        """Moves the weights against `gradients`, one for each of `variables`, times the learning rate."""
        self._optimizer.apply_gradients(zip(gradients, self.keras_variables, strict=True))


def _kept(logits: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
    """Returns the logits where `wanted`, a scalar, is true, else [0, steps, vocabulary].

    The cross-entropy must wait for this. The cross-entropy writes its gradient over logits that have no other consumer
    and allocates memory if they have one, which made a step of `notebook` 23% longer when they were always handed out.
    """
    return tf.cond(wanted, lambda: tf.identity(logits), lambda: tf.zeros((0, *logits.shape[1:])))
