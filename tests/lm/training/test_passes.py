"""Passes over a corpus: the state's life, perplexity by hand, divergence by its step, evaluation without a trace."""

import math
from typing import Any

import numpy as np
import pytest

from lm.config import CONFIGS
from lm.data.batches import batch
from lm.data.masks import dropout_masks
from lm.oracle import step as oracle
from lm.training.initial import initial_weights
from tests.lm.agreement import DROPOUT, random_state, trainer_at, wide

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed in the Python that runs this test")

from lm.training.passes import DivergenceError, checked_loss, evaluate, perplexity, train_steps  # noqa: E402  # they need TensorFlow
from lm.training.trainer import Trainer  # noqa: E402

pytestmark = pytest.mark.tensorflow

CONFIG = CONFIGS["tiny"]
STEPS = 4  # (332 // 8 − 1) // 10
TOKENS = np.random.RandomState(0).randint(CONFIG.vocabulary_size, size=332).astype(np.int32)


def test_perplexity_is_the_exponential_of_the_mean_over_tokens() -> None:
    # Three steps that cost 10 nats each, each the batch's mean of a sum over 10 time steps: 1 nat a token.
    assert perplexity(30.0, CONFIG, 3) == math.exp(30 / (3 * 10))
    # Uniform guesses at 500 words.
    assert perplexity(2 * 10 * math.log(500), CONFIG, 2) == pytest.approx(500, rel=1e-12)


@pytest.mark.parametrize(
    ("mean", "wanted"),
    [(709.0, math.exp(709)), (710.0, math.inf), (1e300, math.inf), (math.inf, math.inf), (-math.inf, 0.0)],
)
def test_a_perplexity_out_of_range_is_infinite_and_never_an_error(mean: float, wanted: float) -> None:
    assert perplexity(mean * CONFIG.num_steps, CONFIG, 1) == wanted


def test_the_perplexity_of_a_nan_is_nan() -> None:
    assert math.isnan(perplexity(math.nan, CONFIG, 1))


def test_training_zeroes_the_state_at_the_start_of_each_pass_and_carries_it_otherwise(trainer: Trainer) -> None:
    """Each step's loss is the oracle's from the state that the step must start from: zero at 0, 4 and 8."""
    trainer.state = random_state(CONFIG, seed=1)  # of another text: to be forgotten
    state = trainer.state
    weights = trainer.weights
    for step, result in train_steps(trainer, TOKENS, 0, 9):
        inputs, targets = batch(TOKENS, CONFIG, step % STEPS)
        start = {name: value * (step % STEPS > 0) for name, value in state.items()}
        wanted, _ = oracle.evaluate(CONFIG, wide(weights), wide(start), inputs, targets)
        assert float(result.loss) == pytest.approx(float(wanted), rel=1e-6), step
        state, weights = trainer.state, trainer.weights


def test_training_can_start_in_the_middle_of_a_pass(trainer: Trainer) -> None:
    whole = [float(result.loss) for _, result in train_steps(trainer, TOKENS, 0, 6)]
    trainer.weights = initial_weights(CONFIG)
    steps, halves = [], []
    for first, count in ((0, 3), (3, 3)):
        for step, result in train_steps(trainer, TOKENS, first, count):
            steps.append(step)
            halves.append(float(result.loss))
    assert steps == list(range(6))
    assert halves == whole


def test_masks_go_by_the_global_step() -> None:
    """The oracle, given the masks of the second pass's first step, has the loss of step 4; with step 0's it hasn't."""
    trainer = trainer_at(DROPOUT)
    for _ in train_steps(trainer, TOKENS, 0, STEPS):
        pass
    weights = trainer.weights
    _, result = next(train_steps(trainer, TOKENS, STEPS, 1))
    zero = {name: np.zeros(shape) for name, shape in DROPOUT.state_shapes().items()}
    losses = [
        float(
            oracle.step(
                DROPOUT,
                wide(weights),
                zero,
                *batch(TOKENS, DROPOUT, 0),
                dropout_masks(DROPOUT, step),
                learning_rate=1.0,
            ).loss
        )
        for step in (STEPS, 0)
    ]
    assert float(result.loss) == pytest.approx(losses[0], rel=1e-6)
    assert abs(float(result.loss) - losses[1]) > 1e-4


def test_evaluation_is_the_oracles_by_hand(trainer: Trainer) -> None:
    state = {name: np.zeros(shape) for name, shape in CONFIG.state_shapes().items()}
    summed = 0.0
    for index in range(STEPS):
        loss, state = oracle.evaluate(CONFIG, wide(trainer.weights), state, *batch(TOKENS, CONFIG, index))
        summed += float(loss)
    result = evaluate(trainer, TOKENS)
    assert result.perplexity == pytest.approx(math.exp(summed / (STEPS * 10)), rel=1e-6)
    assert result.tokens == STEPS * 80  # 8 rows of 10 a batch


def test_evaluation_starts_from_zero_and_leaves_state_and_weights_as_they_were(trainer: Trainer) -> None:
    wanted = evaluate(trainer, TOKENS)
    state, weights = random_state(CONFIG, seed=1), trainer.weights
    trainer.state = state
    result = evaluate(trainer, TOKENS)
    assert result == wanted
    assert not result.weights_changed
    assert all(np.array_equal(state[name], value) for name, value in trainer.state.items())
    assert all(np.array_equal(weights[name], value) for name, value in trainer.weights.items())


def test_evaluation_that_trains_is_found_out(trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "evaluation_step", lambda *ids: trainer.train_step(*ids).loss)
    assert evaluate(trainer, TOKENS).weights_changed


def test_weights_that_are_nan_before_and_after_have_not_changed(trainer: Trainer) -> None:
    trainer.weights = {name: value * np.float32(math.nan) for name, value in trainer.weights.items()}
    result = evaluate(trainer, TOKENS)
    assert math.isnan(result.perplexity)
    assert not result.weights_changed


def test_evaluation_may_be_of_the_first_batches(trainer: Trainer) -> None:
    result = evaluate(trainer, TOKENS, max_steps=2)
    assert result.tokens == 160
    losses = [float(trainer.evaluation_step(*batch(TOKENS, CONFIG, index))) for index in range(2)]
    assert result.perplexity == math.exp(sum(losses) / 20)  # 2 batches of 10 time steps
    assert evaluate(trainer, TOKENS, max_steps=100).tokens == STEPS * 80


def test_divergence_is_told_by_its_step(trainer: Trainer) -> None:
    """Weights turn NaN after the second step of the pass: step 6 of the training is the first to see it."""
    results = train_steps(trainer, TOKENS, 4, 3)
    assert [checked_loss(*next(results)) for _ in range(2)] == pytest.approx([62, 62], abs=1)  # 10 · ln 500 = 62.1
    broken: dict[str, Any] = {**trainer.weights, "output/bias": np.full(CONFIG.vocabulary_size, math.nan)}
    trainer.weights = broken
    with pytest.raises(DivergenceError, match=r"^training diverged: the loss is nan at step 6$"):
        checked_loss(*next(results))
