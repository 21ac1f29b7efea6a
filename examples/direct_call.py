"""A direct call of a model, which no graph is made for: `tfgate upgrade … --workload examples/direct_call.py`."""

import numpy as np
import tensorflow as tf

WORDS, WIDTH = 500, 32


def workload():
    """Returns a step that calls a model of two LSTM layers, its variables, and a batch."""
    tf.keras.utils.set_random_seed(4)
    layers = tf.keras.layers
    cells = [layers.LSTMCell(WIDTH) for _ in range(2)]
    model = tf.keras.Sequential([layers.Embedding(WORDS, WIDTH), layers.RNN(cells), layers.Dense(WORDS)])
    random, mean_square = np.random.RandomState(4), tf.keras.losses.MeanSquaredError()
    ids, others = random.randint(WORDS, size=(8, 10)), random.normal(scale=0.001, size=(8, WORDS))
    model(ids)  # builds the variables

    def step(ids, others):
        return mean_square(others, model(ids))  # in a sum errors may cancel, in squares signs

    return step, model.trainable_variables, (ids, others)
