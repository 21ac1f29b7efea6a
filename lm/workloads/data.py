"""Workload `data`: a tf.data pipeline with a seed (shuffle, map, batch, prefetch, repeat): order and throughput.

NumPy can't reproduce tf.data's shuffle, so the order that TensorFlow 2.12.1 gave is kept here; 2.21.0 gives the same.
"""

from typing import Any

import numpy as np

from lm.arrays import Tokens
from lm.config import Blocks, Config, unit_plans
from lm.data.ids import random_ids
from lm.workloads import protocol
from lm.workloads.protocol import UNTRACED, Answers, Opening

EPOCHS = "epochs"  # the one case: two passes, each in an order of its own
SEQUENCES, BUFFER, SEED = 120, 50, 20200401  # SEQUENCES: whole batches of each configuration
BATCHES = 60  # of a unit
ORDERS = (  # of the sequences in each epoch, a byte each, in hexadecimal
    "042d08262c291d1f1a252307141b0f0e0337330a151e381c44422132394a122a0d0230502f35452b184d48573e1752205613"
    "36645d00403a5968104c433b58015f5b7134703f6b28665e4e69727760755405746a164b736d1927491147673d610c4f6f62"
    "3c46245c225a31656c065376632e514109556e0b",
    "0631181f1e0508022128323309250c37401b39003a240417102e20340342262a3f1c4f49122b1a5057563c4b58150b3d0f27"
    "48512c0d0a3e5d555c474e434d6f354a5323366859653022077566776d5b6219545e0e44144660702d11387401696467712f"
    "735a6a7216525f296c636e76453b416b611d4c13",
)


class Workload(protocol.Workload):
    """Implements lm.workloads.protocol.Workload."""

    work = "data_work:Work"
    metrics = UNTRACED
    plans = unit_plans(tiny=Blocks(20, 10, 2), notebook=Blocks(20, 10, 2))
    cases = (EPOCHS,)
    cap = 0.0  # ids are equal, or wrong

    def expected(self, opening: Opening, case: str, kind: type[np.floating[Any]]) -> Answers:
        """Returns the ids of both epochs in the order that is kept."""
        ids = sequences(opening.config).astype(kind)
        orders = [list(bytes.fromhex(order)) for order in ORDERS]
        return named([(ids[order, :-1], ids[order, 1:]) for order in orders])


def sequences(config: Config) -> Tokens:
    """Returns ids [SEQUENCES, steps + 1]: inputs, and the targets one step later."""
    return random_ids(config, 0, (SEQUENCES, config.num_steps + 1))


def named(epochs: list[tuple[Any, Any]]) -> dict[str, dict[str, Any]]:
    """Returns answers of each epoch's inputs and targets, both [SEQUENCES, steps], in the order that they came in."""
    return {
        quantity: {f"epoch {number}": ids for number, ids in enumerate(of, 1)}
        for quantity, of in zip(("inputs", "targets"), zip(*epochs, strict=True), strict=True)
    }
