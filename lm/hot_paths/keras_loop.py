"""Keras' own training loop, `fit`, and its `predict`, on the layers and the weights of a trainer's model."""

from collections.abc import Sequence

import tensorflow as tf

from lm.arrays import Floats, Masks, Tokens
from lm.config import Mode
from lm.training.trainer import Trainer


class NoKerasLayersError(ValueError):
    """An implementation that Keras' loop can't train, since it isn't made of Keras' layers."""


class LoopedModel(tf.keras.Model):  # type: ignore[misc]  # TensorFlow ships no types: its classes are Any
    """Logits of (inputs, masks…) as Keras wants a model; it shares the trainer's weights and states.

    `traces` counts how often its Python ran: in a graph, once a trace. Raises NoKerasLayersError.
    """

    def __init__(self, trainer: Trainer, mode: Mode) -> None:
        super().__init__()
        layers = [
            part
            for part in tf.nest.flatten(list(vars(trainer.model).values()))
            if isinstance(part, tf.keras.layers.Layer)
        ]
        if not layers:
            raise NoKerasLayersError(
                f"{type(trainer.model).__module__} is not made of Keras' layers: its loop can't train it"
            )
        self.traces = 0
        self.parts = layers  # Keras finds the weights through this attribute
        self._logits = trainer.model.logits
        config = trainer.config
        optimizer = tf.keras.optimizers.SGD(config.learning_rate, global_clipnorm=config.clip_norm)
        self.compile(optimizer=optimizer, loss=summed_cross_entropy, run_eagerly=mode == "eager")

    def call(self, data: tf.Tensor | Sequence[tf.Tensor]) -> tf.Tensor:
        """Returns logits [batch, steps, vocabulary] for ids [batch, steps], or for a tuple of ids and masks."""
        self.traces += 1
        inputs, *masks = data if isinstance(data, (tuple, list)) else (data,)
        return self._logits(inputs, masks)


class _KerasPath:
    """A call of Keras' on the trainer's device."""

    def __init__(self, trainer: Trainer, mode: Mode) -> None:
        self._device = trainer.device
        self._options = {"batch_size": trainer.config.batch_size, "verbose": 0}
        with tf.device(self._device):
            self._model = LoopedModel(trainer, mode)

    @property
    def traces(self) -> int:
        """Returns how often the model's Python ran: in a graph, once a trace."""
        return int(self._model.traces)


class Fit(_KerasPath):
    """Keras' `fit`. Raises NoKerasLayersError."""

    def __call__(self, inputs: Tokens, targets: Tokens, masks: Masks) -> tf.keras.callbacks.History:
        """Trains for one epoch on ids [batches · batch, steps] and masks [batches · batch, steps, width]."""
        with tf.device(self._device):
            return self._model.fit(
                (inputs, *masks) if masks else inputs, targets, epochs=1, shuffle=False, **self._options
            )


class Predict(_KerasPath):
    """Keras' `predict`. Raises NoKerasLayersError."""

    def __call__(self, inputs: Tokens) -> Floats:
        """Reads ids [batches · batch, steps] once and returns logits [batches · batch, steps, vocabulary]."""
        with tf.device(self._device):
            logits: Floats = self._model.predict(inputs, **self._options)
            return logits


def summed_cross_entropy(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Returns the cross-entropy summed over time, [batch].

    Targets are ids [batch, steps], logits [batch, steps, vocabulary]. Keras takes the batch mean, which is Trainer's
    cost.
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.cast(targets, tf.int32), logits=logits)
    return tf.reduce_sum(losses, axis=1)
