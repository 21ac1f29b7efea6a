"""The rate at which TensorFlow multiplies large float32 matrices on a device, with which the hot paths are compared."""

import time

import tensorflow as tf

# Rows and columns: so many that the product, not its call, is timed: 17 GFLOP, and 1.1 TFLOP on a GPU.
SIDE = {"cpu": 2048, "gpu": 8192}
REPEATS = 8


def matmul_flops_per_second(device: str) -> float:
    """Returns the operations a second of the fastest of a few square products: a limit, not an average."""
    side = SIDE[device.partition(":")[0]]
    with tf.device(device):
        matrix = tf.random.stateless_uniform((side, side), seed=(1, 2))
        multiply = tf.function(lambda: tf.linalg.matmul(matrix, matrix)[0, 0], autograph=False)
        float(multiply())  # traced, and warm
        return 2 * side**3 / min(_seconds(multiply) for _ in range(REPEATS))


def _seconds(multiply: "tf.types.experimental.GenericFunction") -> float:
    started = time.perf_counter()
    float(multiply())
    return time.perf_counter() - started
