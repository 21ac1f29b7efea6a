"""Stress steps: what each case constructs, that an unchanged TensorFlow passes, and faults that only they show."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from bench.measure.stress import CASES, LEARNING_RATE, SMALL, Start, small_start, stress_errors
from lm.config import IMPLEMENTATIONS
from lm.oracle.sgd import values_of
from lm.oracle.step import Step
from lm.oracle.step import step as oracle_step

FLOAT32_EXP = 88.7  # exp of more overflows float32


def oracle(case: str, kind: type[np.floating[Any]] = np.float64) -> Step:
    start = CASES[case](small_start())
    weights, state = (
        {name: value.astype(kind) for name, value in part.items()} for part in (start.weights, start.state)
    )
    return oracle_step(SMALL, weights, state, start.inputs, start.targets, start.masks, learning_rate=LEARNING_RATE)


def test_the_small_configuration_fills_no_vector() -> None:
    sizes = (SMALL.vocabulary_size, SMALL.embedding_size, *SMALL.layer_sizes, SMALL.batch_size, SMALL.num_steps)
    assert all(size % 4 for size in sizes)
    assert SMALL.keep_probability < 1
    assert SMALL.learning_rate != LEARNING_RATE


def test_clipping_is_shown_on_both_sides_of_its_limit() -> None:
    assert oracle("odd shapes").global_norm > 1.2 * SMALL.clip_norm
    assert oracle("short gradients").global_norm < 0.9 * SMALL.clip_norm


def test_one_id_makes_every_row_a_duplicate() -> None:
    start = CASES["one id"](small_start())
    assert len(np.unique(start.inputs)) == len(np.unique(start.targets)) == 1


@pytest.mark.parametrize("case", ["large logits, small", "saturated gates"])
def test_cases_beyond_the_exponential_stay_finite(case: str) -> None:
    step = oracle(case, np.float32)
    assert np.isfinite(step.loss)
    assert np.isfinite(step.global_norm)


def test_large_logits_and_gates_overflow_an_exponential() -> None:
    assert np.abs(oracle("large logits, small").logits).max() > FLOAT32_EXP
    assert np.abs(CASES["saturated gates"](small_start()).weights["lstm0/bias"]).max() > FLOAT32_EXP


def test_a_word_ruled_out_leaves_everything_finite() -> None:
    step = oracle("word ruled out")
    assert np.isneginf(step.logits).any()
    assert np.isfinite(step.loss)
    assert np.isfinite(step.global_norm)


def test_a_nan_reaches_only_the_rows_that_read_it() -> None:
    step = oracle("NaN")
    rows = np.isnan(step.state["lstm1/h"]).any(axis=1)
    assert rows.any()
    assert not rows.all()
    assert np.isnan(step.loss)


def test_an_inf_leaves_the_loss_finite_and_the_norm_not() -> None:
    step = oracle("Inf")
    assert np.isfinite(step.loss)
    assert np.isnan(step.global_norm)


def test_only_float32_overflows_in_the_norm() -> None:
    assert np.isfinite(oracle("norm overflow").global_norm)
    assert np.isinf(oracle("norm overflow", np.float32).global_norm)
    assert np.isnan(values_of(oracle("norm overflow", np.float32).clipped["output/bias"])).all()


def own_trainer(implementation: str) -> Any:
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed in the Python that runs this test")
    from lm.training.trainer import Trainer

    return Trainer(dataclasses.replace(SMALL, name="own", keep_probability=1.0, batch_size=8), implementation)


@pytest.fixture
def trainer() -> Any:
    return own_trainer("cells")


def over(trainer: Any, implementation: str = "cells", first_step: int = 100) -> set[str]:
    """Cases with an error over its limit, for a trainer whose own text is random."""
    stream = np.random.RandomState(1)
    config = trainer.config
    ids = stream.randint(0, config.vocabulary_size, (2, config.batch_size, config.num_steps)).astype(np.int32)
    start = Start(trainer.weights, trainer.state, ids[0], ids[1])
    errors = list(stress_errors(trainer, start, first_step, implementation))
    assert [error.step for error in errors] == sorted(error.step for error in errors)
    assert errors[0].step == first_step
    return {error.quantity for error in errors if not error.error <= error.limit}


@pytest.mark.tensorflow
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_nothing_is_over_its_limit_where_nothing_is_wrong(implementation: str) -> None:
    assert over(own_trainer(implementation), implementation) == set()


@pytest.mark.tensorflow
def test_a_softmax_that_overflows_is_found_where_logits_are_large(
    trainer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tensorflow as tf

    def overflowing(labels: Any, logits: Any) -> Any:
        return tf.math.log(tf.reduce_sum(tf.exp(logits), axis=-1)) - tf.gather(logits, labels, axis=-1, batch_dims=2)

    monkeypatch.setattr(tf.nn, "sparse_softmax_cross_entropy_with_logits", overflowing)
    found = over(trainer)
    assert {"stress large logits: loss", "stress large logits, small: loss"} <= found
    assert not any(quantity.startswith(("stress odd shapes", "stress evaluation")) for quantity in found)


@pytest.mark.tensorflow
def test_clipped_logits_are_found_at_the_logits(trainer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they are large, and nowhere else: ordinary ones are far below 50."""
    import tensorflow as tf

    right = tf.keras.layers.Dense.call
    monkeypatch.setattr(
        tf.keras.layers.Dense, "call", lambda self, inputs: tf.clip_by_value(right(self, inputs), -50.0, 50.0)
    )
    found = over(trainer)
    assert {"stress large logits: logits", "stress large logits, small: logits"} <= found
    assert not any(quantity.startswith(("stress odd shapes", "stress evaluation")) for quantity in found)


@pytest.mark.tensorflow
def test_a_learning_rate_that_is_never_read_again_and_a_wrong_evaluation_are_found(
    trainer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The assignment of LEARNING_RATE does nothing: updates are 1 / 0.25 = 4 times too long, nothing else."""
    from lm.training.trainer import Trainer

    right = Trainer.evaluation_step
    monkeypatch.setattr(Trainer, "learning_rate", property(lambda self: 1.0, lambda self, value: None))
    monkeypatch.setattr(Trainer, "evaluation_step", lambda self, inputs, targets: right(self, inputs, targets) * 1.001)
    found = over(trainer)
    evaluation = {"stress evaluation: loss", "stress evaluation, small: loss"}
    assert {*evaluation, "stress odd shapes: update"} <= found
    assert all(quantity.endswith("update") for quantity in found - evaluation)


@pytest.mark.tensorflow
def test_a_nan_that_clipping_swallows_is_found(trainer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the norm overflows float32, zeros are as wrong as float64's finite gradients: float32 makes NaN of them."""
    import tensorflow as tf

    right = tf.clip_by_global_norm

    def swallowing(gradients: Any, clip_norm: float) -> Any:
        clipped, norm = right([tf.convert_to_tensor(gradient) for gradient in gradients], clip_norm)
        return [
            tf.math.multiply_no_nan(gradient, tf.cast(tf.math.is_finite(gradient), tf.float32)) for gradient in clipped
        ], norm

    monkeypatch.setattr(tf, "clip_by_global_norm", swallowing)
    assert {f"stress {case}: clipped" for case in ("NaN", "Inf", "norm overflow")} <= over(trainer)
