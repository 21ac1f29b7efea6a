"""Training and evaluation of one model: the step that is timed, checked against the oracle, and trained with.

The step is one concrete function. It returns what the oracle checks (loss, logits, gradients, norm, clipped gradients), so that what
is checked is what is timed; the values stay TensorFlow's until somebody asks for them.
"""

import importlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from lm.config import Config
from lm.runtime import require_device
from lm.training.initial import Weights

State = dict[str, NDArray[np.float32]]


class StepResult(NamedTuple):
    """What one training step computed, as TensorFlow's tensors."""

    loss: Any  # sum over time of the batch mean of the cross-entropy
    logits: (
        Any  # [batch, steps, vocabulary]; None unless they were asked for, and from an implementation that keeps none
    )
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
            self.model = importlib.import_module(f"lm.models.{implementation}").Model(config)
        ids = tf.TensorSpec((config.batch_size, config.num_steps), tf.int32)
        masks = tuple(tf.TensorSpec(shape, tf.float32) for shape in config.mask_shapes())
        self._step = tf.function(self._train_step, (ids, ids, masks, tf.TensorSpec((), tf.bool)), autograph=False)
        self._evaluate = tf.function(self._evaluation_step, (ids, ids), autograph=False)

    def loss(self, inputs: Any, targets: Any, masks: Any = ()) -> Any:
        """The cost of one batch, in TensorFlow operations: sum over time of the batch mean. The states move on."""
        return self.model.loss(inputs, targets, masks)[0]

    def loss_and_gradients(self, inputs: Any, targets: Any, masks: Any) -> tuple[Any, Any]:
        """(cost of one batch, its gradient by each weight), in TensorFlow operations."""
        loss, _, gradients = self._differentiated(inputs, targets, masks)
        return loss, gradients

    def clip(self, gradients: Any) -> tuple[Any, Any]:
        """(clipped gradients, their global norm before), in TensorFlow operations."""
        clipped, norm = tf.clip_by_global_norm(gradients, self.config.clip_norm)
        return clipped, norm

    def update(self, clipped: Any) -> None:
        """Moves the weights against the clipped gradients, in TensorFlow operations."""
        self.model.update(clipped)

    def _differentiated(self, inputs: Any, targets: Any, masks: Any, with_logits: Any = None) -> tuple[Any, Any, Any]:
        """(cost, logits if the scalar `with_logits` says so, gradients)."""
        with tf.GradientTape() as tape:
            loss, logits = self.model.loss(inputs, targets, masks, with_logits)
        return loss, logits, tape.gradient(loss, self.model.variables)

    def _train_step(self, inputs: Any, targets: Any, masks: Any, with_logits: Any) -> StepResult:
        with tf.device(self.device):
            loss, logits, gradients = self._differentiated(inputs, targets, masks, with_logits)
            clipped, norm = self.clip(gradients)
            self.update(clipped)
        return StepResult(loss, logits, gradients, norm, clipped)

    def _evaluation_step(self, inputs: Any, targets: Any) -> Any:
        with tf.device(self.device):
            return self.loss(inputs, targets)

    def train_step(
        self,
        inputs: NDArray[np.int32],
        targets: NDArray[np.int32],
        masks: Sequence[Any] = (),
        with_logits: bool = False,
    ) -> StepResult:
        """Trains on one batch; `inputs` and `targets` [batch, steps]. Returns before an accelerator has finished: read the loss to wait for
        that, and `wait` for the update.

        The function is the same with logits and without, but those who time a step don't ask for them: their memory has a price.
        """
        result: StepResult = self._step(inputs, targets, tuple(masks), with_logits)
        return result if with_logits else result._replace(logits=None)

    def wait(self) -> None:
        """Returns when the weights are those after the last step; at once on a CPU, where they are.

        An accelerator works in the order in which it is asked, so a value read now comes after every update.
        """
        if not self.device.startswith("cpu"):
            self.model.variables[-1][..., 0].numpy()

    def train_step_eagerly(
        self, inputs: NDArray[np.int32], targets: NDArray[np.int32], masks: Sequence[Any] = ()
    ) -> StepResult:
        """The same step without tf.function, operation by operation, as the notebook's loop runs it."""
        data = tf.constant(inputs), tf.constant(targets), tuple(tf.constant(mask) for mask in masks)
        return self._train_step(*data, with_logits=tf.constant(False))._replace(logits=None)

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
            variable.assign(
                np.array(values[name])
            )  # its own copy: TensorFlow 2.12 writes into the array, where `fused` cuts the state up

    def relocate(self) -> None:
        """Puts weights and states, unchanged, into newly allocated memory: how fast a step is depends on where they happen to lie."""
        for variable in (*self.model.variables, *self.model.states):
            variable.assign(np.array(variable.numpy()))

    def biases(self) -> Weights:
        """Copies of the bias weights alone: few values of every layer but the embedding, and soon read."""
        named = zip(self.config.weight_shapes(), self.model.variables, strict=True)
        return {name: variable.numpy() for name, variable in named if name.endswith("/bias")}

    def zero_state(self) -> None:
        """Forgets what was read: to be called at the start of each pass over a data set."""
        for variable in self.model.states:
            variable.assign(tf.zeros_like(variable))

    @property
    def step_function(self) -> Any:
        """The tf.function that a training step calls."""
        return self._step

    @property
    def retraces(self) -> int:
        """Times that the training step, or the evaluation step, was traced beyond the first."""
        return sum(
            max(int(function.experimental_get_tracing_count()) - 1, 0) for function in (self._step, self._evaluate)
        )

    def graph_operations(self) -> dict[str, int]:
        """Operations of the step's graph by type, those of its function library included."""
        graph = self._step.get_concrete_function().graph.as_graph_def()
        counts: dict[str, int] = {}
        for nodes in (graph.node, *(function.node_def for function in graph.library.function)):
            for node in nodes:
                counts[node.op] = counts.get(node.op, 0) + 1
        return dict(sorted(counts.items()))
