"""The yardstick: the same training step by NumPy in float32, timed in turn with TensorFlow's.

It tells a slow machine from a slow TensorFlow.
"""

import time
from pathlib import Path

import numpy as np

from bench.record.replies import Timed
from lm.batches import batch, steps_per_epoch
from lm.config import config_by_name
from lm.corpus import load_corpus
from lm.initial import dropout_masks, initial_weights
from lm.oracle import step as oracle_step


class Session:
    """A process that takes NumPy steps when asked. The weights never move: only the time counts."""

    def open(self, config: str, corpus: str, corpus_path: str | None = None) -> None:
        """Loads a reference configuration. Raises ConfigError, CorpusError."""
        self._config = config_by_name(config)
        self._tokens = load_corpus(corpus, self._config, Path(corpus_path) if corpus_path else None).train
        self._weights = initial_weights(self._config)
        self._state = {name: np.zeros(shape, np.float32) for name, shape in self._config.state_shapes().items()}
        self._next_step = 0

    def steps(self, count: int) -> Timed:
        """Takes the next `count` steps."""
        seconds = []
        for step in range(self._next_step, self._next_step + count):
            inputs, targets = batch(self._tokens, self._config, step % steps_per_epoch(self._tokens.size, self._config))
            masks = dropout_masks(self._config, step)
            started = time.perf_counter()
            oracle_step(self._config, self._weights, self._state, inputs, targets, masks, learning_rate=self._config.learning_rate)
            seconds.append(time.perf_counter() - started)
        self._next_step += count
        return Timed(tuple(seconds))
