"""A call of `fit` on ten batches: `tfgate upgrade … --workload examples/fit_call.py`."""

import numpy as np
import tensorflow as tf

BATCH, BATCHES = 32, 10


def workload():
    """Returns a step that calls `fit` for one epoch, the variables that it trains, and the epoch's data."""
    layers = tf.keras.layers
    model = tf.keras.Sequential([tf.keras.Input((20,)), layers.Dense(64, "tanh"), layers.Dense(1)])
    model.compile(optimizer=tf.keras.optimizers.SGD(0.05, momentum=0.9), loss="mse")

    def step(inputs, targets):
        # Keras shuffles by default: then no two runs have the same numbers.
        fitted = model.fit(inputs, targets, batch_size=BATCH, shuffle=False, verbose=0)
        return fitted.history["loss"][0]

    random = np.random.RandomState(5)
    inputs = random.normal(size=(BATCH * BATCHES, 20))
    return step, model.trainable_variables, (inputs, np.sin(inputs[:, :1]) + inputs[:, 1:2] * inputs[:, 2:3])
