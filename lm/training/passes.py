"""Passes over a corpus, batch by batch, training or evaluating, with the recurrent state carried along."""

import dataclasses
import math
from collections.abc import Iterator

import numpy as np

from lm.arrays import Tokens
from lm.config import Config
from lm.data.batches import batch, steps_per_epoch, training_batch
from lm.training.trainer import StepResult, Trainer


class DivergenceError(ArithmeticError):
    """A loss, weights or a state that aren't finite; the message names them and the global step, counted from 0."""


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The result of one pass without training."""

    summed_loss: float  # over its steps
    perplexity: float
    tokens: int
    weights_changed: bool  # a pass must leave the weights that it found


def perplexity(summed_loss: float, config: Config, steps: int) -> float:
    """Returns exp(summed loss / tokens), not clipped; infinity where the exponential leaves the range of a float.

    `summed_loss` is the sum of the costs (sums over time of batch means) of `steps` steps.
    """
    try:
        return math.exp(summed_loss / (steps * config.num_steps))
    except OverflowError:
        return math.inf


def train_steps(trainer: Trainer, tokens: Tokens, first: int, count: int) -> Iterator[tuple[int, StepResult]]:
    """Trains `count` steps from global step `first`, counted from 0, on a text [tokens]; yields (step, result).

    The state is zeroed at each start of a pass. The loss isn't read here: the caller decides when to wait for the
    device.
    """
    length = steps_per_epoch(len(tokens), trainer.config)
    for step in range(first, first + count):
        if step % length == 0:
            trainer.zero_state()
        yield step, trainer.train_step(*training_batch(tokens, trainer.config, step))


def checked_loss(step: int, result: StepResult) -> float:
    """Returns the loss as a number. Raises DivergenceError if it isn't finite."""
    loss = float(result.loss)
    if not math.isfinite(loss):
        raise DivergenceError(f"training diverged: the loss is {loss} at step {step}")
    return loss


def evaluate(trainer: Trainer, tokens: Tokens, max_steps: int | None = None) -> Evaluation:
    """Returns the perplexity over a text [tokens], or its first `max_steps` batches, from a zero state.

    The training state is restored afterwards.
    """
    steps = steps_per_epoch(len(tokens), trainer.config)
    steps = min(steps, max_steps) if max_steps else steps
    state, weights = trainer.state, trainer.weights
    trainer.zero_state()
    summed = 0.0
    for index in range(steps):
        summed += float(trainer.evaluation_step(*batch(tokens, trainer.config, index)))
    trainer.state = state
    changed = any(not np.array_equal(weights[name], value, equal_nan=True) for name, value in trainer.weights.items())
    return Evaluation(
        summed, perplexity(summed, trainer.config, steps), steps * trainer.config.tokens_per_step, changed
    )
