"""Faults that hide from the checks: in what is never checked, or behind the limits that a check allows."""

from typing import Any

from .fault import ALL, TRAINER, Fault, replaced, scaled, wrap, wrap_activation

WORD = 328  # of 500: the rarest of the synthetic corpus in tiny's launch, first read at step 636
TF32, BFLOAT16 = 13, 16  # bits of a float32's mantissa that the format lacks


def _wrong_unless_logits_are_kept(
    original: Any, trainer: Any, inputs: Any, targets: Any, masks: Any, with_logits: Any = None
) -> Any:
    """Makes the first layer's recurrent gradient 1% too large in steps that don't return logits, as those timed."""
    import tensorflow as tf

    loss, logits, gradients = original(trainer, inputs, targets, masks, with_logits)
    gradients = list(gradients)
    gradients[2] = scaled(gradients[2], tf.where(with_logits, 1.0, 1.01))
    return loss, logits, gradients


def _another_row_read() -> None:
    """Makes lookups of one word read the row of another, and their gradient go there."""
    import tensorflow as tf

    def gather(original: Any, params: Any, indices: Any, *rest: Any, **named: Any) -> Any:
        ids = tf.convert_to_tensor(indices)
        return original(params, tf.where(ids == WORD, ids - 1, ids), *rest, **named)

    wrap(tf, "gather", gather)  # Keras 3 and `fused`
    wrap(tf.compat.v2.nn, "embedding_lookup", gather)  # Keras 2


def _weights_truncated() -> None:
    """Rounds new weights towards 0 instead of to the nearest float32."""
    import tensorflow as tf
    from tensorflow.python.ops.resource_variable_ops import ResourceVariable

    def truncated(weight: Any, change: Any) -> Any:
        exact = tf.cast(weight, tf.float64) + tf.cast(change, tf.float64)
        nearest = tf.cast(exact, tf.float32)
        beyond = tf.abs(tf.cast(nearest, tf.float64)) > tf.abs(exact)
        return tf.where(beyond, tf.math.nextafter(nearest, tf.zeros_like(nearest)), nearest)

    def added(sign: float) -> Any:
        def add(original: Any, variable: Any, delta: Any, *rest: Any, **named: Any) -> Any:
            if variable.dtype != tf.float32:
                return original(variable, delta, *rest, **named)
            return variable.assign(truncated(variable, sign * delta))

        return add

    def descend(_: Any, var: Any, alpha: Any, delta: Any) -> Any:
        weight = tf.raw_ops.ReadVariableOp(resource=var, dtype=tf.float32)
        return tf.raw_ops.AssignVariableOp(resource=var, value=truncated(weight, -alpha * delta))

    wrap(ResourceVariable, "assign_add", added(1.0))
    wrap(ResourceVariable, "assign_sub", added(-1.0))
    wrap(tf.raw_ops, "ResourceApplyGradientDescent", descend)


def _rounded(bits: Any, lost: int) -> Any:
    """Returns the bits of float32 values, as int32, rounded to a mantissa that lacks the last `lost`."""
    return (bits + (1 << lost - 1)) & -(1 << lost)


def _coarser_in_numpy() -> None:
    """Gives sigmoid and tanh TF32's precision, and NumPy's exp and tanh less: limits that follow NumPy hide it."""
    import numpy as np
    import tensorflow as tf

    def activate(original: Any, x: Any, name: Any = None) -> Any:
        y = original(x, name=name)
        coarse = tf.bitcast(_rounded(tf.bitcast(y, tf.int32), TF32), tf.float32)
        return y + tf.stop_gradient(coarse - y)

    def coarser(original: Any) -> Any:
        def function(x: Any, out: Any = None) -> Any:
            y = np.asarray(original(x))
            if y.dtype == np.float32:
                y = _rounded(y.view(np.int32), BFLOAT16).view(np.float32)
            if out is None:
                return y
            out[...] = y
            return out

        return function

    for name in ("sigmoid", "tanh"):
        wrap_activation(name, activate)
    for name in ("exp", "tanh"):
        setattr(np, name, coarser(getattr(np, name)))


FAULTS = (
    Fault("gradient-wrong-unless-logits-are-kept",
          "a recurrent gradient is 1% too large in steps that don't return their logits",
          replaced(TRAINER, "_differentiated", _wrong_unless_logits_are_kept), "lm.training.trainer", ALL),
    Fault("word-reads-another-row", "one rare word's embedding is another's, and so is its gradient",
          _another_row_read, reaches=ALL, first_step=636),
    Fault("weights-truncated", "new weights are rounded towards 0", _weights_truncated, reaches=ALL),
    Fault("activations-coarse-numpy-coarser",
          "sigmoid and tanh have TF32's precision, NumPy's exp and tanh in float32 bfloat16's",
          _coarser_in_numpy, reaches=ALL),
)  # fmt: skip
