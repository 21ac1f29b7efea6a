"""Faults of clipping by the global norm."""

from typing import Any

from .fault import ALL, CLIP, Fault, replaced, scaled, with_values


def _missing(original: Any, gradients: Any, clip_norm: float) -> Any:
    return gradients, original(gradients, clip_norm)[1]


def _per_tensor(original: Any, gradients: Any, clip_norm: float) -> Any:
    return [original([gradient], clip_norm)[0][0] for gradient in gradients], original(gradients, clip_norm)[1]


def _duplicates_summed(original: Any, gradients: Any, clip_norm: float) -> Any:
    import tensorflow as tf

    norm = tf.linalg.global_norm([tf.convert_to_tensor(gradient) for gradient in gradients])
    return original(gradients, clip_norm, use_norm=norm)


def _always(original: Any, gradients: Any, clip_norm: float) -> Any:
    norm = original(gradients, clip_norm)[1]
    return [scaled(gradient, clip_norm / norm) for gradient in gradients], norm


def _embedding_left_out(original: Any, gradients: Any, clip_norm: float) -> Any:
    import tensorflow as tf

    clipped, norm = original(gradients, clip_norm)
    return [
        old if isinstance(old, tf.IndexedSlices) else new for old, new in zip(gradients, clipped, strict=True)
    ], norm


def _not_finite_swallowed(original: Any, gradients: Any, clip_norm: float) -> Any:
    import tensorflow as tf

    def finite(values: Any) -> Any:
        return tf.where(tf.math.is_finite(values), values, tf.zeros_like(values))

    clipped, norm = original(gradients, clip_norm)
    return [with_values(gradient, finite) for gradient in clipped], norm


FAULTS = (
    Fault("clip-norm-5.05", "the clip norm is 1% too large: 5.05 for 5",
          replaced(*CLIP, lambda original, gradients, clip_norm: original(gradients, 1.01 * clip_norm)), reaches=ALL),
    Fault("clip-missing", "gradients are not clipped", replaced(*CLIP, _missing), reaches=ALL),
    Fault("clip-per-tensor", "each gradient is clipped by its own norm", replaced(*CLIP, _per_tensor), reaches=ALL),
    Fault("clip-always", "gradients shorter than the clip norm are stretched to it",
          replaced(*CLIP, _always), reaches=ALL),
    Fault("clip-without-embedding", "sparse gradients are not clipped",
          replaced(*CLIP, _embedding_left_out), reaches=ALL),
    Fault("norm-of-summed-duplicates", "the norm is taken after the rows of duplicate ids were summed",
          replaced(*CLIP, _duplicates_summed), reaches=ALL),
    Fault("nan-swallowed-by-clipping", "an Inf or NaN in a clipped gradient becomes 0",
          replaced(*CLIP, _not_finite_swallowed), reaches=ALL),
)  # fmt: skip
