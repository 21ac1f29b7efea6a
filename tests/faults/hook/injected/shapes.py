"""Faults that only some shapes show: a kernel that forgets what does not fill its last vector, dropout that tiny
doesn't have.
"""

from typing import Any

from .fault import ALL, Fault, wrap

VECTOR = 8  # float32 values in an AVX register


def _batch_tail_lost() -> None:
    """Leaves out the loss of the rows of a batch that don't fill a vector."""
    import tensorflow as tf

    def make(original: Any) -> Any:
        def cross_entropy(labels: Any, logits: Any, name: Any = None) -> Any:
            rows = logits.shape[0] - logits.shape[0] % VECTOR
            return original(labels=labels, logits=logits)[:rows]

        return cross_entropy

    wrap(tf.nn, "sparse_softmax_cross_entropy_with_logits", make)


def _width_tail_linear() -> None:
    """Takes the tanh from the units of a cell that don't fill a vector: a kernel's scalar tail is wrong."""
    import tensorflow as tf

    def make(original: Any) -> Any:
        def gates(self: Any, z: Any, c_tm1: Any) -> Any:
            c, output = original(self, z, c_tm1)
            whole = self.units - self.units % VECTOR
            return c, tf.concat([output[:, :whole], z[3][:, whole:]], axis=1)

        return gates

    wrap(tf.keras.layers.LSTMCell, "_compute_carry_and_output_fused", make)


def _dropout_unscaled() -> None:
    """Leaves what dropout keeps undivided by the keep probability."""
    from lm.training.trainer import Trainer

    def make(original: Any) -> Any:
        def train_step(self: Any, inputs: Any, targets: Any, masks: Any, with_logits: Any) -> Any:
            return original(self, inputs, targets, [mask * self.config.keep_probability for mask in masks], with_logits)

        return train_step

    wrap(Trainer, "_train_step", make)


FAULTS = (
    Fault("wrong-for-odd-batches", "rows beyond a multiple of 8 do not count", _batch_tail_lost),
    Fault("wrong-for-odd-widths", "output gates beyond a multiple of 8 units are linear", _width_tail_linear),
    Fault("dropout-not-rescaled", "what dropout keeps is not divided by the keep probability", _dropout_unscaled,
          "lm.training.trainer", ALL),
)  # fmt: skip
