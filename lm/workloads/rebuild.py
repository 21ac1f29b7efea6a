"""Workload `rebuild`: a model is built, compiled, fitted to one batch and deleted, over and over (tensorflow #61791).

What a model leaves behind shows as memory growth, and as step time growth if it slows down the next ones. Each unit
ends as Keras' documentation advises, with `clear_session`, and with a collection of garbage, since models refer to
themselves.
"""

from typing import Any

import numpy as np

from lm.arrays import Tokens
from lm.config import Blocks, Config, LaunchPlan
from lm.data.ids import random_ids
from lm.oracle.sgd import apply_sgd
from lm.oracle.step import mean_loss, predict
from lm.training.initial import wide_weights
from lm.workloads import protocol
from lm.workloads.protocol import Answers, Opening

THIRD = "third"  # the one case: the third of models built one after the other, on a batch each
RATE = 10.0  # of gradient descent
SHORT, LONG = Blocks(10, 1, 0), Blocks(24, 1, 0)  # 23 models, and 51: what they leave behind is measured on all cores


class Workload(protocol.Workload):
    """Implements lm.workloads.protocol.Workload."""

    work = "rebuild_work:Work"
    metrics = (
        "step time on one core", "step time", "peak memory", "memory growth", "step time growth", "cpu time", "import",
        "first step",
    )  # fmt: skip
    plans = dict.fromkeys(("tiny", "notebook"), LaunchPlan(1, LONG, SHORT))
    cases = (THIRD,)

    def expected(self, opening: Opening, case: str, kind: type[np.floating[Any]]) -> Answers:
        """Returns the loss of the third batch, and its logits after the update, by the oracle."""
        config, weights = opening.config, wide_weights(opening.config, opening.jitter, kind)
        inputs, targets = batch(config, 2)
        loss, gradients = mean_loss(config, weights, inputs, targets)
        after = apply_sgd(weights, gradients, RATE)
        return {"loss": {"": np.asarray(loss)}, "logits": {"": predict(config, after, inputs)}}


def batch(config: Config, unit: int) -> tuple[Tokens, Tokens]:
    """Returns a unit's inputs and targets, each [batch, steps]."""
    shape = (config.batch_size, config.num_steps)
    return random_ids(config, 2 * unit, shape), random_ids(config, 2 * unit + 1, shape)
