"""Shows what Keras' `bias_add` does to `mixed_bfloat16` and to `keras.ops.add`: docs/releases.md.

PYTHONPATH=. python -m experiments.bias_gradients, in an environment with TensorFlow; ten seconds. For another Keras:
`pip install --no-deps --target FOLDER keras==3.6.0`, and PYTHONPATH=FOLDER:.
"""

import keras
import numpy as np
import tensorflow as tf

from lm.compat import tf_variable

WIDTH = 16
TOKENS = (80, 600, 4_096, 32_768)
SHAPES = (((3, 3), (3, 1)), ((2, 3, 3), (3, 1)), ((2, 3, 3), (1, 3, 1)), ((2, 3, 4), (3, 1)), ((4, 5), (5,)))


def bias_gradient(policy: str, tokens: int) -> np.ndarray:
    """Returns the gradient by a Dense layer's bias in float64, where that of each token is from 0.5 to 1.5."""
    stream = np.random.RandomState(0)
    inputs, gradients = (stream.uniform(least, most, (tokens, WIDTH)) for least, most in ((-1, 1), (0.5, 1.5)))
    layer = tf.keras.layers.Dense(WIDTH, dtype=policy)
    layer.build((None, WIDTH))

    def of_batch() -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.cast(layer(tf.constant(inputs, tf.float32)), tf.float32) * gradients) / tokens
        return tf.convert_to_tensor(tape.gradient(loss, tf_variable(layer.bias)))

    found: np.ndarray = tf.function(of_batch)().numpy().astype(np.float64)
    return found


def main() -> None:
    """Prints how far off the gradients of bfloat16 are, and sums by `keras.ops.add`."""
    print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}")
    for tokens in TOKENS:
        low, right = (bias_gradient(policy, tokens) for policy in ("mixed_bfloat16", "float32"))
        print(f"gradient of a bias over {tokens} tokens: {np.linalg.norm(low - right) / np.linalg.norm(right):.1e} off")
    if not hasattr(keras, "ops"):  # Keras 2
        return
    for shapes in SHAPES:
        x, y = (np.random.RandomState(0).uniform(size=shape) for shape in shapes)
        print(f"ops.add of {shapes}: {np.abs(np.asarray(keras.ops.add(x, y)) - (x + y)).max():.1e} off")


if __name__ == "__main__":
    main()
