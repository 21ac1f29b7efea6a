"""A call of `predict`, as a server makes it: `tfgate upgrade … --workload examples/predict_call.py`."""

import numpy as np
import tensorflow as tf


def workload():
    """Returns a step that predicts ten numbers for each of 32 inputs, the model's variables, and the inputs, with
    numbers to compare to.
    """
    layers = tf.keras.layers
    model = tf.keras.Sequential([tf.keras.Input((20,)), layers.Dense(64, "relu"), layers.Dense(10)])

    random = np.random.RandomState(6)
    batch = random.normal(size=(32, 20)), random.normal(size=(32, 10))

    def step(inputs, others):
        found = model.predict(inputs, verbose=0)
        return np.mean(np.square(found - others[: len(found)]))  # another order, sign or number of them shows

    return step, model.trainable_variables, batch
