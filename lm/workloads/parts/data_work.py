"""Work of `data`: a tf.data pipeline."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np
import tensorflow as tf

from lm.training.initial import weights_sha256
from lm.workloads.data import BATCHES, BUFFER, ORDERS, SEED, SEQUENCES, Workload, named, sequences
from lm.workloads.parts.on_device import OnDevice
from lm.workloads.protocol import Answering, Opening


class Work(OnDevice, Answering):
    """Takes batches of the pipeline, which goes on from unit to unit."""

    def __init__(self, workload: Workload, opening: Opening) -> None:
        super().__init__(opening)
        self.tokens = BATCHES * self.config.tokens_per_step
        self._sequences = sequences(self.config)
        digest = weights_sha256({"sequences": self._sequences.astype(np.float32)})
        self.fingerprint = self.config.fingerprint(workload.name, digest)

    def build(self) -> None:
        """Builds the pipeline."""
        self._pipeline = self._built()

    def _built(self) -> tf.data.Dataset:
        shuffled = tf.data.Dataset.from_tensor_slices(self._sequences).shuffle(BUFFER, seed=SEED)
        mapped = shuffled.map(lambda ids: (ids[:-1], ids[1:]), num_parallel_calls=tf.data.AUTOTUNE)
        return mapped.batch(self.config.batch_size).prefetch(tf.data.AUTOTUNE).repeat()

    def start(self) -> None:
        """Puts the pipeline at its beginning."""
        self._batches = iter(self._pipeline)

    def do(self, prepared: int) -> float:
        """Takes the next batches; returns the sum of the last one's targets."""
        for _ in range(BATCHES):
            _, targets = next(self._batches)
        return float(targets.numpy().sum())

    def answers(self, case: str) -> Mapping[str, Mapping[str, Any]]:
        """Returns the ids of the first two epochs of a pipeline of its own, which goes on as the timed one does."""
        batches = iter(self._built())
        count = SEQUENCES // self.config.batch_size
        epochs = [zip(*islice(batches, count), strict=True) for _ in ORDERS]
        return named([(np.concatenate(inputs), np.concatenate(targets)) for inputs, targets in epochs])
