"""Each implementation against the oracle: every configuration, several steps in a row, dropout's places, evaluation."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lm.config import CONFIGS, IMPLEMENTATIONS, Config
from lm.data.masks import dropout_masks
from lm.oracle import step as oracle
from lm.training.initial import initial_weights
from tests.lm.agreement import (
    DROPOUT,
    EACH_IMPLEMENTATION,
    random_batch,
    random_state,
    relative_error,
    step_errors,
    trainer_at,
    wide,
)

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed in the Python that runs this test")

from lm.models import cells, fused, layers  # noqa: E402  # they import TensorFlow, which may be missing
from lm.models.protocol import Model, build  # noqa: E402
from lm.runtime import retraces  # noqa: E402
from lm.training.trainer import Trainer  # noqa: E402

pytestmark = pytest.mark.tensorflow

LIMIT = 1e-5  # float32 costs up to 2e-6 here
WRONG = 1e-2  # what a mistake costs at the least: a thousand times that
TINY = CONFIGS["tiny"]

# `notebook` but for its batch: of its size, and of the others', steps take minutes together.
FEW_ROWS = dataclasses.replace(CONFIGS["notebook"], batch_size=4)

MODELS: list[type[Model]] = [cells.Model, layers.Model, fused.Model]  # mypy: each fulfils the protocol


@pytest.fixture(params=EACH_IMPLEMENTATION)
def implementation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def assert_agreement(errors: dict[str, float]) -> None:
    assert {quantity: error for quantity, error in errors.items() if not error < LIMIT} == {}


@pytest.mark.parametrize(
    ("config", "implementation"),
    [
        pytest.param(
            CONFIGS[name],
            each,
            id=f"{each}-{name}",
            marks=[
                *([] if (name, each) == ("tiny", "cells") else [pytest.mark.any_version]),
                *([] if name == "tiny" else [pytest.mark.slow]),
            ],
        )
        for name in ("tiny", "notebook", "small", "medium", "large")
        for each in IMPLEMENTATIONS
    ]
    + [pytest.param(FEW_ROWS, "cells", id="cells-few rows", marks=pytest.mark.any_version)],
)
def test_one_training_step_of_every_configuration(config: Config, implementation: str) -> None:
    trainer = trainer_at(config, implementation)
    trainer.learning_rate = 0.3
    assert_agreement(step_errors(trainer, *random_batch(config, seed=2), masks=dropout_masks(config, 3)))


@pytest.mark.parametrize(("config", "clips"), [(DROPOUT, True), (TINY, False)], ids=["clipped", "not clipped"])
def test_steps_in_a_row_carry_the_state_and_are_traced_once(config: Config, clips: bool, implementation: str) -> None:
    trainer = trainer_at(config, implementation)
    result = trainer.train_step(*random_batch(config, seed=2), dropout_masks(config, 0))
    assert (float(result.global_norm) > config.clip_norm) == clips
    assert np.array_equal(result.gradients[-1], result.clipped[-1]) == (not clips)
    for step in range(5):
        before = trainer.state
        assert_agreement(step_errors(trainer, *random_batch(config, seed=step), masks=dropout_masks(config, step)))
        assert all(not np.array_equal(before[name], value) for name, value in trainer.state.items())
    assert retraces(trainer.step_function) == 0


def test_a_state_that_is_lost_between_steps_is_seen(implementation: str) -> None:
    trainer = trainer_at(TINY, implementation)
    carried = trainer.state
    trainer.zero_state()
    errors = step_errors(trainer, *random_batch(TINY, seed=2), oracle_state=carried)
    assert min(errors.get("logits", math.inf), errors["gradient lstm1/recurrent"], errors["state lstm1/c"]) > WRONG


def test_the_state_of_one_layer_that_is_lost_is_seen(implementation: str) -> None:
    trainer = trainer_at(TINY, implementation)
    carried = trainer.state
    trainer.state = {name: value * (name != "lstm0/c") for name, value in carried.items()}
    assert step_errors(trainer, *random_batch(TINY, seed=2), oracle_state=carried)["gradient lstm0/recurrent"] > WRONG


@pytest.mark.parametrize("fault", ["layers swapped", "a step late", "one mask for all steps", "not rescaled"])
def test_masks_in_another_place_are_seen(fault: str, implementation: str) -> None:
    masks = dropout_masks(DROPOUT, 0)
    given = {
        "layers swapped": (masks[0], masks[2], masks[1]),
        "a step late": tuple(np.roll(mask, 1, axis=1) for mask in masks),
        "one mask for all steps": tuple(np.repeat(mask[:, :1], DROPOUT.num_steps, axis=1) for mask in masks),
        "not rescaled": tuple(mask * np.float32(DROPOUT.keep_probability) for mask in masks),
    }[fault]
    errors = step_errors(
        trainer_at(DROPOUT, implementation), *random_batch(DROPOUT, seed=2), masks=given, oracle_masks=masks
    )
    assert min(errors.get("logits", math.inf), errors["gradient embedding"], errors["gradient lstm1/kernel"]) > WRONG


@pytest.mark.any_version
def test_a_mask_on_the_state_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def mask_output_and_state(cell: Any, inputs: Any, states: Any, training: Any = None) -> Any:
        output, states = cell.cell(inputs[:, : cell.width], states)
        mask, above = inputs[:, cell.width : cell.width + cell.output_size], inputs[:, cell.width + cell.output_size :]
        return tf.concat([output * mask, above], axis=1), [output * mask, states[1]]

    monkeypatch.setattr(cells.MaskedCell, "call", mask_output_and_state)
    trainer = Trainer(DROPOUT)  # traced with the patch
    trainer.weights, trainer.state = initial_weights(DROPOUT), random_state(DROPOUT, seed=1)
    errors = step_errors(trainer, *random_batch(DROPOUT, seed=2), masks=dropout_masks(DROPOUT, 0))
    assert min(errors["logits"], errors["state lstm0/h"], errors["state lstm1/c"]) > WRONG


@pytest.mark.parametrize("config", [TINY, DROPOUT], ids=lambda config: config.name)
def test_evaluation_drops_nothing_trains_nothing_and_moves_the_state_on(config: Config, implementation: str) -> None:
    trainer = trainer_at(config, implementation)
    weights, state = trainer.weights, wide(trainer.state)
    for seed in range(2):
        inputs, targets = random_batch(config, seed)
        wanted, state = oracle.evaluate(config, wide(weights), state, inputs, targets)
        assert relative_error(trainer.evaluation_step(inputs, targets), wanted) < LIMIT
        assert max(relative_error(value, state[name]) for name, value in trainer.state.items()) < LIMIT
    assert all(np.array_equal(weights[name], value) for name, value in trainer.weights.items())


def test_every_implementation_is_a_model() -> None:
    assert [model.__module__.rpartition(".")[2] for model in MODELS] == list(IMPLEMENTATIONS)


@pytest.mark.parametrize("config", [TINY, DROPOUT, CONFIGS["notebook"]], ids=lambda config: config.name)
def test_weights_and_states_are_the_configurations_in_its_order(config: Config, implementation: str) -> None:
    model = build(implementation, config)
    assert [tuple(variable.shape) for variable in model.variables] == list(config.weight_shapes().values())
    assert [tuple(variable.shape) for variable in model.states] == list(config.state_shapes().values())
    assert sum(int(tf.size(variable)) for variable in model.variables) == config.parameter_count()


def test_logits_are_by_row_then_time(implementation: str) -> None:
    """With every weight zero but the output's bias, every token's logits are that bias."""
    model = build(implementation, TINY)
    for variable in model.variables:
        variable.assign(tf.zeros_like(variable))
    bias: NDArray[np.float32] = np.arange(TINY.vocabulary_size, dtype=np.float32)
    model.variables[-1].assign(bias)
    logits = model.logits(random_batch(TINY, seed=0)[0])
    assert logits.shape == (TINY.batch_size, TINY.num_steps, TINY.vocabulary_size)
    assert np.array_equal(logits, np.broadcast_to(bias, logits.shape))
