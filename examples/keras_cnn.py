"""A convolutional network, compiled as Keras models are: `tfgate upgrade … --workload examples/keras_cnn.py`."""

import numpy as np
import tensorflow as tf


def workload():
    """Returns a compiled model, and a batch of 32 images [28, 28, 1] with their labels."""
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [
            tf.keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=tf.keras.optimizers.SGD(0.05, momentum=0.9), loss=loss)
    random = np.random.RandomState(1)
    return model, (random.uniform(size=(32, 28, 28, 1)), random.randint(0, 10, 32))
