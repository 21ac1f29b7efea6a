"""Full training: all epochs of a configuration, validation after each, the test at the end, checkpoints on the way."""

import dataclasses
import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lm.arrays import Tokens
from lm.data.batches import steps_per_epoch
from lm.data.corpus import Corpus
from lm.training.checkpoint import Checkpoint, EpochResult, load_checkpoint, save_checkpoint
from lm.training.initial import initial_weights
from lm.training.passes import DivergenceError, Evaluation, checked_loss, evaluate, perplexity, train_steps
from lm.training.trainer import Trainer

PROGRESS_LINES = 10  # an epoch
CHECKPOINT_SECONDS = 45.0  # so that an interruption loses a minute at most, the step at hand and a write included


@dataclasses.dataclass(frozen=True)
class Progress:
    """The progress of an epoch, `step` of `steps` from 0, with its running perplexity and speed so far."""

    epoch: int
    step: int
    steps: int
    perplexity: float
    words_per_second: float


@dataclasses.dataclass(frozen=True)
class TestResult:
    """The result of the test at the end of a training."""

    __test__ = False  # pytest: not a test class

    test_perplexity: float
    test_tokens: int


Event = Progress | EpochResult | TestResult


def prints_progress(step: int, steps: int) -> bool:
    """Returns whether progress is reported after `step` of an epoch's `steps`, counted from 0.

    The rule is the notebook's, `step % (epoch_size // 10) == 10`: of 1549 after 10, 164, 318 … In epochs under 110
    steps, where that never holds, it is the end of each tenth.
    """
    period = max(steps // PROGRESS_LINES, 1)
    return step % period == min(10, period - 1)


class FullTraining:
    """One full training of a trainer on a corpus, with its checkpoint at `checkpoint_path`.

    `fingerprint` identifies what is trained (Config.fingerprint): a checkpoint of anything else is not resumed from.
    """

    def __init__(self, trainer: Trainer, corpus: Corpus, checkpoint_path: Path, fingerprint: str) -> None:
        self.trainer = trainer
        self.config = trainer.config
        self.corpus = corpus
        self.checkpoint_path = checkpoint_path
        self.fingerprint = fingerprint
        self.steps = steps_per_epoch(len(corpus.train), self.config)
        self.epochs: list[EpochResult] = []
        self._step = 0
        self._epoch_loss = self._epoch_seconds = 0.0
        trainer.weights = initial_weights(self.config)

    def resume(self) -> int:
        """Resumes from the checkpoint and returns the global step. Raises CheckpointError."""
        checkpoint = load_checkpoint(self.checkpoint_path, self.fingerprint, self.trainer.implementation)
        self._step = checkpoint.step
        self._epoch_loss, self._epoch_seconds = checkpoint.epoch_loss, checkpoint.epoch_seconds
        self.epochs = list(checkpoint.epochs)
        self.trainer.weights, self.trainer.state = checkpoint.weights, checkpoint.state
        return self._step

    def run(self) -> Iterator[Event]:
        """Trains to the end. Raises DivergenceError when a loss, the weights or the state are no longer finite.

        The checkpoint is then the last one in which all was finite.
        """
        for epoch in range(len(self.epochs) + 1, self.config.epochs + 1):
            yield from self._train_epoch(epoch)
            self._save()  # before validation, which may take as long as many steps
            result = self._finish_epoch(epoch)
            self.epochs.append(result)
            self._epoch_loss = self._epoch_seconds = 0.0
            self._save()
            yield result
        test = self._evaluate("test", self.corpus.test)
        yield TestResult(test.perplexity, test.tokens)

    def _train_epoch(self, epoch: int) -> Iterator[Event]:
        self.trainer.learning_rate = self.config.epoch_learning_rate(epoch)
        saved = started = time.perf_counter()
        for step, result in train_steps(self.trainer, self.corpus.train, self._step, epoch * self.steps - self._step):
            self._epoch_loss += checked_loss(step, result)
            self._step = step + 1
            now = time.perf_counter()
            self._epoch_seconds, started = self._epoch_seconds + now - started, now
            done = self._step - (epoch - 1) * self.steps
            if prints_progress(done - 1, self.steps):
                yield Progress(epoch, done - 1, self.steps, *self._running(done))
            if now - saved > CHECKPOINT_SECONDS and done < self.steps:
                self._save()
                saved = started = time.perf_counter()

    def _finish_epoch(self, epoch: int) -> EpochResult:
        train_perplexity, words_per_second = self._running(self.steps)
        valid = self._evaluate("validation", self.corpus.valid)
        return EpochResult(
            epoch=epoch,
            learning_rate=self.config.epoch_learning_rate(epoch),
            train_perplexity=train_perplexity,
            valid_perplexity=valid.perplexity,
            train_seconds=self._epoch_seconds,
            words_per_second=words_per_second,
        )

    def _evaluate(self, name: str, tokens: Tokens) -> Evaluation:
        found = evaluate(self.trainer, tokens)
        if not math.isfinite(found.summed_loss):  # the weights are: they were saved before
            raise DivergenceError(
                f"{name} diverged: its loss is {found.summed_loss} after step {self._step - 1}, with finite weights"
            )
        return found

    def _running(self, done: int) -> tuple[float, float]:
        """Returns perplexity and words per second over the first `done` steps of the epoch."""
        return perplexity(self._epoch_loss, self.config, done), done * self.config.tokens_per_step / self._epoch_seconds

    def _save(self) -> None:
        weights, state = self.trainer.weights, self.trainer.state
        for name, value in (weights | state).items():
            if not np.isfinite(value).all():  # clipping by a norm of Inf does so, where the loss is still finite
                raise DivergenceError(f"training diverged: {name} is not finite after step {self._step - 1}")
        save_checkpoint(
            self.checkpoint_path,
            Checkpoint(
                fingerprint=self.fingerprint,
                implementation=self.trainer.implementation,
                step=self._step,
                learning_rate=self.trainer.learning_rate,
                epoch_loss=self._epoch_loss,
                epoch_seconds=self._epoch_seconds,
                epochs=tuple(self.epochs),
                weights=weights,
                state=state,
            ),
        )
