"""The oracle against TensorFlow: a training step of Keras layers in float64, and the edges of clipping."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from lm.config import CONFIGS, Config
from lm.oracle import step as oracle
from lm.oracle.sgd import SparseRows, clip_by_global_norm, values_of
from tests.lm.agreement import relative_error

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed in the Python that runs this test")

from lm.compat import tf_variable  # noqa: E402  # it imports TensorFlow, which may be missing

pytestmark = pytest.mark.tensorflow

LIMIT = 1e-13
LEARNING_RATE = 0.5  # exact in every dtype
# The clip norms lie below and above the norm, which is about 50.
CLIPPED = dataclasses.replace(CONFIGS["tiny"], name="clipped", clip_norm=5.0)
UNCLIPPED = dataclasses.replace(CONFIGS["tiny"], name="unclipped", clip_norm=500.0, keep_probability=0.5)


class KerasModel:
    """Embedding, one LSTM a layer, Dense, as Keras has them, in float64. (lm.models are float32 only.)"""

    def __init__(self, config: Config, weights: dict[str, Any]) -> None:
        self.config = config
        self.embedding = tf.keras.layers.Embedding(config.vocabulary_size, config.embedding_size, dtype="float64")
        self.lstms = [
            tf.keras.layers.LSTM(size, return_sequences=True, return_state=True, dtype="float64")
            for size in config.layer_sizes
        ]
        self.output = tf.keras.layers.Dense(config.vocabulary_size, dtype="float64")
        widths = (config.embedding_size, *config.layer_sizes)
        layers = (self.embedding, *self.lstms, self.output)
        for layer, width in zip(layers, (None, *widths), strict=True):
            layer.build((None, None, width) if width else (None, None))
        self.keras_variables = [variable for layer in layers for variable in layer.trainable_variables]
        self.variables = [tf_variable(variable) for variable in self.keras_variables]
        for variable, weight in zip(self.variables, weights.values(), strict=True):
            variable.assign(weight)
        self.optimizer = tf.keras.optimizers.SGD(learning_rate=LEARNING_RATE)
        self.optimizer.build(self.keras_variables)

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]  # TensorFlow ships no types
    def step(self, state: Any, inputs: Any, targets: Any, masks: Any) -> tuple[Any, ...]:
        """Trains on one batch: (loss, logits, gradients, norm, clipped gradients, new state by name)."""
        scales = [mask / self.config.keep_probability for mask in masks] or [1.0] * (1 + len(self.lstms))
        new_state = {}
        with tf.GradientTape() as tape:
            x = self.embedding(inputs) * scales[0]
            for layer, lstm in enumerate(self.lstms):
                names = f"lstm{layer}/h", f"lstm{layer}/c"
                x, new_state[names[0]], new_state[names[1]] = lstm(x, initial_state=[state[name] for name in names])
                x *= scales[layer + 1]
            logits = self.output(x)
            loss = tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)) / inputs.shape[0]
        gradients = tape.gradient(loss, self.variables)
        clipped, norm = tf.clip_by_global_norm(gradients, self.config.clip_norm)
        self.optimizer.apply_gradients(zip(clipped, self.keras_variables, strict=True))
        return loss, logits, gradients, norm, clipped, new_state


@pytest.mark.any_version
@pytest.mark.parametrize("config", [CLIPPED, UNCLIPPED], ids=["clipped", "unclipped"])
def test_one_training_step_agrees(config: Config) -> None:
    random = np.random.RandomState(3)
    weights = {name: random.normal(scale=0.5, size=shape) for name, shape in config.weight_shapes().items()}
    state = {name: random.normal(size=shape) for name, shape in config.state_shapes().items()}
    # 80 tokens of 20 words: duplicates.
    ids = random.randint(20, size=(config.batch_size, config.num_steps + 1)).astype(np.int32)
    masks = tuple(
        (random.uniform(size=shape) < config.keep_probability).astype(np.float64) for shape in config.mask_shapes()
    )
    model = KerasModel(config, weights)
    loss, logits, gradients, norm, clipped, new_state = model.step(state, ids[:, :-1], ids[:, 1:], masks)

    step = oracle.step(config, weights, state, ids[:, :-1], ids[:, 1:], masks, learning_rate=LEARNING_RATE)
    assert (step.global_norm > config.clip_norm) == (config is CLIPPED)
    assert relative_error(loss, step.loss) < LIMIT
    assert relative_error(logits, step.logits) < LIMIT
    assert relative_error(norm, step.global_norm) < LIMIT
    for index, name in enumerate(weights):
        assert relative_error(gradients[index], step.gradients[name]) < LIMIT, name
        assert relative_error(clipped[index], step.clipped[name]) < LIMIT, name
        assert relative_error(model.variables[index].numpy(), step.weights[name]) < LIMIT, name
    for name, value in new_state.items():
        assert relative_error(value, step.state[name]) < LIMIT, name


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0.0, 1e-3, 1.0, 3.0, 4.0, 1e20, np.inf, -np.inf, np.nan])
def test_clipping_is_tensorflows(value: float, dtype: Any) -> None:
    """Norms of 0, below, at and above the limit, Inf by overflow in float32, Inf and NaN; row 2 comes twice."""
    indices, rows, bias = (
        np.array([2, 0, 2]),
        np.array([[value, 0], [0, 0], [value, 0]], dtype),
        np.array([value, 0], dtype),
    )
    clipped, norm = clip_by_global_norm({"embedding": SparseRows(indices, rows), "bias": bias}, 27**0.5)
    wanted, wanted_norm = tf.clip_by_global_norm(
        [tf.IndexedSlices(tf.constant(rows), indices), tf.constant(bias)], 27**0.5
    )
    digits = 4 * np.finfo(dtype).eps
    assert norm.dtype == dtype
    assert_allclose(norm, wanted_norm, rtol=digits)
    assert_allclose(values_of(clipped["embedding"]), wanted[0].values, rtol=digits)
    assert_allclose(values_of(clipped["bias"]), wanted[1], rtol=digits)
