"""Workload `masked`: loss and gradients of sequences of several lengths, padded with 0, whose mask Keras makes.

The embedding's `mask_zero` makes the mask, which goes with the values from layer to layer. There is no update.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lm.arrays import Array, Tokens
from lm.config import Blocks, Config, LaunchPlan
from lm.data.ids import random_ids
from lm.oracle.masked import masked_step
from lm.oracle.sgd import densified
from lm.training.initial import initial_weights, weights_sha256
from lm.workloads.protocol import Answers, Opening

if TYPE_CHECKING:
    import tensorflow as tf

RAGGED, FULL = "ragged", "full"  # cases: lengths from 1 to all steps; all sequences are whole
Batch = tuple[Tokens, Tokens, Tokens]  # inputs and targets [batch, steps], lengths [batch]


class Workload:
    """Implements lm.workloads.protocol.Workload."""

    metrics: tuple[str, ...] = (
        *("step time on one core", "step time", "peak memory", "memory growth", "retraces"),
        *("cpu time", "import", "build", "trace", "first step", "graph operations"),
    )
    plans: Mapping[str, LaunchPlan] = {
        "tiny": LaunchPlan(1, *(Blocks(30, 10, 2, evaluation_quads=0, evaluation_steps=0),) * 2),
        "notebook": LaunchPlan(1, *(Blocks(10, 3, 1, evaluation_quads=0, evaluation_steps=0),) * 2),
    }
    cases = (RAGGED, FULL)

    def open(self, opening: Opening) -> "Work":
        """Returns the work. Raises DeviceError."""
        return Work(opening)

    def expected(self, opening: Opening, case: str, kind: type[np.floating[Any]]) -> Answers:
        """Returns loss, logits, gradients and final state by the oracle."""
        config = opening.config
        weights: dict[str, Array] = {
            name: value.astype(kind) for name, value in initial_weights(config, opening.jitter).items()
        }
        found = masked_step(config, weights, *batch(config, 0, ragged=case == RAGGED))
        shapes = config.weight_shapes()
        return {
            "logits": {"": found.logits},
            "loss": {"": np.asarray(found.loss)},
            "gradient": {name: densified(value, shapes[name][0]) for name, value in found.gradients.items()},
            "state": found.state,
        }


def batch(config: Config, unit: int, *, ragged: bool = True) -> Batch:
    """Returns a batch: one sequence of one token, one without padding, others in between; or none with padding."""
    shape = (config.batch_size, config.num_steps)
    lengths = np.full(shape[0], shape[1])
    if ragged:
        lengths = np.random.RandomState([config.seed, unit]).randint(1, shape[1] + 1, shape[0])
        lengths[0], lengths[-1] = 1, shape[1]
    kept = np.arange(shape[1]) < lengths[:, np.newaxis]
    inputs, targets = (random_ids(config, 2 * unit + number, shape, least=1) for number in (0, 1))
    return np.where(kept, inputs, 0).astype(np.int32), targets, lengths.astype(np.int32)


class Work:
    """Implements lm.workloads.protocol.Answering."""

    def __init__(self, opening: Opening) -> None:
        import tensorflow as tf

        from lm import runtime

        runtime.require_device(opening.device)
        self._tf, self._runtime, self._jitter = tf, runtime, opening.jitter
        self.config, self.device = opening.config, opening.device
        self.tokens = self.config.tokens_per_step
        self.fingerprint = self.config.fingerprint("masked", weights_sha256(initial_weights(self.config)))

    def build(self) -> None:
        """Builds the layers."""
        config, layers = self.config, self._tf.keras.layers
        with self._tf.device(self.device):
            self._embedding = layers.Embedding(config.vocabulary_size, config.embedding_size, mask_zero=True)
            self._lstms = [layers.LSTM(size, return_sequences=True, return_state=True) for size in config.layer_sizes]
            self._output = layers.Dense(config.vocabulary_size)
            shape = (config.batch_size, config.num_steps)
            for layer, width in zip(
                (self._embedding, *self._lstms, self._output),
                (None, config.embedding_size, *config.layer_sizes),
                strict=True,
            ):
                layer.build(shape if width is None else (*shape, width))
        parts = (self._embedding, *self._lstms, self._output)
        self._weights = [weight for layer in parts for weight in layer.trainable_variables]

    def trace(self) -> None:
        """Traces loss and gradients."""
        tf, ids = self._tf, self._tf.TensorSpec((self.config.batch_size, self.config.num_steps), self._tf.int32)
        lengths = tf.TensorSpec((self.config.batch_size,), tf.int32)
        self._differentiated = tf.function(self._on_batch, (ids, ids, lengths), autograph=False)
        self._differentiated.get_concrete_function()

    def start(self) -> None:
        """Sets the initial weights."""
        for variable, value in zip(self._weights, initial_weights(self.config, self._jitter).values(), strict=True):
            variable.assign(value)

    def _on_batch(self, inputs: "tf.Tensor", targets: "tf.Tensor", lengths: "tf.Tensor") -> dict[str, Any]:
        tf = self._tf
        with tf.device(self.device), tf.GradientTape() as tape:
            hidden, state = self._embedding(inputs), []
            for lstm in self._lstms:
                hidden, h, c = lstm(hidden)
                state += [h, c]
            kept = tf.sequence_mask(lengths, self.config.num_steps, tf.float32)
            logits = self._output(hidden)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
            loss = tf.reduce_sum(losses * kept) / self.config.batch_size
        from lm.compat import tf_variable

        gradients = tape.gradient(loss, [tf_variable(weight) for weight in self._weights])
        return {"loss": loss, "logits": logits * kept[:, :, tf.newaxis], "gradients": gradients, "state": state}

    def prepare(self, unit: int) -> Batch:
        """Returns the unit's batch."""
        return batch(self.config, unit)

    def do(self, prepared: Batch) -> float:
        """Computes loss and gradients; returns the loss."""
        return float(self._differentiated(*prepared)["loss"])

    def wait(self) -> None:
        """Blocks until the gradients are there: a device works in the order in which it is asked."""
        if not self.device.startswith("cpu"):
            self._tf.test.experimental.sync_devices()

    def relocate(self) -> None:
        """Moves the weights to other memory."""
        for variable in self._weights:
            variable.assign(np.array(variable.numpy()))

    @property
    def retraces(self) -> int:
        """Returns how often it was traced beyond the first time."""
        return max(int(self._differentiated.experimental_get_tracing_count()) - 1, 0)

    def graph_operations(self) -> dict[str, int]:
        """Counts the operations of the graph by type."""
        return self._runtime.operations(self._differentiated.get_concrete_function().graph)

    def answers(self, case: str) -> Mapping[str, Mapping[str, Any]]:
        """Returns loss, logits, gradients and final state of the first batch."""
        found = self._differentiated(*batch(self.config, 0, ragged=case == RAGGED))
        return {
            "logits": {"": found["logits"]},
            "loss": {"": found["loss"]},
            "gradient": dict(zip(self.config.weight_shapes(), found["gradients"], strict=True)),
            "state": dict(zip(self.config.state_shapes(), found["state"], strict=True)),
        }
