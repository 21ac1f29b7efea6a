"""Training and evaluation of one model: the step that is timed, checked against the oracle, and trained with.

The step is one concrete function. It returns what the oracle checks (loss, gradients, norm, clipped gradients), so that what is
checked is what is timed; the values stay TensorFlow's until somebody asks for them.
"""

import importlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from lm.config import Config
from lm.initial import Weights
from lm.runtime import require_device

State = dict[str, NDArray[np.float32]]


class StepResult(NamedTuple):
    """What one training step computed, as TensorFlow's tensors."""

    loss: Any  # sum over time of the batch mean of the cross-entropy
    gradients: Any  # one for each weight; the embedding's as IndexedSlices
    global_norm: Any  # of the gradients before clipping
    clipped: Any  # the gradients that SGD applied


class Trainer:
    """A model with its optimizer, its training step and its evaluation step, on one device.

    `implementation` names the module of lm that builds the model. Raises DeviceError if the device is missing.
    """

    def __init__(self, config: Config, implementation: str = "cells", device: str = "cpu:0") -> None:
        require_device(device)  # TensorFlow itself would put everything on another, without a word
        self.config = config
        self.device = device
        with tf.device(device):
            self.model = importlib.import_module(f"lm.{implementation}").Model(config)
        ids = tf.TensorSpec((config.batch_size, config.num_steps), tf.int32)
        masks = tuple(tf.TensorSpec(shape, tf.float32) for shape in config.mask_shapes())
        self._step = tf.function(self._train_step, (ids, ids, masks), autograph=False)
        self._evaluate = tf.function(self._evaluation_step, (ids, ids), autograph=False)

    def _loss(self, inputs: Any, targets: Any, masks: Any) -> Any:
        return self.model.loss(inputs, targets, masks)

    def _train_step(self, inputs: Any, targets: Any, masks: Any) -> StepResult:
        with tf.device(self.device):
            with tf.GradientTape() as tape:
                loss = self._loss(inputs, targets, masks)
            gradients = tape.gradient(loss, self.model.variables)
            clipped, norm = tf.clip_by_global_norm(gradients, self.config.clip_norm)
            self.model.update(clipped)
        return StepResult(loss, gradients, norm, clipped)

    def _evaluation_step(self, inputs: Any, targets: Any) -> Any:
        with tf.device(self.device):
            return self._loss(inputs, targets, ())

    def train_step(self, inputs: NDArray[np.int32], targets: NDArray[np.int32], masks: Sequence[Any] = ()) -> StepResult:
        """Trains on one batch; `inputs` and `targets` [batch, steps]. Returns before an accelerator has finished: read the loss to wait."""
        result: StepResult = self._step(inputs, targets, tuple(masks))
        return result

    def train_step_eagerly(self, inputs: NDArray[np.int32], targets: NDArray[np.int32], masks: Sequence[Any] = ()) -> StepResult:
        """The same step without tf.function, operation by operation, as the notebook's loop runs it."""
        return self._train_step(tf.constant(inputs), tf.constant(targets), tuple(tf.constant(mask) for mask in masks))

    def evaluation_step(self, inputs: NDArray[np.int32], targets: NDArray[np.int32]) -> Any:
        """The loss of one batch without training on it (a TensorFlow scalar); the states move on."""
        return self._evaluate(inputs, targets)

    def trace(self) -> None:
        """Traces the training step now, so that its time isn't the first step's."""
        self._step.get_concrete_function()

    @property
    def learning_rate(self) -> float:
        """Learning rate of the steps to come."""
        return float(self.model.learning_rate)

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self.model.learning_rate.assign(value)

    @property
    def weights(self) -> Weights:
        """Copies of the trainable weights by name."""
        return dict(zip(self.config.weight_shapes(), (v.numpy() for v in self.model.variables), strict=True))

    @weights.setter
    def weights(self, values: Weights) -> None:
        for name, variable in zip(self.config.weight_shapes(), self.model.variables, strict=True):
            variable.assign(values[name])

    @property
    def state(self) -> State:
        """Copies of the recurrent state by name (see Config.state_shapes)."""
        return dict(zip(self.config.state_shapes(), (v.numpy() for v in self.model.states), strict=True))

    @state.setter
    def state(self, values: State) -> None:
        for name, variable in zip(self.config.state_shapes(), self.model.states, strict=True):
            variable.assign(values[name])

    def zero_state(self) -> None:
        """Forgets what was read: to be called at the start of each pass over a data set."""
        for variable in self.model.states:
            variable.assign(tf.zeros_like(variable))

    @property
    def retraces(self) -> int:
        """Times that the step was traced beyond the first."""
        return max(int(self._step.experimental_get_tracing_count()) - 1, 0)

    def graph_operations(self) -> dict[str, int]:
        """Operations of the step's graph by type, those of its function library included."""
        graph = self._step.get_concrete_function().graph.as_graph_def()
        counts: dict[str, int] = {}
        for nodes in (graph.node, *(function.node_def for function in graph.library.function)):
            for node in nodes:
                counts[node.op] = counts.get(node.op, 0) + 1
        return dict(sorted(counts.items()))
