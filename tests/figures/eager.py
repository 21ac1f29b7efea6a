"""How much faster `cells` is under tf.function than in the notebook's eager loop, in one process, block by block in turn.

Two eager loops: the notebook's own, quirks and all (docs/model.md), and the very step that is traced, run operation by operation.

python -m tests.figures.eager [BLOCKS], in an environment with TensorFlow. Prints one line of JSON.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from lm.compat import build_optimizer
from lm.config import CONFIGS
from lm.data.batches import batch
from lm.data.load import load_corpus
from lm.models.keras_model import KerasModel
from lm.runtime import versions
from lm.training.initial import initial_weights
from lm.training.trainer import StepResult, Trainer

EAGER_STEPS, GRAPH_STEPS = 4, 12  # of a block; the first of each is dropped


class NotebookLoop:
    """A step as the notebook writes it.

    A softmax layer and Keras' cross-entropy of its probabilities; clipping by the global norm and once more by an optimizer with
    clipnorm; a learning rate variable for each batch that nothing reads.
    """

    def __init__(self, trainer: Trainer) -> None:
        assert isinstance(trainer.model, KerasModel)
        self._config, self._model = trainer.config, trainer.model
        self._softmax = tf.keras.layers.Activation("softmax")
        self._optimizer = tf.keras.optimizers.SGD(
            learning_rate=trainer.config.learning_rate, clipnorm=trainer.config.clip_norm
        )
        build_optimizer(self._optimizer, self._model.keras_variables)

    def step(self, inputs: Any, targets: Any) -> StepResult:
        """One training step on ids [batch, steps]."""
        tf.Variable(self._config.learning_rate, trainable=False)
        with tf.GradientTape() as tape:
            probabilities = self._softmax(self._model.logits(tf.constant(inputs)))
            losses = tf.keras.losses.sparse_categorical_crossentropy(tf.constant(targets), probabilities)
            cost = tf.reduce_sum(losses / self._config.batch_size)
        gradients = tape.gradient(cost, self._model.variables)
        clipped, norm = tf.clip_by_global_norm(gradients, self._config.clip_norm)
        self._optimizer.apply_gradients(zip(clipped, self._model.keras_variables, strict=True))
        return StepResult(cost, None, gradients, norm, clipped)


def block_seconds(step: Callable[..., Any], batches: list[Any]) -> float:
    """Median seconds of a step over the batches, the first left out."""
    seconds = []
    for inputs, targets in batches:
        started = time.perf_counter()
        float(step(inputs, targets).loss)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:])


def main(blocks: int = 6) -> None:
    """Measures and prints."""
    config = CONFIGS["notebook"]
    tokens = load_corpus("synthetic", config).train
    trainer = Trainer(config)
    trainer.weights = initial_weights(config)
    batches = [batch(tokens, config, index) for index in range(GRAPH_STEPS)]
    loops: dict[str, Callable[..., StepResult]] = {
        "graph": trainer.train_step,
        "notebook": NotebookLoop(trainer).step,
        "same step, eager": trainer.train_step_eagerly,
    }
    for step in loops.values():
        block_seconds(step, batches[:3])  # warm-up
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(blocks):
        for name, step in loops.items():
            seconds[name].append(block_seconds(step, batches if name == "graph" else batches[:EAGER_STEPS]))
    result: dict[str, Any] = {"config": config.name, "tensorflow": versions()["tensorflow"]}
    for name, times in seconds.items():
        ratios = [slow / fast for slow, fast in zip(times, seconds["graph"], strict=True)]
        result[name] = {
            "words_per_second": round(config.tokens_per_step / statistics.median(times)),
            "graph_is_faster_by": round(statistics.median(ratios), 2),
            "by_block": [round(ratio, 2) for ratio in ratios],
        }
    print(json.dumps(result))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
