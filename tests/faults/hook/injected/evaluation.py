"""Faults of evaluation alone: training is right."""

from typing import Any

from .fault import ALL, Fault, wrap


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


FAULTS = (
    Fault("evaluation-trains", "evaluation updates the weights", _trains, "lm.training.trainer", ALL),
    Fault(
        "evaluation-in-bfloat16",
        "the loss of evaluation is rounded to bfloat16",
        _loss_rounded,
        "lm.training.trainer",
        ALL,
    ),
)
