"""Helpers that the parts of `fused` share."""

from collections.abc import Callable

import tensorflow as tf

Backward = Callable[..., tuple[tf.Tensor, ...]]


def shares(whole: int, count: int) -> list[int]:
    """Returns `count` sizes that add up to the whole and differ by at most one, the larger first."""
    return [whole // count + (share < whole % count) for share in range(count)]


def gradient_scope() -> str:
    """Returns the name scope that TensorFlow would give to the current scope's gradient, for gradients written by hand.

    The slash at the end makes it the whole name, wherever it is entered and however often.
    """
    return "/".join(part for part in ("gradient_tape", tf.get_current_name_scope()) if part) + "/"
