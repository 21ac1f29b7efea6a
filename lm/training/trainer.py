"""Training and evaluation of one model: the step that is timed, checked against the oracle, and trained with.

The step is one concrete function. It returns what the oracle checks (loss, logits, gradients, norm, clipped gradients),
so that what is checked is what is timed; the values stay TensorFlow's until they are read.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from lm.arrays import Floats, State, Tokens, Weights
from lm.config import Config
from lm.models.protocol import build
from lm.runtime import require_device

# In the order of Config.weight_shapes; the embedding's as IndexedSlices.
Gradients = Sequence[tf.Tensor | tf.IndexedSlices]


class StepResult(NamedTuple):
    """The values that one training step computed, as TensorFlow's tensors."""

    loss: tf.Tensor  # sum over time of the batch mean of the cross-entropy, a scalar
    logits: tf.Tensor | None  # [batch, steps, vocabulary]; None unless asked for, and from `fused`, which has none
    gradients: Gradients
    global_norm: tf.Tensor  # of the gradients before clipping, a scalar
    clipped: Gradients  # those that SGD applied


class Trainer:
    """A model with its optimizer, its training step and its evaluation step, on one device.

    `implementation` names a module of lm.models. Raises DeviceError if the device is missing.
    """

    def __init__(self, config: Config, implementation: str = "cells", device: str = "cpu:0") -> None:
        require_device(device)  # TensorFlow itself would silently put everything on another
        self.config, self.implementation, self.device = config, implementation, device
        with tf.device(device):
            self.model = build(implementation, config)
        ids = tf.TensorSpec((config.batch_size, config.num_steps), tf.int32)
        masks = tuple(tf.TensorSpec(shape, tf.float32) for shape in config.mask_shapes())
        with_logits = tf.TensorSpec((), tf.bool)
        self.step_function = tf.function(self._train_step, (ids, ids, masks, with_logits), autograph=False)
        self.evaluation_function = tf.function(self._evaluation_step, (ids, ids), autograph=False)

    def loss(self, inputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """Computes, in TensorFlow operations, the cost of ids [batch, steps] without dropout, and moves the states on.

        It is a scalar: the sum over time of the batch mean.
        """
        return self.model.loss(inputs, targets)[0]

    def loss_and_gradients(
        self, inputs: tf.Tensor, targets: tf.Tensor, masks: Sequence[tf.Tensor]
    ) -> tuple[tf.Tensor, Gradients]:
        """Computes, in TensorFlow operations, (cost of ids [batch, steps], its gradient by each weight)."""
        loss, _, gradients = self._differentiated(inputs, targets, masks)
        return loss, gradients

    def clip(self, gradients: Gradients) -> tuple[Gradients, tf.Tensor]:
        """Computes, in TensorFlow operations, (clipped gradients, their global norm before, a scalar)."""
        clipped, norm = tf.clip_by_global_norm(gradients, self.config.clip_norm)
        return clipped, norm

    def update(self, clipped: Gradients) -> None:
        """Moves the weights against the clipped gradients, in TensorFlow operations."""
        self.model.update(clipped)

    def _differentiated(
        self, inputs: tf.Tensor, targets: tf.Tensor, masks: Sequence[tf.Tensor], with_logits: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor | None, Gradients]:
        """Computes (cost, logits if the scalar `with_logits` says so, gradients)."""
        with tf.GradientTape() as tape:
            loss, logits = self.model.loss(inputs, targets, masks, with_logits)
        return loss, logits, tape.gradient(loss, self.model.variables)

    def _train_step(
        self, inputs: tf.Tensor, targets: tf.Tensor, masks: Sequence[tf.Tensor], with_logits: tf.Tensor
    ) -> StepResult:
        with tf.device(self.device):
            loss, logits, gradients = self._differentiated(inputs, targets, masks, with_logits)
            clipped, norm = self.clip(gradients)
            self.update(clipped)
        return StepResult(loss, logits, gradients, norm, clipped)

    def _evaluation_step(self, inputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        with tf.device(self.device):
            return self.loss(inputs, targets)

    def train_step(
        self, inputs: Tokens, targets: Tokens, masks: Sequence[Floats] = (), with_logits: bool = False
    ) -> StepResult:
        """Trains on one batch: `inputs` and `targets` [batch, steps], `masks` [batch, steps, width].

        Returns before an accelerator has finished: reading the loss waits for that, and reading a weight for the
        update. The function is the same with logits and without, but code that times a step doesn't ask for them: their
        memory has a price.
        """
        result: StepResult = self.step_function(inputs, targets, tuple(masks), with_logits)
        return result if with_logits else result._replace(logits=None)

    def evaluation_step(self, inputs: Tokens, targets: Tokens) -> tf.Tensor:
        """Returns the loss of ids [batch, steps], a scalar, without training on them, and moves the states on."""
        return self.evaluation_function(inputs, targets)

    @property
    def learning_rate(self) -> float:
        """Returns the learning rate of the steps to come."""
        return float(self.model.learning_rate)

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self.model.learning_rate.assign(value)

    @property
    def weights(self) -> Weights:
        """Returns copies of the trainable weights by name."""
        return dict(zip(self.config.weight_shapes(), (v.numpy() for v in self.model.variables), strict=True))

    @weights.setter
    def weights(self, values: Mapping[str, Floats]) -> None:
        for name, variable in zip(self.config.weight_shapes(), self.model.variables, strict=True):
            variable.assign(values[name])

    @property
    def state(self) -> State:
        """Returns copies of the recurrent state by name."""
        return dict(zip(self.config.state_shapes(), (v.numpy() for v in self.model.states), strict=True))

    @state.setter
    def state(self, values: Mapping[str, Floats]) -> None:
        for name, variable in zip(self.config.state_shapes(), self.model.states, strict=True):
            # A copy: TensorFlow 2.12 writes into the array that it is given, where `fused` cuts the state up.
            variable.assign(np.array(values[name]))

    def zero_state(self) -> None:
        """Zeroes the recurrent state, as at the start of each pass over a corpus."""
        for variable in self.model.states:
            variable.assign(tf.zeros_like(variable))
