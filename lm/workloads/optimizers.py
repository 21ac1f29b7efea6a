"""Workload `optimizers`: updates by Adam, momentum and RMSprop, of a dense gradient and of a sparse one.

A unit is one update by each. Compared are the variables' changes and the slots after 1 and after 300 updates, from
gradients that are given. Those of update 150 are exactly 0, as of a batch that is all padding. A sparse gradient names
each row once; `optimizers-twice` has the others. Clip norms and a weight decay are compared alike, and not timed.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lm.arrays import Array, Floats, Tokens
from lm.config import Blocks, Config, unit_plans
from lm.oracle import optimizers as oracle
from lm.oracle.sgd import SparseRows, densified
from lm.training.initial import initial_weights
from lm.workloads import protocol
from lm.workloads.protocol import TRACED, Answers, Opening

UPDATES = (1, 300)  # after which variables and slots are compared
ZERO = 150  # the update whose gradients are exactly 0: their norms divide nothing
DENSE, SPARSE = "lstm0/kernel", "embedding"  # variables, by the names of Config.weight_shapes


class Workload(protocol.Workload):
    """Implements lm.workloads.protocol.Workload."""

    work = "optimizers_work:Work"
    metrics = TRACED
    plans = unit_plans(tiny=Blocks(40, 20, 4), notebook=Blocks(16, 6, 2))
    cases: tuple[str, ...] = (*oracle.OPTIMIZERS, *oracle.WITH_ARGUMENT)

    def rows(self, config: Config, stream: np.random.RandomState) -> Tokens:
        """Returns the rows that a sparse gradient names."""
        return stream.permutation(config.vocabulary_size)[: config.tokens_per_step].astype(np.int32)

    def gradients(self, config: Config, step: int) -> tuple[Floats, Tokens, Floats]:
        """Returns the dense gradient, the rows that the sparse one names, and their values."""
        stream = np.random.RandomState([config.seed, step])
        shapes, rows = config.weight_shapes(), self.rows(config, stream)
        dense, sparse = (
            stream.uniform(-1, 1, shape).astype(np.float32) for shape in (shapes[DENSE], (rows.size, shapes[SPARSE][1]))
        )
        return (0 * dense, rows, 0 * sparse) if step == ZERO else (dense, rows, sparse)

    def expected(self, opening: Opening, case: str, kind: type[np.floating[Any]]) -> Answers:
        """Returns changes and slots by the oracle."""
        config = opening.config
        starts: dict[str, Array] = {name: value.astype(kind) for name, value in start(config, opening.jitter).items()}
        values, slots = starts, dict[str, oracle.Slots]()
        found: dict[str, dict[str, Array]] = {}
        for step in range(1, UPDATES[-1] + 1):
            dense, rows, sparse = self.gradients(config, step)
            whole = densified(SparseRows(rows, sparse.astype(kind)), config.vocabulary_size)
            given = {DENSE: dense.astype(kind), SPARSE: whole}
            values, slots = oracle.updated_by(case, values, slots, given, step)
            if step in UPDATES:
                changes = {name: values[name] - value for name, value in starts.items()}
                found |= named(changes, oracle.by_slot(slots), step)
        return found


def start(config: Config, jitter: int = 0) -> dict[str, Floats]:
    """Returns the variables' initial values."""
    weights = initial_weights(config, jitter)
    return {name: weights[name] for name in (DENSE, SPARSE)}


def named(
    changes: Mapping[str, Any], slots: Mapping[str, Mapping[str, Any]], updates: int
) -> dict[str, dict[str, Any]]:
    """Returns answers after so many updates, by quantity: "change after 300", "slot m after 300"."""
    return {f"{quantity} after {updates}": dict(of) for quantity, of in {"change": changes, **slots}.items()}
