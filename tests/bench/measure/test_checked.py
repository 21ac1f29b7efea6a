"""A launch compared with the oracle, both parts in this process: nothing is found where nothing is wrong."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.measure.checked import CheckedLaunch
from bench.measure.numerics import EVALUATION
from bench.measure.oracle import Session
from bench.record.replies import Agenda
from bench.record.types import DEFAULT_WORKLOAD, REPEAT, STRESS, NumericError
from lm.config import CONFIGS
from lm.data.batches import Batch, training_batch
from lm.training.initial import initial_weights
from tests.lm.agreement import EACH_IMPLEMENTATION, trainer_at

pytestmark = pytest.mark.tensorflow

TINY = CONFIGS["tiny"]
STEPS = 8
SMALL = ("small",)
ORDINARY = "stress evaluation:"


def own_trainer(implementation: str = "cells") -> Any:
    """Returns a trainer that is traced with the test's fault; where nothing is wrong in a graph, tests share one."""
    from lm.training.trainer import Trainer

    return Trainer(TINY, implementation)


def compared(folder: Path, trainer: Any, *, sizes: Collection[str] = ("own", "small")) -> list[NumericError]:
    """Returns the errors that the oracle's process finds of a whole launch with a jitter of 7.

    Stress steps are those of `sizes`: a second trainer takes the small ones, which is traced for them. If they are
    alone, nothing is trained: the first trainer isn't traced.
    """
    oracle = Session()
    agenda = oracle.prepare("tiny", "synthetic", None, STEPS, trainer.device, 7, DEFAULT_WORKLOAD)
    oracle.share(str(folder))
    launch = CheckedLaunch(trainer, folder)
    if sizes == SMALL:
        zeros = {name: np.zeros(shape, np.float32) for name, shape in TINY.state_shapes().items()}
        oracle._next_step, oracle._state = 0, zeros
        return stressed(oracle, launch, agenda, sizes).errors()
    trainer.weights = initial_weights(TINY, 7)

    def batch(step: int) -> Batch:
        if step == 0:
            trainer.zero_state()
            trainer.learning_rate = TINY.learning_rate
        return training_batch(oracle._tokens, TINY, step)

    for step in range(STEPS):
        oracle.check(step, launch.train(step, batch(step), with_logits=True).logits)
    from lm.training.passes import evaluate  # needs TensorFlow

    oracle.check_evaluation(STEPS, evaluate(trainer, oracle._valid, STEPS).perplexity)
    stressed(oracle, launch, agenda, sizes)
    trainer.weights = initial_weights(TINY, 7)  # as another process has them
    launch.repeat(agenda.repeated, batch)
    oracle.check_repeat()
    return oracle.errors()


def stressed(oracle: Session, launch: CheckedLaunch, agenda: Agenda, sizes: Collection[str]) -> Session:
    """Takes the stress steps of `sizes`. What they start from is drawn with the first."""
    for number, case in enumerate(agenda.stress):
        if number == 0 or ("small" if case.small else "own") in sizes:
            oracle.pose(number)
        if ("small" if case.small else "own") in sizes:
            oracle.check_stress(number, launch.stress(small=case.small, evaluation=case.evaluation).logits)
    return oracle


def over(folder: Path, trainer: Any, *, sizes: Collection[str] = ("own", "small")) -> set[str]:
    return {error.label for error in compared(folder, trainer, sizes=sizes) if not error.within}


@pytest.mark.parametrize("implementation", EACH_IMPLEMENTATION)
def test_nothing_is_over_its_limit_where_nothing_is_wrong(tmp_path: Path, implementation: str) -> None:
    found = compared(tmp_path, trainer_at(TINY, implementation))
    assert [error for error in found if not error.within] == []
    assert max(error.used for error in found) < 0.7
    training = {error.label: error.steps for error in found if error.source != STRESS}
    assert training.pop(REPEAT) == training.pop(EVALUATION) == 1
    assert set(training.values()) == {STEPS}
    assert ("logits" in training) is (implementation != "fused")


@pytest.mark.any_version
def test_a_softmax_that_overflows_is_found_where_logits_are_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tensorflow as tf

    def overflowing(labels: Any, logits: Any) -> Any:
        return tf.math.log(tf.reduce_sum(tf.exp(logits), axis=-1)) - tf.gather(logits, labels, axis=-1, batch_dims=2)

    monkeypatch.setattr(tf.nn, "sparse_softmax_cross_entropy_with_logits", overflowing)
    found = over(tmp_path, own_trainer(), sizes=["own"])
    assert "stress large logits: loss" in found
    assert not any(quantity.startswith(ORDINARY) for quantity in found)


@pytest.mark.any_version
def test_clipped_logits_are_found_at_the_logits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they are large, and nowhere else: ordinary ones are far below 50."""
    import tensorflow as tf

    right = tf.keras.layers.Dense.call
    monkeypatch.setattr(
        tf.keras.layers.Dense, "call", lambda self, inputs: tf.clip_by_value(right(self, inputs), -50.0, 50.0)
    )
    found = over(tmp_path, own_trainer(), sizes=["own"])
    assert "stress large logits: logits" in found
    assert not any(quantity.startswith(ORDINARY) for quantity in found)


@pytest.mark.any_version
def test_a_learning_rate_that_is_never_read_again_and_a_wrong_evaluation_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The assignment of LEARNING_RATE does nothing: updates are 1 / 0.25 = 4 times too long, nothing else."""
    from lm.training.trainer import Trainer

    right = Trainer.evaluation_step
    monkeypatch.setattr(Trainer, "learning_rate", property(lambda self: 1.0, lambda self, value: None))
    monkeypatch.setattr(Trainer, "evaluation_step", lambda self, inputs, targets: right(self, inputs, targets) * 1.001)
    found = over(tmp_path, own_trainer(), sizes=["own"])
    assert {"stress evaluation: loss", "stress large logits: update"} <= found
    evaluation = {quantity for quantity in found if quantity.startswith("stress evaluation")} | {EVALUATION}
    assert EVALUATION in found
    assert all(quantity.endswith(("loss", "perplexity")) for quantity in evaluation)
    assert all(quantity.endswith("update") for quantity in found - evaluation)


@pytest.mark.any_version
def test_a_nan_that_clipping_swallows_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the norm overflows float32, zeros are wrong: float32 makes NaN of the gradients, float64 finite numbers."""
    import tensorflow as tf

    right = tf.clip_by_global_norm

    def swallowing(gradients: Any, clip_norm: float) -> Any:
        clipped, norm = right([tf.convert_to_tensor(gradient) for gradient in gradients], clip_norm)
        return [
            tf.math.multiply_no_nan(gradient, tf.cast(tf.math.is_finite(gradient), tf.float32)) for gradient in clipped
        ], norm

    monkeypatch.setattr(tf, "clip_by_global_norm", swallowing)
    found = over(tmp_path, own_trainer(), sizes=SMALL)
    assert {f"stress {case}: clipped" for case in ("NaN", "Inf", "norm overflow")} <= found


@pytest.mark.any_version
def test_gates_that_are_wholly_open_or_shut_too_early_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond ±8 the logistic function is exactly 0 or 1: gates that are saturated are right."""
    import tensorflow as tf

    right = tf.sigmoid

    def saturating(x: Any) -> Any:
        return tf.where(tf.abs(x) > 8, tf.cast(x > 0, x.dtype), right(x))

    for owner in (tf, tf.math, tf.nn):
        monkeypatch.setattr(owner, "sigmoid", saturating)
    found = over(tmp_path, own_trainer("fused"), sizes=SMALL)
    assert {"stress nearly saturated gates: state", "stress evaluation, nearly saturated gates: state"} <= found
    assert all("saturated" in quantity for quantity in found)


@pytest.mark.any_version
def test_tiny_gradients_that_are_lost_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Smaller ones than 1e-12 become 0, next to others of 1e-3: no norm shows it."""
    import tensorflow as tf

    right = tf.clip_by_global_norm

    def flushing(gradients: Any, clip_norm: float) -> Any:
        kept = [
            gradient
            if isinstance(gradient, tf.IndexedSlices)
            else tf.where(tf.abs(gradient) < 1e-12, tf.zeros_like(gradient), gradient)
            for gradient in gradients
        ]
        return right(kept, clip_norm)

    monkeypatch.setattr(tf, "clip_by_global_norm", flushing)
    found = over(tmp_path, own_trainer(), sizes=SMALL)
    assert found == {"stress tiny units: clipped", "stress tiny units: update"}


@pytest.mark.any_version
def test_steps_that_depend_on_what_is_read_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading the weights changes a bit of them here; a step by itself is right."""
    trainer: Any = trainer_at(TINY)
    launch_weights = type(trainer).weights

    class Reading(type(trainer)):  # type: ignore[misc]  # a class that is only known here
        @property
        def weights(self) -> Any:
            bias = self.model.variables[-1]
            bias.assign(bias + 1e-7 * bias)
            return launch_weights.fget(self)

        @weights.setter
        def weights(self, values: Any) -> None:
            launch_weights.fset(self, values)

    monkeypatch.setattr(trainer, "__class__", Reading)
    found = compared(tmp_path, trainer, sizes=())
    assert {error.source for error in found if not error.within} == {REPEAT}
