"""Workload `large-batch`: loss and gradients of 1,024 whole sequences of 200 tokens, by `tiny`'s layers and vocabulary.

Its logits alone take 390 MiB. They aren't compared; loss, gradients and final states are.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from lm.arrays import Array, Tokens
from lm.config import Blocks, Config, unit_plans
from lm.oracle.masked import Masked, masked_step
from lm.oracle.sgd import densified
from lm.workloads.parts.padded import FULL, Padded
from lm.workloads.protocol import Answers, Opening, Work

BATCH, STEPS = 1_024, 200
PART = 32  # sequences that the oracle takes at a time in float64, to save memory


class Workload(Padded):
    """Implements lm.workloads.protocol.Workload."""

    plans = unit_plans(tiny=Blocks(2, 1, 0))
    cases = (FULL,)
    mask_zero = False
    curved = False
    # Over 204,800 tokens TensorFlow adds the output bias' gradient up row by row, as the oracle in float32 does.
    cap = 5e-3
    memory_gib = 8  # of both sides' processes, or of one and the oracle's

    def open(self, opening: Opening) -> Work:
        """Opens the work with the large batch. Raises DeviceError."""
        return super().open(enlarged(opening))

    def expected(self, opening: Opening, case: str, kind: type[np.floating[Any]]) -> Answers:
        """Returns loss, gradients and final state by the oracle."""
        found = super().expected(enlarged(opening), case, kind)
        return {quantity: of for quantity, of in found.items() if quantity != "logits"}

    def oracle(
        self, config: Config, weights: Mapping[str, Array], inputs: Tokens, targets: Tokens, lengths: Tokens
    ) -> Masked:
        """Returns a batch's results by their definition, without logits."""
        size = PART if weights["embedding"].dtype == np.float64 else len(inputs)
        parts = [slice(first, first + size) for first in range(0, len(inputs), size)]
        found = [masked_step(config, weights, inputs[part], targets[part], lengths[part]) for part in parts]
        share = weights["embedding"].dtype.type(1 / len(parts))
        return Masked(
            loss=sum(one.loss for one in found) * share,
            logits=np.empty(0),
            gradients={
                name: np.sum([densified(one.gradients[name], len(value)) for one in found], axis=0) * share
                for name, value in weights.items()
            },
            state={name: np.concatenate([one.state[name] for one in found]) for name in found[0].state},
        )


def enlarged(opening: Opening) -> Opening:
    """Returns the opening with the large batch."""
    config = dataclasses.replace(opening.config, batch_size=BATCH, num_steps=STEPS)
    return dataclasses.replace(opening, config=config)
