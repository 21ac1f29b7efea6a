"""Workload `train`: one training step of a stacked LSTM, batch after batch of a corpus.

The oracle takes chosen steps as well, from the same weights (docs/numerics.md).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lm.config import LAUNCH_PLANS, LaunchPlan, require_implementation
from lm.data.batches import Batch, steps_per_epoch, training_batch
from lm.data.load import load_corpus
from lm.training.initial import initial_weights, weights_sha256
from lm.workloads import protocol
from lm.workloads.protocol import Answers, Opening


class Workload(protocol.Workload):
    """Implements lm.workloads.protocol.Workload; its work is Training."""

    metrics: tuple[str, ...] = ()  # all
    plans: Mapping[str, LaunchPlan] = LAUNCH_PLANS
    cases: tuple[str, ...] = ()

    def open(self, opening: Opening) -> "Work":
        """Reads corpus and initial weights. Raises ConfigError, CorpusError, DeviceError."""
        return Work(opening)

    def expected(self, opening: Opening, case: str, kind: type[np.floating[Any]]) -> Answers:
        """Raises ValueError: steps are compared, not cases."""
        raise ValueError(f"train has no case {case!r}: its steps are compared with the oracle's")


class Work:
    """Implements lm.workloads.protocol.Training."""

    def __init__(self, opening: Opening) -> None:
        from lm.runtime import require_device
        from lm.training.trainer import Trainer

        require_implementation(opening.implementation)
        require_device(opening.device)
        self._made_by, self._opening = Trainer, opening
        self.config, self.device = opening.config, opening.device
        self.corpus = load_corpus(opening.corpus, self.config, opening.corpus_path)
        self.fingerprint = self.config.fingerprint(self.corpus.sha256, weights_sha256(initial_weights(self.config)))

    @property
    def tokens(self) -> int:
        """Returns the predictions of a step."""
        return self.config.tokens_per_step

    def build(self) -> None:
        """Builds the trainer."""
        self.trainer = self._made_by(self.config, self._opening.implementation, self.device)

    def trace(self) -> None:
        """Traces the training step."""
        self.trainer.trace()

    def start(self) -> None:
        """Sets the initial weights."""
        self.trainer.weights = initial_weights(self.config, self._opening.jitter)

    def prepare(self, unit: int) -> Batch:
        """Returns what a global step reads; a new pass starts from a zero state and at its own learning rate."""
        epoch, index = divmod(unit, steps_per_epoch(self.corpus.train.size, self.config))
        if index == 0:
            self.trainer.zero_state()
            self.trainer.learning_rate = self.config.epoch_learning_rate(epoch + 1)
        return training_batch(self.corpus.train, self.config, unit)

    def do(self, prepared: Batch) -> float:
        """Takes a step; returns its loss."""
        return float(self.trainer.train_step(*prepared).loss)

    def wait(self) -> None:
        """Blocks until the weights are those after the last step."""
        self.trainer.wait()

    def relocate(self) -> None:
        """Moves weights and states to other memory."""
        self.trainer.relocate()

    @property
    def retraces(self) -> int:
        """Returns how often a step was traced beyond the first time."""
        return self.trainer.retraces

    def graph_operations(self) -> dict[str, int]:
        """Counts the operations of the step's graph by type."""
        return self.trainer.graph_operations()
