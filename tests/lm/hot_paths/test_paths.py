"""The hot paths: together they are the step; what a graph traces is counted; a fetched value waits."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from lm.config import CONFIGS, IMPLEMENTATIONS, Config
from lm.training.initial import initial_weights
from tests.lm.agreement import random_batch, random_state

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed in the Python that runs this test")

from lm.hot_paths import paths, roofline  # noqa: E402  # they import TensorFlow, which may be missing
from lm.hot_paths.keras_loop import Fit, NoKerasLayersError, Predict  # noqa: E402
from lm.training.trainer import Trainer  # noqa: E402

pytestmark = pytest.mark.tensorflow

CONFIG = CONFIGS["tiny"]
DROPPING = dataclasses.replace(CONFIG, name="dropping", keep_probability=0.5)
INPUTS, TARGETS = random_batch(CONFIG, seed=0)


CLIPPING = dataclasses.replace(CONFIG, name="clipping", clip_norm=1.0)  # below the norms, which are about 1.7


def ready(implementation: str = "cells", config: Config = CONFIG) -> Trainer:
    trainer = Trainer(config, implementation)
    trainer.weights, trainer.state = initial_weights(CONFIG), random_state(CONFIG, seed=1)
    return trainer


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("mode", paths.MODES)
def test_gradient_clip_and_update_are_the_step(implementation: str, mode: paths.Mode) -> None:
    whole, parts = ready(implementation), ready(implementation)
    result = paths.step(whole, mode)(INPUTS, TARGETS, ())
    loss, gradients = paths.gradient(parts, mode)(INPUTS, TARGETS, ())
    clipped, norm = paths.clip(parts, mode)(gradients)
    paths.update(parts, mode)(clipped)
    assert_allclose([float(loss), float(norm)], [float(result.loss), float(result.global_norm)], rtol=1e-5)
    for name, weight in whole.weights.items():
        assert_allclose(parts.weights[name], weight, atol=1e-6, err_msg=name)
        assert not np.array_equal(weight, initial_weights(CONFIG)[name])


@pytest.mark.parametrize("mode", paths.MODES)
def test_forward_and_evaluation_train_nothing(mode: paths.Mode) -> None:
    trainer = ready()
    logits = paths.forward(trainer, mode)(INPUTS, ())
    assert logits.shape == (CONFIG.batch_size, CONFIG.num_steps, CONFIG.vocabulary_size)
    trainer.state = random_state(CONFIG, seed=1)
    loss = float(paths.evaluation(trainer, mode)(INPUTS, TARGETS))
    trainer.state = random_state(CONFIG, seed=1)
    assert loss == pytest.approx(float(trainer.evaluation_step(INPUTS, TARGETS)), rel=1e-5)
    for name, weight in trainer.weights.items():
        assert_array_equal(weight, initial_weights(CONFIG)[name])


def test_a_graph_counts_its_traces_and_eager_its_calls() -> None:
    """Another shape is another trace."""
    for mode, wanted in (("graph", [1, 1, 2]), ("eager", [1, 2, 3])):
        path = paths.HotPath(lambda value: value + 1, "cpu:0", mode)  # type: ignore[arg-type]
        found = []
        for shape in ((2,), (2,), (3,)):
            path(tf.zeros(shape))
            found.append(path.traces)
        assert found == wanted


def test_dropout_scales_what_it_keeps() -> None:
    (found,) = paths.dropout(0.75, "cpu:0", "graph")([tf.ones((100, 100))])
    assert set(np.unique(found)) == {0.0, 4.0}


def test_a_dataset_gives_its_batches_in_order() -> None:
    batches = [(np.full(2, index), (np.full(3, -index),)) for index in range(3)]
    for found, wanted in zip(paths.dataset(batches), batches, strict=True):
        tf.nest.map_structure(assert_array_equal, found, wanted)


def test_densified_slices_add_duplicates() -> None:
    slices = tf.IndexedSlices(tf.constant([[1.0], [2.0]]), tf.constant([1, 1]), tf.constant([3, 1]))
    assert_array_equal(paths.densified([slices])[0], [[0], [3], [0]])


def test_scaled_slices_stay_sparse() -> None:
    slices = tf.IndexedSlices(tf.constant([[1.0], [2.0]]), tf.constant([1, 1]), tf.constant([3, 1]))
    sparse, dense = paths.scaled([slices, tf.constant([1.0])], 3.0)
    assert_array_equal(sparse.values, [[3], [6]])
    assert_array_equal(sparse.indices, [1, 1])
    assert_array_equal(dense, [3])


@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_waiting_takes_a_tensor_of_any_shape(shape: tuple[int, ...]) -> None:
    paths.wait(tf.zeros(shape))
    paths.wait(tf.Variable(tf.zeros(shape)))


def test_waiting_fetches_a_value_and_fails_where_there_is_none() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError):
        paths.wait(tf.zeros((0,)))


@pytest.mark.parametrize("mode", paths.MODES)
def test_keras_fit_takes_the_trainers_steps(mode: paths.Mode) -> None:
    """Two batches, one after the other, with the state carried on; clipping acts on both."""
    own, keras = ready(config=CLIPPING), ready(config=CLIPPING)
    batches = [random_batch(CONFIG, seed) for seed in (0, 1)]
    norms = [float(own.train_step(*batch).global_norm) for batch in batches]
    assert min(norms) > CLIPPING.clip_norm
    path = Fit(keras, mode)
    inputs, targets = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    path(inputs, targets, ())
    for name, weight in own.weights.items():
        assert_allclose(keras.weights[name], weight, atol=1e-4, err_msg=name)
    for name, state in own.state.items():
        assert_allclose(keras.state[name], state, atol=1e-4, err_msg=name)
    traces = path.traces
    path(inputs, targets, ())
    assert path.traces == (traces if mode == "graph" else traces + 2)


def test_keras_fit_passes_masks_on() -> None:
    own, keras = (Trainer(DROPPING) for _ in range(2))
    masks = tuple(np.random.RandomState(0).randint(0, 2, shape).astype(np.float32) for shape in DROPPING.mask_shapes())
    for trainer in (own, keras):
        trainer.weights = initial_weights(DROPPING)
    own.train_step(INPUTS, TARGETS, masks)
    Fit(keras, "graph")(INPUTS, TARGETS, masks)
    for name, weight in own.weights.items():
        assert_allclose(keras.weights[name], weight, atol=1e-5, err_msg=name)


def test_keras_predict_gives_the_forward_pass() -> None:
    trainer = ready()
    wanted = paths.forward(trainer, "graph")(INPUTS, ())
    trainer.state = random_state(CONFIG, seed=1)
    found = Predict(trainer, "graph")(INPUTS)
    assert isinstance(found, np.ndarray)
    assert_allclose(found, wanted, atol=1e-5)


def test_a_model_without_keras_layers_is_refused() -> None:
    trainer = ready()
    trainer.model = type("Bare", (), {})()
    with pytest.raises(NoKerasLayersError, match="is not made of Keras' layers"):
        Fit(trainer, "graph")


def test_the_matrix_product_rate_is_a_machines() -> None:
    """Between a megaflop and an exaflop a second: no test asserts on time, but the unit must be right."""
    assert 1e6 < roofline.matmul_flops_per_second("cpu:0") < 1e18
