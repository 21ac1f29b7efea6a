"""A training loop of one's own, without Keras' `fit`: `tfgate upgrade … --workload examples/custom_loop.py`."""

import numpy as np
import tensorflow as tf

RATE, CLIP = 0.1, 1.0


def workload():
    """Returns a step, its variables, and a batch.

    The step returns its loss and the gradients, in the order of the variables.
    """
    kind = tf.keras.backend.floatx()  # float64 where the reference says what is right
    random = np.random.RandomState(3)
    shapes = {"first": (20, 64), "first_bias": (64,), "second": (64, 1), "second_bias": (1,)}
    variables = [
        tf.Variable(0.3 * random.standard_normal(shape), dtype=kind, name=name) for name, shape in shapes.items()
    ]
    first, first_bias, second, second_bias = variables

    @tf.function
    def step(inputs, targets):
        with tf.GradientTape() as tape:
            hidden = tf.tanh(inputs @ first + first_bias)
            loss = tf.reduce_mean(tf.square(hidden @ second + second_bias - targets))
        gradients = tape.gradient(loss, variables)
        clipped, _ = tf.clip_by_global_norm(gradients, CLIP)
        tf.nest.map_structure(lambda variable, gradient: variable.assign_sub(RATE * gradient), variables, clipped)
        return loss, gradients

    inputs = random.standard_normal((64, 20)).astype(kind)
    targets = np.sin(inputs[:, :1]) + inputs[:, 1:2] * inputs[:, 2:3]
    return step, variables, (inputs, targets)
