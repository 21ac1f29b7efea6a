"""Workload `fit`: Keras' `compile` and `fit` with default arguments: Adam, initializers; tf.data with shuffling.

A unit is a `fit` over a small data set. A launch has a seed of its own, the same on both sides, and starts from the
initializers' draws: its mean loss over the first units is the metric "fitted loss", whose distribution over launches
shows a changed default. The oracle checks one update of given weights: the loss, Adam's slots, and the change times
slot m. Adam's first change has about the size of the learning rate even where the gradient is near 0 and its sign is
rounding; times m, such a change counts for little. The oracle checks as well the loss and the accuracy that Keras
reports of rows that don't fill the last batch.
"""

import functools
from typing import Any

import numpy as np

from lm.arrays import Tokens
from lm.config import Blocks, Config, unit_plans
from lm.data.ids import random_ids
from lm.oracle.optimizers import DOCUMENTED, adam, by_slot, updated
from lm.oracle.sgd import densified
from lm.oracle.step import cross_entropy, mean_loss, predict
from lm.training.initial import wide_weights
from lm.workloads import protocol
from lm.workloads.protocol import UNTRACED, Answers, Opening

UPDATES = {"tiny": 20, "notebook": 5}  # of a unit, by configuration
FIRST, SHORT = "first update", "short last batch"
EVALUATE, FIT = "evaluate", "fit"  # what reports a loss and an accuracy: `fit` with a learning rate of 0
STREAM = 4  # of the rows' ids; in it the likeliest words lead (tests/lm/workloads/test_fit.py)


class Workload(protocol.Workload):
    """Implements lm.workloads.protocol.Workload."""

    work = "fit_work:Work"
    metrics = ("fitted loss", *UNTRACED)
    plans = unit_plans(tiny=Blocks(8, 4, 1), notebook=Blocks(6, 2, 1))
    cases = (FIRST, SHORT)

    def expected(self, opening: Opening, case: str, kind: type[np.floating[Any]]) -> Answers:
        """Returns loss, slots and the change by the oracle, with the arguments that Keras documents; or the loss and
        the accuracy of `rows`, each the mean over all tokens.
        """
        config, weights = opening.config, wide_weights(opening.config, opening.jitter, kind)
        if case == SHORT:
            inputs, targets = rows(config)
            logits = predict(config, weights, inputs)
            reported = {
                "loss": cross_entropy(logits, targets)[0] / kind(config.num_steps),
                "accuracy": np.mean(logits.argmax(axis=-1) == targets, dtype=kind),
            }
            return {quantity: dict.fromkeys((EVALUATE, FIT), np.asarray(value)) for quantity, value in reported.items()}
        loss, gradients = mean_loss(config, weights, *batch(config))
        dense = {name: densified(gradient, len(weights[name])) for name, gradient in gradients.items()}
        after, slots = updated(functools.partial(adam, given=DOCUMENTED), weights, {}, dense, 1)
        changes = {name: (after[name] - value) * slots[name]["m"] for name, value in weights.items()}
        return {"loss": {"": np.asarray(loss)}, **by_slot(slots), "change times m": changes}


def batch(config: Config) -> tuple[Tokens, Tokens]:
    """Returns inputs and targets [batch, steps]; no input comes twice, since Keras 3 squares those one by one."""
    stream, shape = np.random.RandomState(config.seed), (config.batch_size, config.num_steps)
    inputs = stream.permutation(config.vocabulary_size)[: config.tokens_per_step].reshape(shape)
    return inputs.astype(np.int32), stream.randint(0, config.vocabulary_size, shape).astype(np.int32)


def rows(config: Config) -> tuple[Tokens, Tokens]:
    """Returns inputs and targets [2.5 batches, steps]; targets are the unlikeliest words in the first batch, by the
    oracle, and the likeliest in the others.

    So each batch has another loss and another accuracy than all rows, and rounding makes no other word the likeliest.
    """
    inputs = random_ids(config, STREAM, (config.batch_size * 5 // 2, config.num_steps))
    logits = predict(config, wide_weights(config, kind=np.float64), inputs)
    first = np.arange(len(inputs))[:, np.newaxis] < config.batch_size
    return inputs, np.where(first, logits.argmin(axis=-1), logits.argmax(axis=-1)).astype(np.int32)
