"""Compiles an LSTM's step by XLA with TensorFlow and Keras alone, and prints what memory that takes.

python -m experiments.xla_memory, in an environment with TensorFlow: MiB of anonymous memory before, at the peak of
compiling, and after. Nothing of tfgate measures here, so it confirms or refutes what `tfgate upgrade --workload xla`
says of peak memory (docs/releases.md).
"""

import re
import threading
import time
from pathlib import Path

UNITS, VOCABULARY, BATCH, STEPS = 32, 500, 8, 10  # tiny's first layer


def anonymous_mebibytes() -> float:
    """Returns this process's anonymous memory."""
    found = re.search(r"^RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
    return int(found[1]) / 1024 if found else float("nan")


def main() -> None:
    """Prints the line."""
    import keras
    import tensorflow as tf

    layers = [
        keras.layers.Embedding(VOCABULARY, UNITS),
        keras.layers.LSTM(UNITS, return_sequences=True),
        keras.layers.Dense(VOCABULARY),
    ]
    model = keras.Sequential(layers)
    tokens = tf.zeros([BATCH, STEPS], tf.int32)
    model(tokens)
    highest, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.is_set():
            highest[0] = max(highest[0], anonymous_mebibytes())
            time.sleep(0.002)

    @tf.function(jit_compile=True)  # type: ignore[untyped-decorator]
    def gradients() -> object:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(tokens, model(tokens)))
        return tape.gradient(loss, model.trainable_variables)

    before = anonymous_mebibytes()
    watcher = threading.Thread(target=watch)
    watcher.start()
    gradients()
    over.set()
    watcher.join()
    after = anonymous_mebibytes()
    print(
        f"TensorFlow {tf.__version__}: {before:.0f} MiB, at most {highest[0]:.0f} MiB while compiling, then {after:.0f}"
    )


if __name__ == "__main__":
    main()
