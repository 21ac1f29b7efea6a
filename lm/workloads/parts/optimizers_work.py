"""Work of `optimizers`: Keras' optimizers, each with variables of its own."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from lm.config import Config
from lm.oracle.optimizers import OPTIMIZERS
from lm.runtime import relocate
from lm.training.initial import weights_sha256
from lm.workloads.optimizers import DENSE, SPARSE, UPDATES, Workload, named, start
from lm.workloads.parts.keras_optimizers import made, slots_of, values_of
from lm.workloads.parts.sequential import assign
from lm.workloads.parts.traced import Traced
from lm.workloads.protocol import Answering, Opening


class Updated:
    """The variables of one optimizer, and the optimizer."""

    def __init__(self, name: str, config: Config) -> None:
        shapes, layers = config.weight_shapes(), tf.keras.layers
        dense = layers.Dense(shapes[DENSE][1], use_bias=False)
        sparse = layers.Embedding(*shapes[SPARSE])
        dense.build((None, shapes[DENSE][0]))
        sparse.build((None,))
        self.variables = [*dense.trainable_variables, *sparse.trainable_variables]
        self.optimizer = made(name)
        self.optimizer.build(self.variables)  # now: inside a tf.function only the first call could

    def update(self, dense: tf.Tensor, sparse: tf.IndexedSlices) -> None:
        """Takes one update."""
        self.optimizer.apply_gradients(zip((dense, sparse), self.variables, strict=True))


class Work(Traced, Answering):
    """Takes one update by each optimizer, unit after unit."""

    def __init__(self, workload: Workload, opening: Opening) -> None:
        super().__init__(opening)
        self._workload = workload
        self.fingerprint = self.config.fingerprint(workload.name, weights_sha256(start(self.config)))

    def build(self) -> None:
        """Builds the variables and the optimizers."""
        with tf.device(self.device):
            self._updated = {name: Updated(name, self.config) for name in OPTIMIZERS}

    def trace(self) -> None:
        """Traces a unit."""
        self._function = self._traced(tuple(self._updated.values()))

    def _traced(self, updated: tuple[Updated, ...]) -> Any:
        """Returns the traced function that takes one update by each; it returns a number that waits for them all."""
        shapes = self.config.weight_shapes()

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
        for updated in self._updated.values():
            assign(updated.variables, start(self.config, self.jitter))

    def prepare(self, unit: int) -> Any:
        """Returns the unit's gradients as tensors."""
        with tf.device(self.device):
            return [tf.constant(value) for value in self._workload.gradients(self.config, unit + 1)]

    def do(self, prepared: Any) -> float:
        """Takes one update by each optimizer."""
        return float(self._function(*prepared))

    def relocate(self) -> None:
        """Moves the variables to other memory."""
        updated = self._updated.values()
        relocate(variable for each in updated for variable in each.variables)

    def answers(self, case: str) -> Mapping[str, Mapping[str, Any]]:
        """Returns changes and slots of an optimizer of its own, from the start."""
        with tf.device(self.device):
            updated = Updated(case, self.config)
        starts = start(self.config, self.jitter)
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
