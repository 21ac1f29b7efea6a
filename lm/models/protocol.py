"""The interface of every implementation of the model."""

import importlib
from collections.abc import Sequence
from typing import Protocol

import tensorflow as tf

from lm.config import Config


class Model(Protocol):
    """A stacked LSTM language model on TensorFlow's variables.

    Its methods are TensorFlow operations, eager or in a graph.
    """

    @property
    def variables(self) -> Sequence[tf.Variable]:
        """Returns the trainable weights, in the order and the shapes of Config.weight_shapes."""

    @property
    def states(self) -> Sequence[tf.Variable]:
        """Returns the recurrent state, in the order and the shapes of Config.state_shapes."""

    @property
    def learning_rate(self) -> tf.Variable:
        """Returns the learning rate of the updates to come, a scalar."""

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
        """Returns (cost, logits or None) and moves the states on.

        The cost, a scalar, is the sum over time of the batch mean of the cross-entropy. Inputs and targets are ids
        [batch, steps]. The logits are [batch, steps, vocabulary] where the scalar `with_logits` is true and [0, steps,
        vocabulary] where it is false; None without it, and from an implementation that never holds them.
        """

    def update(self, gradients: Sequence[tf.Tensor | tf.IndexedSlices]) -> None:
        """Moves the weights against `gradients`, one for each of `variables`, times the learning rate."""


def build(implementation: str, config: Config) -> Model:
    """Builds the model of module lm.models.<implementation>; its weights are arbitrary until they are assigned."""
    model: Model = importlib.import_module(f"lm.models.{implementation}").Model(config)
    return model
