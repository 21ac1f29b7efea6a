"""Faults of evaluation alone: training is right."""

from typing import Any

from .fault import ALL, EVALUATION, Fault, wrap


def _trains() -> None:
    """Makes evaluation a training step without dropout."""
    from lm.training.trainer import Trainer

    def make(_: Any) -> Any:
        def evaluation_step(self: Any, inputs: Any, targets: Any) -> Any:
            import tensorflow as tf

            masks = [tf.ones(shape) for shape in self.config.mask_shapes()]
            return self._train_step(inputs, targets, masks, tf.constant(False)).loss

        return evaluation_step

    wrap(Trainer, "_evaluation_step", make)


def _loss_rounded() -> None:
    """Sends the loss without gradient through bfloat16."""
    from lm.training.trainer import Trainer

    def make(original: Any) -> Any:
        def evaluation_step(self: Any, inputs: Any, targets: Any) -> Any:
            import tensorflow as tf

            return tf.cast(tf.cast(original(self, inputs, targets), tf.bfloat16), tf.float32)

        return evaluation_step

    wrap(Trainer, "_evaluation_step", make)


def _weights_frozen() -> None:
    """Evaluates with the output kernel that the first evaluation found, as a cache of constant weights would."""
    from tensorflow.python.eager.polymorphic_function.polymorphic_function import Function

    def make(original: Any) -> Any:
        frozen: dict[int, Any] = {}

        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            if self.python_function.__name__ != EVALUATION:
                return original(self, *args, **kwargs)
            kernel = self.python_function.__self__.model.variables[-2]
            now = kernel.numpy()
            kernel.assign(frozen.setdefault(id(kernel), now))
            result = original(self, *args, **kwargs)
            kernel.assign(now)
            return result

        return call

    wrap(Function, "__call__", make)


FAULTS = (
    Fault("evaluation-trains", "evaluation updates the weights", _trains, "lm.training.trainer", ALL),
    Fault(
        "evaluation-in-bfloat16",
        "the loss of evaluation is rounded to bfloat16",
        _loss_rounded,
        "lm.training.trainer",
        ALL,
    ),
    Fault(
        "evaluation-keeps-first-weights",
        "every evaluation uses the output kernel of the first",
        _weights_frozen,
        reaches=ALL,
    ),
)
