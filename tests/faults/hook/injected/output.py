"""Faults of the output layer."""

from typing import Any

from .fault import DENSE_CALL, Fault, replaced, without_gradient


def _bias_gradient_lost(original: Any, layer: Any, inputs: Any, **named: Any) -> Any:
    import tensorflow as tf

    return original(layer, inputs, **named) + without_gradient(tf.convert_to_tensor(layer.bias))


def _bfloat16_inputs(original: Any, layer: Any, inputs: Any, **named: Any) -> Any:
    import tensorflow as tf

    return original(layer, tf.cast(tf.cast(inputs, tf.bfloat16), tf.float32), **named)


def _logits_clipped(original: Any, layer: Any, inputs: Any, **named: Any) -> Any:
    import tensorflow as tf

    return tf.clip_by_value(original(layer, inputs, **named), -50.0, 50.0)


FAULTS = (
    Fault("output-bias-gradient-lost", "the gradient of the output layer's bias is 0",
          replaced(*DENSE_CALL, _bias_gradient_lost)),
    Fault("bfloat16-output-product", "the output layer's product takes inputs rounded to bfloat16",
          replaced(*DENSE_CALL, _bfloat16_inputs)),
    Fault("logits-clipped", "logits are clipped to ±50", replaced(*DENSE_CALL, _logits_clipped)),
)  # fmt: skip
