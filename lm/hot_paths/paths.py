"""The parts of a trainer's step as calls of their own, each run operation by operation (eager) or as one tf.function (graph)."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from lm.training.trainer import Trainer

Mode = Literal["eager", "graph"]
MODES: tuple[Mode, ...] = ("eager", "graph")


class HotPath:
    """A call on a device. `traces` counts how often its Python ran: in a graph, once a trace; eagerly, once a call."""

    def __init__(self, body: Callable[..., Any], device: str, mode: Mode) -> None:
        self.traces = 0
        self._body = body
        self._device = device
        self._call = tf.function(self._counted, autograph=False) if mode == "graph" else self._counted

    def __call__(self, *arguments: Any) -> Any:
        """The body's result, as TensorFlow's tensors."""
        with tf.device(self._device):
            return self._call(*arguments)

    def _counted(self, *arguments: Any) -> Any:
        self.traces += 1
        return self._body(*arguments)


class GraphStep:
    """A trainer's own step in its graph: the very function that the gate times."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer

    @property
    def traces(self) -> int:
        """How often it was traced beyond the first."""
        return self._trainer.retraces

    def __call__(self, inputs: Any, targets: Any, masks: Any) -> Any:
        """The step's StepResult."""
        return self._trainer.train_step(inputs, targets, masks)


def forward(trainer: Trainer, mode: Mode) -> HotPath:
    """(inputs, masks) → logits [batch, steps, vocabulary]."""
    return HotPath(trainer.model.logits, trainer.device, mode)


def gradient(trainer: Trainer, mode: Mode) -> HotPath:
    """(inputs, targets, masks) → (loss, gradients), the embedding's as IndexedSlices."""
    return HotPath(trainer.loss_and_gradients, trainer.device, mode)


def clip(trainer: Trainer, mode: Mode) -> HotPath:
    """(gradients) → (clipped gradients, norm)."""
    return HotPath(trainer.clip, trainer.device, mode)


def update(trainer: Trainer, mode: Mode) -> HotPath:
    """(clipped gradients) → nothing; the weights move."""
    return HotPath(trainer.update, trainer.device, mode)


def step(trainer: Trainer, mode: Mode) -> HotPath | GraphStep:
    """(inputs, targets, masks) → StepResult."""
    return GraphStep(trainer) if mode == "graph" else HotPath(trainer.train_step_eagerly, trainer.device, mode)


def evaluation(trainer: Trainer, mode: Mode) -> HotPath:
    """(inputs, targets) → loss."""
    return HotPath(trainer.loss, trainer.device, mode)


def dropout(rate: float, device: str, mode: Mode) -> HotPath:
    """(activations) → the same through TensorFlow's own dropout."""
    return HotPath(lambda activations: [tf.nn.dropout(one, rate) for one in activations], device, mode)


def put(value: Any, device: str) -> Any:
    """NumPy arrays, in a structure, as tensors on a device."""
    with tf.device(device):
        return tf.nest.map_structure(tf.constant, value)


def moved(tensors: Any, device: str) -> Any:
    """Tensors, in a structure, copied to a device."""
    with tf.device(device):
        return tf.nest.map_structure(tf.identity, tensors)


def scaled(gradients: Sequence[Any], factor: float) -> list[Any]:
    """Gradients times a factor; IndexedSlices stay sparse."""
    return [
        tf.IndexedSlices(factor * gradient.values, gradient.indices, gradient.dense_shape)
        if isinstance(gradient, tf.IndexedSlices)
        else factor * gradient
        for gradient in gradients
    ]


def densified(gradients: Sequence[Any]) -> list[Any]:
    """Gradients with IndexedSlices as whole tensors, duplicate ids added up."""
    return [tf.convert_to_tensor(gradient) for gradient in gradients]


def dataset(batches: Sequence[Any]) -> Any:
    """A tf.data pipeline over batches, equal structures of NumPy arrays: an input pipeline in TensorFlow's own terms."""
    stacked = tf.nest.map_structure(lambda *arrays: np.stack(arrays), *batches)
    return tf.data.Dataset.from_tensor_slices(stacked).prefetch(2)


def wait(tensor: Any) -> None:
    """Returns when the device has worked off what was asked of it so far: its queue is in order, and this fetches one value."""
    with tf.device(tensor.device):
        tf.reshape(tensor, [-1])[0].numpy()
