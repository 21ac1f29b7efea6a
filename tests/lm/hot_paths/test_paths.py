"""The parts of the step as calls: together they are the step, and traces are counted; and Keras' own loop."""

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bench.record.profile import TARGETS
from lm.config import CONFIGS, MODES, Config, Mode
from lm.data.batches import Batch
from lm.data.masks import dropout_masks
from lm.training.initial import initial_weights
from tests.lm.agreement import random_batch, random_state, trainer_at

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed in the Python that runs this test")

from lm.hot_paths import paths, roofline  # noqa: E402  # they import TensorFlow, which may be missing
from lm.hot_paths.keras_loop import Fit, NoKerasLayersError, Predict  # noqa: E402
from lm.training.trainer import Trainer  # noqa: E402

pytestmark = pytest.mark.tensorflow

CONFIG = dataclasses.replace(CONFIGS["tiny"], name="clipping", clip_norm=1.0)  # below the norms, which are about 1.7
DROPPING = dataclasses.replace(CONFIG, name="dropping", keep_probability=0.5)
INPUTS, WANTED = random_batch(CONFIG, seed=0)
BATCH = Batch(INPUTS, WANTED)


def call(trainer: Trainer, part: str, mode: Mode) -> Any:
    return paths.hot_path(trainer, part, mode)(*paths.arguments(trainer, part, BATCH))


@pytest.mark.any_version
@pytest.mark.parametrize(
    ("implementation", "mode"),
    [
        ("cells", "eager"),
        ("cells", "graph"),
        pytest.param("layers", "eager", marks=pytest.mark.slow),
        ("fused", "eager"),
    ],
)
def test_gradient_clip_and_update_are_the_step(implementation: str, mode: Mode) -> None:
    trainer = trainer_at(CONFIG, implementation)
    result, wanted = call(trainer, "step", mode), trainer.weights
    trainer_at(CONFIG, implementation)
    loss, gradients = call(trainer, "gradient", mode)
    trainer_at(CONFIG, implementation)
    clipped, norm = call(trainer, "clip", mode)
    for name, state in random_state(CONFIG, seed=1).items():  # its gradients were computed, and the state restored
        assert_array_equal(trainer.state[name], state)
    for name, weight in initial_weights(CONFIG).items():
        assert_array_equal(trainer.weights[name], weight)
    call(trainer, "update", mode)
    assert float(norm) > CONFIG.clip_norm
    assert_allclose([float(loss), float(norm)], [float(result.loss), float(result.global_norm)], rtol=1e-5)
    assert_allclose(gradients[-1], result.gradients[-1], rtol=1e-4, atol=1e-7)
    assert_allclose(clipped[-1], result.clipped[-1], rtol=1e-4, atol=1e-7)
    for name, weight in wanted.items():
        assert_allclose(trainer.weights[name], weight, atol=1e-6, err_msg=name)
        assert not np.array_equal(weight, initial_weights(CONFIG)[name])


@pytest.mark.parametrize("mode", MODES)
def test_forward_and_evaluation_train_nothing(mode: Mode) -> None:
    trainer = trainer_at(CONFIG)
    assert call(trainer, "forward", mode).shape == (CONFIG.batch_size, CONFIG.num_steps, CONFIG.vocabulary_size)
    trainer_at(CONFIG)
    loss = float(call(trainer, "evaluation", mode))
    for name, weight in initial_weights(CONFIG).items():
        assert_array_equal(trainer.weights[name], weight)
    assert loss == pytest.approx(float(trainer_at(CONFIG).evaluation_step(*BATCH[:2])), rel=1e-5)


def test_profiles_targets_are_hot_paths() -> None:
    assert set(TARGETS) <= set(paths.PATHS)


def test_a_graph_counts_its_traces() -> None:
    """Another shape is another trace; eagerly nothing is traced."""
    for mode, wanted in (("graph", [1, 1, 2]), ("eager", [0, 0, 0])):
        path = paths.HotPath(lambda value: value + 1, "cpu:0", mode)  # type: ignore[arg-type]
        found = []
        for shape in ((2,), (2,), (3,)):
            path(tf.zeros(shape))
            found.append(path.traces)
        assert found == wanted


def test_dropout_scales_what_it_keeps() -> None:
    (found,) = paths.dropout(0.75, "cpu:0", "graph")([tf.ones((100, 100))])
    assert set(np.unique(found)) == {0.0, 4.0}


@pytest.mark.parametrize(
    ("config", "mode"),
    [pytest.param(DROPPING, "graph", marks=pytest.mark.any_version), (CONFIG, "eager")],
    ids=["masks graph", "eager"],
)
def test_keras_fit_takes_the_trainers_steps(config: Config, mode: Mode) -> None:
    """Two batches, one after the other, with the state carried over; clipping acts on both."""
    trainer = trainer_at(config)
    batches = [Batch(*random_batch(config, step), dropout_masks(config, step)) for step in (0, 1)]
    norms = [float(trainer.train_step(*batch).global_norm) for batch in batches]
    assert min(norms) > CONFIG.clip_norm
    weights, state = trainer.weights, trainer.state
    path = Fit(trainer_at(config), mode)
    inputs, targets = (np.concatenate(parts) for parts in zip(*(batch[:2] for batch in batches), strict=True))
    masks = tuple(np.concatenate(parts) for parts in zip(*(batch.masks for batch in batches), strict=True))
    path(inputs, targets, masks)
    for name, weight in weights.items():
        assert_allclose(trainer.weights[name], weight, atol=1e-4, err_msg=name)
    for name, value in state.items():
        assert_allclose(trainer.state[name], value, atol=1e-4, err_msg=name)
    traces = path.traces
    path(inputs, targets, masks)
    assert path.traces == (traces if mode == "graph" else traces + 2)


def test_keras_predict_gives_the_forward_pass() -> None:
    wanted = call(trainer_at(CONFIG), "forward", "eager")
    found = Predict(trainer_at(CONFIG), "graph")(INPUTS)
    assert isinstance(found, np.ndarray)
    assert_allclose(found, wanted, atol=1e-5)


def test_a_model_without_keras_layers_is_refused() -> None:
    with pytest.raises(NoKerasLayersError, match="fused is not made of Keras' layers"):
        Fit(Trainer(CONFIG, "fused"), "graph")


def test_the_matrix_product_rate_is_a_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between a megaflop and an exaflop a second: no test asserts on time, but the unit must be right."""
    monkeypatch.setitem(roofline.SIDE, "cpu", 256)
    assert 1e6 < roofline.matmul_flops_per_second("cpu:0") < 1e18
    seconds = itertools.cycle((0.5, 0.25))
    monkeypatch.setattr(roofline, "_seconds", lambda multiply: next(seconds))
    assert roofline.matmul_flops_per_second("cpu:0") == 2 * 256**3 / 0.25  # the fastest's
