"""Faults that only some shapes show: a kernel that forgets what does not fill its last vector, dropout that tiny
doesn't have.
"""

from typing import Any

from .fault import ALL, CROSS_ENTROPY, GATES, STEP, TRAINER, Fault, replaced

VECTOR = 8  # float32 values in an AVX register


def _batch_tail_lost(original: Any, labels: Any, logits: Any) -> Any:
    """Leaves out the loss of the rows of a batch that don't fill a vector."""
    rows = logits.shape[0] - logits.shape[0] % VECTOR
    return original(labels=labels, logits=logits)[:rows]


def _width_tail_linear(original: Any, cell: Any, z: Any, c: Any) -> Any:
    """Takes the tanh from the units of a cell that don't fill a vector: a kernel's scalar tail is wrong."""
    import tensorflow as tf

    c, output = original(cell, z, c)
    whole = cell.units - cell.units % VECTOR
    return c, tf.concat([output[:, :whole], z[3][:, whole:]], axis=1)


def _dropout_unscaled(original: Any, trainer: Any, inputs: Any, targets: Any, masks: Any, with_logits: Any) -> Any:
    """Leaves what dropout keeps undivided by the keep probability."""
    kept = [mask * trainer.config.keep_probability for mask in masks]
    return original(trainer, inputs, targets, kept, with_logits)


FAULTS = (
    Fault("wrong-for-odd-batches", "rows beyond a multiple of 8 do not count",
          replaced(*CROSS_ENTROPY, _batch_tail_lost)),
    Fault("wrong-for-odd-widths", "output gates beyond a multiple of 8 units are linear",
          replaced(*GATES, _width_tail_linear)),
    Fault("dropout-not-rescaled", "what dropout keeps is not divided by the keep probability",
          replaced(TRAINER, STEP, _dropout_unscaled), "lm.training.trainer", ALL),
)  # fmt: skip
