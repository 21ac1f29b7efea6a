"""Workload `optimizers`: updates by Adam, momentum and RMSprop, of a dense gradient and of a sparse one.

A unit is one update by each. Compared are the variables' changes and the slots after 1 and after 300 updates, from
gradients that are given. A sparse gradient names each row once; `optimizers-twice` has the others.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lm.arrays import Array, Floats, Tokens
from lm.config import Blocks, Config, LaunchPlan, unit_plans
from lm.oracle import optimizers as oracle
from lm.oracle.sgd import SparseRows, densified
from lm.training.initial import initial_weights, weights_sha256
from lm.workloads import protocol
from lm.workloads.parts.traced import Traced
from lm.workloads.protocol import Answers, Opening

if TYPE_CHECKING:
    import tensorflow as tf

UPDATES = (1, 300)  # after which variables and slots are compared
DENSE, SPARSE = "lstm0/kernel", "embedding"  # variables, by the names of Config.weight_shapes


class Workload(protocol.Workload):
    """Implements lm.workloads.protocol.Workload."""

    name = "optimizers"
    metrics: tuple[str, ...] = (
        *("step time on one core", "step time", "peak memory", "memory growth", "retraces"),
        *("cpu time", "import", "build", "trace", "first step", "graph operations"),
    )
    plans: Mapping[str, LaunchPlan] = unit_plans(tiny=Blocks(40, 20, 4), notebook=Blocks(16, 6, 2))
    cases = tuple(oracle.OPTIMIZERS)

    def open(self, opening: Opening) -> "Work":
        """Returns the work. Raises DeviceError."""
        return Work(self, opening)

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
        return dense, rows, sparse

    def expected(self, opening: Opening, case: str, kind: type[np.floating[Any]]) -> Answers:
        """Returns changes and slots by the oracle."""
        config, update = opening.config, oracle.OPTIMIZERS[case]
        starts: dict[str, Array] = {name: value.astype(kind) for name, value in start(config, opening.jitter).items()}
        values, slots = starts, dict[str, oracle.Slots]()
        found: dict[str, dict[str, Array]] = {}
        for step in range(1, UPDATES[-1] + 1):
            dense, rows, sparse = self.gradients(config, step)
            whole = densified(SparseRows(rows, sparse.astype(kind)), config.vocabulary_size)
            given = {DENSE: dense.astype(kind), SPARSE: whole}
            values, slots = oracle.updated(update, values, slots, given, step)
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


class Updated:
    """The variables of one optimizer, and the optimizer."""

    def __init__(self, name: str, config: Config) -> None:
        import tensorflow as tf

        from lm.workloads.parts.keras_optimizers import made

        shapes, layers = config.weight_shapes(), tf.keras.layers
        dense = layers.Dense(shapes[DENSE][1], use_bias=False)
        sparse = layers.Embedding(*shapes[SPARSE])
        dense.build((None, shapes[DENSE][0]))
        sparse.build((None,))
        self.variables = [*dense.trainable_variables, *sparse.trainable_variables]
        self.optimizer = made(name)
        self.optimizer.build(self.variables)  # now: inside a tf.function only the first call could

    def update(self, dense: "tf.Tensor", sparse: "tf.IndexedSlices") -> None:
        """Takes one update."""
        self.optimizer.apply_gradients(zip((dense, sparse), self.variables, strict=True))


class Work(Traced):
    """Implements lm.workloads.protocol.Answering."""

    tokens = 0

    def __init__(self, workload: Workload, opening: Opening) -> None:
        import tensorflow as tf

        from lm import runtime

        runtime.require_device(opening.device)
        self._tf, self._runtime, self._jitter, self._workload = tf, runtime, opening.jitter, workload
        self.config, self.device = opening.config, opening.device
        self.fingerprint = self.config.fingerprint(workload.name, weights_sha256(start(self.config)))

    def build(self) -> None:
        """Builds the variables and the optimizers."""
        with self._tf.device(self.device):
            self._updated = {name: Updated(name, self.config) for name in oracle.OPTIMIZERS}

    def trace(self) -> None:
        """Traces a unit."""
        self._function = self._traced(tuple(self._updated.values()))

    def _traced(self, updated: tuple[Updated, ...]) -> Any:
        """Returns the traced function that takes one update by each; it returns a number that waits for them all."""
        tf, shapes = self._tf, self.config.weight_shapes()

        def update(dense: Any, rows: Any, sparse: Any) -> Any:
            with tf.device(self.device):
                for each in updated:
                    each.update(dense, tf.IndexedSlices(sparse, rows, tf.constant(shapes[SPARSE])))
                return tf.add_n([tf.convert_to_tensor(each.variables[0])[0, 0] for each in updated])

        width = (self.config.tokens_per_step, shapes[SPARSE][1])
        signature = (tf.TensorSpec(shapes[DENSE]), tf.TensorSpec(width[:1], tf.int32), tf.TensorSpec(width))
        traced = tf.function(update, signature, autograph=False)
        traced.get_concrete_function()
        return traced

    def start(self) -> None:
        """Sets the variables; slots start from 0."""
        from lm.workloads.parts.sequential import assign

        for updated in self._updated.values():
            assign(updated.variables, start(self.config, self._jitter))

    def prepare(self, unit: int) -> Any:
        """Returns the unit's gradients as tensors."""
        with self._tf.device(self.device):
            return [self._tf.constant(value) for value in self._workload.gradients(self.config, unit + 1)]

    def do(self, prepared: Any) -> float:
        """Takes one update by each optimizer."""
        return float(self._function(*prepared))

    def relocate(self) -> None:
        """Moves the variables to other memory."""
        updated = self._updated.values()
        self._runtime.relocate(variable for each in updated for variable in each.variables)

    def answers(self, case: str) -> Mapping[str, Mapping[str, Any]]:
        """Returns changes and slots of an optimizer of its own, from the start."""
        from lm.workloads.parts.keras_optimizers import slots_of, values_of
        from lm.workloads.parts.sequential import assign

        with self._tf.device(self.device):
            updated = Updated(case, self.config)
        starts = start(self.config, self._jitter)
        assign(updated.variables, starts)
        update = self._traced((updated,))
        found: dict[str, dict[str, Any]] = {}
        for step in range(1, UPDATES[-1] + 1):
            update(*self.prepare(step - 1))
            if step in UPDATES:
                values, slots = values_of(updated.variables), slots_of(updated.optimizer, case)
                changes = {name: value - old for (name, old), value in zip(starts.items(), values, strict=True)}
                found |= named(changes, {slot: dict(zip(starts, of, strict=True)) for slot, of in slots.items()}, step)
        return found
