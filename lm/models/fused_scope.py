"""The name scope of a gradient that `fused` writes out itself."""

import tensorflow as tf


def gradient_scope() -> str:
    """For tf.name_scope: what TensorFlow would call the current scope's gradient, which it does for its own gradients alone.

    The slash at the end makes it the whole name, wherever it is entered and however often.
    """
    return "/".join(part for part in ("gradient_tape", tf.get_current_name_scope()) if part) + "/"
