"""Busy work in one operation's wrapper: right, and slow."""

from typing import Any

from .fault import Fault, wrap

LEAST_WIDTH = 256  # the output layer's bias, not the cells': those are so short that TensorFlow doesn't record them one by one
REPEATS = 400  # of some 10 µs for tiny's output layer: several steps' time, more than a disturbed machine adds to one


def _bias_added_again_and_again() -> None:
    """The bias is added, and then taken off and added again; nothing is left of that but the time."""
    from tensorflow.python.ops import gen_nn_ops  # all ways to BiasAdd lead through its generated wrapper

    def make(original: Any) -> Any:
        def bias_add(value: Any, bias: Any, data_format: str = "NHWC", name: Any = None) -> Any:
            result = original(value, bias, data_format=data_format, name=name)
            for _ in range(REPEATS if bias.shape[0] >= LEAST_WIDTH else 0):
                result = original(original(result, -bias, data_format=data_format), bias, data_format=data_format)
            return result

        return bias_add

    wrap(gen_nn_ops, "bias_add", make)


FAULT = Fault("slow-bias-add", "BiasAdd does its work again and again", _bias_added_again_and_again)
