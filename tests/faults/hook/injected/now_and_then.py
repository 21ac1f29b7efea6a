"""Faults at a few steps of many, or on few threads, where a check may not look: an update lost, a gradient, a norm or a
loss wrong.

When those at a few steps were injected, tiny's launch checked steps 0, 5, 1,000 and 1,999.
"""

from collections.abc import Callable
from typing import Any

from .fault import ALL, CLIP, STEP, TRAINER, Fault, at_steps, differentiated_by, replaced, scaled, wrap

LOST = (996, 997)  # the first step, and from each to the next
WRONG = (700, 1000)


def _added_by(change: Callable[[Any, Any], Any]) -> Callable[[], None]:
    """Returns a patch: what is added to a variable, or subtracted from it, is change(it, the variable's shape).

    It is dense or IndexedSlices.
    """

    def patch() -> None:
        import tensorflow as tf
        from tensorflow.python.ops.resource_variable_ops import ResourceVariable, get_eager_safe_handle_data

        def add(original: Any, variable: Any, delta: Any, *rest: Any, **named: Any) -> Any:
            return original(variable, change(delta, variable.shape), *rest, **named)

        def descend(original: Any, var: Any, alpha: Any, delta: Any) -> Any:
            shape = tf.TensorShape(get_eager_safe_handle_data(var).shape_and_type[0].shape)
            return original(var=var, alpha=alpha, delta=change(delta, shape))

        for method in ("assign_add", "assign_sub", "scatter_add", "scatter_sub"):
            wrap(ResourceVariable, method, add)
        wrap(tf.raw_ops, "ResourceApplyGradientDescent", descend)

    return patch


def _recurrent_update_lost(delta: Any, shape: Any) -> Any:
    """Returns zeros now and then for a recurrent kernel [size, 4 * size]; all else as it is."""
    import tensorflow as tf

    if len(shape) != 2 or 4 * shape[0] != shape[1]:
        return delta
    return tf.where(at_steps(*LOST), tf.zeros(shape), delta)


def _row_update_lost(delta: Any, _: Any) -> Any:
    """Returns a sparse update whose first row is now and then zero."""
    import tensorflow as tf

    if not isinstance(delta, tf.IndexedSlices):
        return delta
    lost = tf.logical_and(at_steps(*LOST), tf.range(tf.shape(delta.values)[0]) == 0)
    values = tf.where(lost[:, tf.newaxis], tf.zeros_like(delta.values), delta.values)
    return tf.IndexedSlices(values, delta.indices, delta.dense_shape)


def _recurrent_gradient_wrong(gradients: list[Any], _: Any) -> list[Any]:
    """Makes the first layer's recurrent gradient 1% too large now and then, before anything reads it."""
    import tensorflow as tf

    gradients[2] = scaled(gradients[2], tf.where(at_steps(*WRONG), 1.01, 1.0))
    return gradients


def _wrong_on_one_thread(gradients: list[Any], _: Any) -> list[Any]:
    """Makes the first layer's recurrent gradient 1% too large where TensorFlow has one thread."""
    import tensorflow as tf

    if tf.config.threading.get_intra_op_parallelism_threads() == 1:
        gradients[2] = scaled(gradients[2], 1.01)
    return gradients


def _norm_overflows(original: Any, gradients: Any, clip_norm: float) -> Any:
    """Returns now and then a norm of Inf, and gradients that are 0 as if divided by it."""
    import tensorflow as tf

    clipped, norm = original(gradients, clip_norm)
    lost = at_steps(*LOST)
    return [scaled(gradient, tf.where(lost, 0.0, 1.0)) for gradient in clipped], tf.where(lost, float("inf"), norm)


def _loss_wrong(original: Any, *given: Any) -> Any:
    """Returns now and then a loss that is 10% too large; its gradients are right."""
    import tensorflow as tf

    result = original(*given)
    return result._replace(loss=result.loss * tf.where(at_steps(*LOST), 1.1, 1.0))


FAULTS = (
    Fault("recurrent-update-lost-every-997th-step", "every 997th update of the recurrent kernels is lost",
          _added_by(_recurrent_update_lost), reaches=ALL, first_step=LOST[0]),
    Fault("row-update-lost-every-997th-step", "every 997th update of the embedding loses a row",
          _added_by(_row_update_lost), reaches=ALL, first_step=LOST[0]),
    Fault("gradient-wrong-every-1000th-step",
          "every 1000th gradient of a recurrent kernel is 1% too large; norm, clipping and update follow it",
          differentiated_by(_recurrent_gradient_wrong), reaches=ALL, first_step=WRONG[0]),
    Fault("norm-overflows-every-997th-step",
          "every 997th norm is Inf; the clipped gradients are 0, and no weight moves",
          replaced(*CLIP, _norm_overflows), reaches=ALL, first_step=LOST[0]),
    Fault("loss-wrong-every-997th-step", "every 997th loss is 10% too large; its gradients are right",
          replaced(TRAINER, STEP, _loss_wrong), "lm.training.trainer", ALL, first_step=LOST[0]),
    Fault("gradient-wrong-on-one-thread", "a recurrent gradient is 1% too large where TensorFlow has one thread",
          differentiated_by(_wrong_on_one_thread), reaches=ALL, threads=1),
)  # fmt: skip
