"""Faults of the output layer."""

from collections.abc import Callable
from typing import Any

from .fault import Fault, without_gradient, wrap


def _dense_by(compute: Callable[[Any, Any, Any], Any]) -> Callable[[], None]:
    """Returns a patch of Dense.call: compute(original, layer, inputs) stands in for it."""

    def patch() -> None:
        import tensorflow as tf

        def make(original: Any) -> Any:
            def call(self: Any, inputs: Any) -> Any:
                return compute(original, self, inputs)

            return call

        wrap(tf.keras.layers.Dense, "call", make)

    return patch


def _bias_gradient_lost(original: Any, layer: Any, inputs: Any) -> Any:
    import tensorflow as tf

    return original(layer, inputs) + without_gradient(tf.convert_to_tensor(layer.bias))


def _bfloat16_inputs(original: Any, layer: Any, inputs: Any) -> Any:
    import tensorflow as tf

    return original(layer, tf.cast(tf.cast(inputs, tf.bfloat16), tf.float32))


def _logits_clipped(original: Any, layer: Any, inputs: Any) -> Any:
    import tensorflow as tf

    return tf.clip_by_value(original(layer, inputs), -50.0, 50.0)


FAULTS = (
    Fault("output-bias-gradient-lost", "the gradient of the output layer's bias is 0", _dense_by(_bias_gradient_lost)),
    Fault("bfloat16-output-product", "the output layer's product takes inputs rounded to bfloat16",
          _dense_by(_bfloat16_inputs)),
    Fault("logits-clipped", "logits are clipped to ±50", _dense_by(_logits_clipped)),
)  # fmt: skip
