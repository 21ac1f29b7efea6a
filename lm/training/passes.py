"""Passes over a data set: a trainer reads a corpus batch by batch, training or evaluating, its state carried from one to the next."""

import dataclasses
import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from lm.config import Config
from lm.data.batches import batch, steps_per_epoch
from lm.data.masks import dropout_masks
from lm.training.trainer import StepResult, Trainer

Tokens = NDArray[np.int32]


class DivergenceError(ArithmeticError):
    """Training met a loss that isn't finite; `step` is the global step, from 0."""

    def __init__(self, step: int, loss: float) -> None:
        super().__init__(f"training diverged: the loss is {loss} at step {step}")
        self.step = step


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Result of one pass without training."""

    perplexity: float
    tokens: int
    weights_changed: bool  # whether the pass left other weights than it found: it must not


def perplexity(summed_loss: float, config: Config, steps: int) -> float:
    """exp(summed loss / tokens) for `steps` steps whose costs (sums over time of batch means) sum to `summed_loss`; not clipped.

    Infinity where the exponential leaves the range of a float.
    """
    mean = summed_loss / (steps * config.num_steps)
    return math.exp(mean) if mean < math.log(1.7e308) else (math.nan if math.isnan(mean) else math.inf)


def train_steps(trainer: Trainer, tokens: Tokens, first: int, count: int) -> Iterator[tuple[int, StepResult]]:
    """Trains `count` steps from global step `first` (from 0), zeroing the state at each start of a pass; yields (step, result).

    The loss isn't read here: the caller decides when to wait for the device.
    """
    length = steps_per_epoch(len(tokens), trainer.config)
    for step in range(first, first + count):
        if step % length == 0:
            trainer.zero_state()
        inputs, targets = batch(tokens, trainer.config, step % length)
        yield step, trainer.train_step(inputs, targets, dropout_masks(trainer.config, step))


def checked_loss(step: int, result: StepResult) -> float:
    """The loss as a number. Raises DivergenceError if it isn't finite."""
    loss = float(result.loss)
    if not math.isfinite(loss):
        raise DivergenceError(step, loss)
    return loss


def evaluate(
    trainer: Trainer, tokens: Tokens, max_steps: int | None = None, progress: Callable[[int], None] | None = None
) -> Evaluation:
    """Perplexity over a pass (or its first `max_steps` batches) from a zero state; the training state is put back afterwards."""
    steps = steps_per_epoch(len(tokens), trainer.config)
    steps = min(steps, max_steps) if max_steps else steps
    state, weights = trainer.state, trainer.weights
    trainer.zero_state()
    summed = 0.0
    for index in range(steps):
        summed += float(trainer.evaluation_step(*batch(tokens, trainer.config, index)))
        if progress:
            progress(index)
    trainer.state = state
    changed = any(not np.array_equal(weights[name], value, equal_nan=True) for name, value in trainer.weights.items())
    return Evaluation(perplexity(summed, trainer.config, steps), steps * trainer.config.tokens_per_step, changed)
