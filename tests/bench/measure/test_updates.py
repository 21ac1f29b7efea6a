"""Each step's update against its own gradients: silent on right steps, and what it says of a wrong one."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from bench.measure.numerics import FLOOR
from bench.measure.updates import UpdateWatch
from lm.config import CONFIGS
from lm.oracle.step import step as oracle_step
from lm.training.initial import initial_weights

CONFIG = dataclasses.replace(CONFIGS["tiny"], name="watched", layer_sizes=(5, 3), embedding_size=4, vocabulary_size=40)
RATE = 0.5
BIASES = ("lstm0/bias", "lstm1/bias", "output/bias")


@dataclasses.dataclass
class Result:
    """The parts of a step that the watch reads."""

    clipped: list[Any]


class OracleTrainer:
    """Trainer's part in this, on the oracle's float32 steps."""

    def __init__(self) -> None:
        self.config = CONFIG
        self.weights = initial_weights(CONFIG)
        self.state = {name: np.zeros(shape, np.float32) for name, shape in CONFIG.state_shapes().items()}

    def biases(self) -> dict[str, Any]:
        return {name: self.weights[name] for name in BIASES}

    def train(self, seed: int, rate: float = RATE) -> Any:
        ids = np.random.RandomState(seed).randint(CONFIG.vocabulary_size, size=(2, CONFIG.batch_size, CONFIG.num_steps))
        taken = oracle_step(CONFIG, self.weights, self.state, *ids, learning_rate=rate)
        self.weights, self.state = taken.weights, taken.state
        return Result(list(taken.clipped.values()))


def watched(steps: int, wrong: dict[int, float], rename: dict[int, str] | None = None) -> UpdateWatch:
    """A watch that has seen `steps` steps, some at a `wrong` learning rate; a bias in `rename` stays as it was."""
    trainer: Any = OracleTrainer()
    watch = UpdateWatch(trainer)
    for step in range(steps):
        before = trainer.weights
        result = trainer.train(step, wrong.get(step, RATE))
        if rename and step in rename:
            trainer.weights = {**trainer.weights, rename[step]: before[rename[step]]}
        watch.see(step, RATE, result)
    return watch


def test_right_steps_are_within_their_limits() -> None:
    (error,) = watched(40, {}).errors
    assert 0 < error.error < 0.6 * error.limit
    assert error.limit >= FLOOR
    assert error.tensor in BIASES


def test_without_a_step_there_is_nothing_to_say() -> None:
    assert watched(0, {}).errors == ()


def test_one_update_in_forty_applied_twice_is_named_by_its_step() -> None:
    """2 · update instead of it: an error of 1."""
    (error,) = watched(40, {23: 2 * RATE}).errors
    assert (error.step, error.quantity) == (23, "every update")
    assert error.error == pytest.approx(1.0, abs=1e-3)


def test_the_first_of_many_wrong_steps_is_named_not_the_worst() -> None:
    """A thousandth from step 7 on; from step 9 on ten times that."""
    (error,) = watched(12, {7: 1.001 * RATE, 8: 1.001 * RATE, 9: 1.01 * RATE, 10: 1.01 * RATE, 11: 1.01 * RATE}).errors
    assert error.step == 7
    assert error.error == pytest.approx(1e-3, rel=0.05)


@pytest.mark.parametrize("name", BIASES)
def test_a_bias_that_stays_where_it_was_is_named(name: str) -> None:
    (error,) = watched(5, {}, {3: name}).errors
    assert (error.step, error.tensor) == (3, name)
    assert error.error == pytest.approx(1.0)


def test_a_nan_in_the_update_alone_is_over_the_limit() -> None:
    trainer: Any = OracleTrainer()
    watch = UpdateWatch(trainer)
    result = trainer.train(0)
    trainer.weights = {**trainer.weights, "lstm1/bias": trainer.weights["lstm1/bias"] * np.nan}
    watch.see(0, RATE, result)
    (error,) = watch.errors
    assert (error.tensor, error.error) == ("lstm1/bias", float("inf"))
