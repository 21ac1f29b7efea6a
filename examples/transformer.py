"""A small Transformer that predicts the next word, by Adam: `tfgate upgrade … --workload examples/transformer.py`."""

import numpy as np
import tensorflow as tf

WORDS, STEPS, WIDTH, HEADS, BLOCKS = 500, 24, 64, 4, 1


def workload():
    """Returns a compiled model, and 16 sequences of words with the words that follow."""
    layers = tf.keras.layers
    words = tf.keras.Input((STEPS,), dtype="int32")
    hidden = layers.Embedding(WORDS, WIDTH)(words)
    for _ in range(BLOCKS):
        normed = layers.LayerNormalization()(hidden)
        attended = layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(normed, normed, use_causal_mask=True)
        hidden = layers.Add()([hidden, attended])
        normed = layers.LayerNormalization()(hidden)
        wide = layers.Dense(4 * WIDTH, activation="gelu")(normed)
        hidden = layers.Add()([hidden, layers.Dense(WIDTH)(wide)])
    model = tf.keras.Model(words, layers.Dense(WORDS)(hidden))
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=tf.keras.optimizers.Adam(0.001), loss=loss)
    text = np.random.RandomState(2).randint(0, WORDS, (16, STEPS + 1))
    return model, (text[:, :-1], text[:, 1:])
