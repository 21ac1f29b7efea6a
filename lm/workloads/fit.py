"""Workload `fit`: Keras' `compile` and `fit` with default arguments: Adam, initializers; tf.data with shuffling.

A unit is a `fit` over a small data set. A launch has a seed of its own, the same on both sides, and starts from the
initializers' draws: its mean loss over the first units is the metric "fitted loss", whose distribution over launches
shows a changed default. The oracle checks one update of given weights: the loss, Adam's slots, and the change times
slot m. Adam's first change has about the size of the learning rate even where the gradient is near 0 and its sign is
rounding; times m, such a change counts for little.
"""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from lm.arrays import Tokens
from lm.config import Blocks, Config, LaunchPlan, unit_plans
from lm.oracle.optimizers import DOCUMENTED, adam, by_slot, updated
from lm.oracle.sgd import densified
from lm.oracle.step import mean_loss
from lm.training.initial import wide_weights
from lm.workloads import protocol
from lm.workloads.protocol import UNTRACED, Answers, Opening

UPDATES = {"tiny": 20, "notebook": 5}  # of a unit, by configuration
FIRST = "first update"


class Workload(protocol.Workload):
    """Implements lm.workloads.protocol.Workload."""

    work = "fit_work:Work"
    metrics = ("fitted loss", *UNTRACED)
    plans: Mapping[str, LaunchPlan] = unit_plans(tiny=Blocks(8, 4, 1), notebook=Blocks(6, 2, 1))
    cases = (FIRST,)

    def expected(self, opening: Opening, case: str, kind: type[np.floating[Any]]) -> Answers:
        """Returns loss, slots and the change by the oracle, with the arguments that Keras documents."""
        config, weights = opening.config, wide_weights(opening.config, opening.jitter, kind)
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
