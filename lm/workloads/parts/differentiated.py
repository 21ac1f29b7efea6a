"""Work that computes loss and gradients of Keras' embedding, recurrent layers and a dense layer, without an update."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from lm.arrays import Tokens
from lm.compat import tf_variable
from lm.runtime import relocate
from lm.training.initial import weights_sha256
from lm.workloads.parts.sequential import assign
from lm.workloads.parts.traced import Traced
from lm.workloads.protocol import Answering, CompilationError, Opening

if TYPE_CHECKING:
    from lm.workloads.parts.padded import Padded

# What TensorFlow raises where XLA can't compile a graph. Others (memory that runs out) are failures like any.
REFUSALS = (
    tf.errors.InvalidArgumentError,
    tf.errors.UnimplementedError,
    tf.errors.NotFoundError,
    tf.errors.InternalError,
)


class Differentiated(Traced, Answering):
    """Computes loss and gradients of a batch of its own in each unit."""

    def __init__(self, workload: "Padded", opening: Opening) -> None:
        super().__init__(opening)
        self._workload = workload
        self.tokens = self.config.tokens_per_step
        self.fingerprint = self.config.fingerprint(workload.name, weights_sha256(workload.weights(self.config)))

    def build(self) -> None:
        """Builds the layers."""
        config, workload, layers = self.config, self._workload, tf.keras.layers
        with tf.device(self.device):
            self._embedding = layers.Embedding(
                config.vocabulary_size, config.embedding_size, mask_zero=workload.mask_zero, dtype=workload.dtype
            )
            self._recurrent = [workload.recurrent(size) for size in config.layer_sizes]
            self._output = layers.Dense(config.vocabulary_size)
            shape = (config.batch_size, config.num_steps)
            self._embedding.build(shape)
            for layer, width in zip(
                (*self._recurrent, self._output), (config.embedding_size, *workload.widths(config)), strict=True
            ):
                layer.build((*shape, width))
        parts = (self._embedding, *self._recurrent, self._output)
        self._weights = [weight for layer in parts for weight in layer.trainable_variables]

    def trace(self) -> None:
        """Traces loss and gradients, and compiles them where the workload is compiled. Raises CompilationError."""
        example = self.prepare(0)
        signature = [tf.TensorSpec(array.shape, array.dtype) for array in example]
        compiled = self._workload.jit_compile
        self._function = tf.function(self._on_batch, signature, autograph=False, jit_compile=compiled or None)
        self._function.get_concrete_function()
        if compiled:
            try:
                self._function(*example)
            except REFUSALS as error:
                said = error.message.splitlines() or [type(error).__name__]
                raise CompilationError(said[0][:300]) from error

    def start(self) -> None:
        """Sets the weights."""
        assign(self._weights, self._workload.weights(self.config, self.jitter))

    def _on_batch(self, inputs: tf.Tensor, targets: tf.Tensor) -> dict[str, Any]:
        """Computes loss, logits, gradients and final state of a batch: at once, or of each sequence by itself."""
        if not self._workload.per_example:
            return self._computed(inputs, targets)

        def of_one(sequence: tuple[tf.Tensor, ...]) -> dict[str, Any]:
            found = self._computed(*(part[tf.newaxis] for part in sequence))
            return {**found, "gradients": [tf.convert_to_tensor(value) for value in found["gradients"]]}

        with tf.device(self.device):
            each = tf.vectorized_map(of_one, (inputs, targets))
            return {
                "loss": tf.reduce_mean(each["loss"]),
                "logits": tf.squeeze(each["logits"], 1),
                "gradients": [tf.reduce_mean(value, 0) for value in each["gradients"]],
                "state": [tf.squeeze(value, 1) for value in each["state"]],
            }

    def _computed(self, inputs: tf.Tensor, targets: tf.Tensor) -> dict[str, Any]:
        with tf.device(self.device), tf.GradientTape() as tape:
            hidden, state = self._embedding(inputs), []
            for layer in self._recurrent:
                hidden, *final = layer(hidden)
                state += [tf.cast(value, tf.float32) for value in final]
            kept = tf.cast(inputs != 0, tf.float32)  # of padding at either end
            logits = self._output(hidden)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
            loss = tf.reduce_sum(losses * kept) / inputs.shape[0]
            scale = self._workload.loss_scale
            scaled = loss * scale if scale != 1 else loss
        gradients = tape.gradient(scaled, [tf_variable(weight) for weight in self._weights])
        if scale != 1:
            gradients = [tf.math.scalar_mul(1 / scale, value) for value in gradients]
        return {"loss": loss, "logits": logits * kept[:, :, tf.newaxis], "gradients": gradients, "state": state}

    def prepare(self, unit: int) -> tuple[Tokens, Tokens]:
        """Returns the unit's inputs and targets, [batch, steps]."""
        return self._batch(unit, self._workload.cases[0])

    def _batch(self, unit: int, case: str) -> tuple[Tokens, Tokens]:
        inputs, targets, _ = self._workload.batch(self.config, unit, case)
        return inputs, targets

    def do(self, prepared: tuple[Tokens, Tokens]) -> float:
        """Computes loss and gradients; returns the loss."""
        return float(self._function(*prepared)["loss"])

    def relocate(self) -> None:
        """Moves the weights to other memory."""
        relocate(self._weights)

    def answers(self, case: str) -> Mapping[str, Mapping[str, Any]]:
        """Returns loss, logits, gradients and final state of the second batch: what is kept of the first one shows."""
        workload = self._workload
        self._function(*self._batch(0, case))
        found = self._function(*self._batch(1, case))
        return {
            "logits": {"": found["logits"]},
            "loss": {"": found["loss"]},
            "gradient": dict(zip(workload.weights(self.config), found["gradients"], strict=True)),
            "state": dict(zip(workload.states(self.config), found["state"], strict=True)),
        }
