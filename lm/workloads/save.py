"""Workload `save`: a model and its Adam are written and read: checkpoint, `.weights.h5`, `.keras`, SavedModel.

A unit is one `.weights.h5`, written and read. Compared is what a reader has: weights, slots, logits, the loss that the
model was compiled with, and the change by the next update, which needs the count of updates as well; of a SavedModel,
which is for inference, the logits. A case reads the process's own file, or that of a process that came before: of the
reference in an upgrade.
"""

from typing import Any

import numpy as np

from lm.arrays import Floats, Tokens
from lm.config import Blocks, Config, unit_plans
from lm.data.ids import random_ids
from lm.oracle.optimizers import adam, by_slot, updated
from lm.oracle.step import cross_entropy, predict
from lm.training.initial import wide_weights
from lm.workloads import protocol
from lm.workloads.parts.promises import FORMATS, SAVED_MODEL
from lm.workloads.protocol import UNTRACED, Answers, Opening

OWN, GIVEN = "own", "given"  # whose file a case reads: "given .keras"
VERSIONS_FILE = "versions.json"  # of who wrote the files
SEQUENCES = 2


class Workload(protocol.Workload):
    """Implements lm.workloads.protocol.Workload; its work is ReadingFiles."""

    work = "save_work:Work"
    metrics = UNTRACED
    plans = unit_plans(tiny=Blocks(12, 6, 2), notebook=Blocks(8, 3, 1))
    cases = tuple(f"{whose} {form}" for whose in (OWN, GIVEN) for form in FORMATS)

    def file_bytes(self, config: Config) -> int:
        """Returns what the files take at most: weights and two slots in three formats, weights in the last."""
        return 4 * (3 * 3 + 1) * config.parameter_count() + 2**22

    def expected(self, opening: Opening, case: str, kind: type[np.floating[Any]]) -> Answers:
        """Returns logits, loss, weights, slots and the next change by the oracle."""
        config, start = opening.config, wide_weights(opening.config, opening.jitter, kind)
        first, second = (
            {name: value.astype(kind) for name, value in gradients(config, step).items()} for step in (1, 2)
        )
        weights, slots = updated(adam, start, {}, first, 1)
        later, _ = updated(adam, weights, slots, second, 2)
        inputs, targets = ids(config)
        logits = predict(config, weights, inputs)
        if case.endswith(SAVED_MODEL):
            return {"logits": {"": logits}}
        loss = cross_entropy(logits, targets)[0] / kind(config.num_steps)  # Keras' is the mean over all tokens
        return {
            "logits": {"": logits},
            "loss": {"": np.asarray(loss)},
            "weight": weights,
            **by_slot(slots),
            "change": {name: later[name] - value for name, value in weights.items()},
        }


def gradients(config: Config, step: int) -> dict[str, Floats]:
    """Returns the gradients of an update, counted from 1."""
    stream = np.random.RandomState([config.seed, step])
    return {name: stream.uniform(-1, 1, shape).astype(np.float32) for name, shape in config.weight_shapes().items()}


def ids(config: Config) -> tuple[Tokens, Tokens]:
    """Returns the inputs and targets, both [batch, steps], of logits and loss that are compared."""
    shape = (SEQUENCES, config.num_steps)
    return random_ids(config, 0, shape), random_ids(config, 1, shape)
