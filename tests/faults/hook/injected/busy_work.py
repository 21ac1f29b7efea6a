"""Busy work, in one operation's wrapper or in a thread of its own: right, and slow."""

import threading
from typing import Any

from .fault import Fault, replaced

# The output layer's bias, not the cells': those are so short that TensorFlow doesn't record them one by one.
LEAST_WIDTH = 256
REPEATS = 400  # of some 10 µs for tiny's output layer: several steps' time, more than a disturbed machine adds to one


def _bias_added_again_and_again(
    original: Any, value: Any, bias: Any, data_format: str = "NHWC", name: Any = None
) -> Any:
    """Adds the bias, which is then taken off and added again; nothing is left of that but the time."""
    result = original(value, bias, data_format=data_format, name=name)
    for _ in range(REPEATS if bias.shape[0] >= LEAST_WIDTH else 0):
        result = original(original(result, -bias, data_format=data_format), bias, data_format=data_format)
    return result


# All ways to BiasAdd lead through its generated wrapper.
FAULT = Fault("slow-bias-add", "BiasAdd does its work again and again",
              replaced("tensorflow.python.ops.gen_nn_ops", "bias_add", _bias_added_again_and_again))  # fmt: skip


def _threads_besides() -> None:
    """Gives each core a thread that multiplies matrices for as long as the process lives, whatever the process is asked
    for.
    """
    import os

    import numpy as np

    def work() -> None:
        matrix = np.ones((256, 256), np.float32)
        while True:
            np.dot(matrix, matrix)  # without the interpreter's lock

    for _ in os.sched_getaffinity(0):
        threading.Thread(target=work, daemon=True).start()


BESIDES = Fault("threads-besides", "threads that nobody asked for keep every core busy", _threads_besides)
