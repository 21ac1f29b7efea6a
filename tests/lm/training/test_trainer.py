"""The trainer around an implementation: learning rate, weights and state by name, device, traces."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from lm.config import CONFIGS, Config
from lm.data.masks import dropout_masks
from lm.training.initial import initial_weights
from tests.lm.agreement import DROPOUT, random_batch, random_state, trainer_at

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed in the Python that runs this test")

from lm.runtime import DeviceError, retraces  # noqa: E402  # it imports TensorFlow, which may be missing
from lm.training.trainer import Trainer  # noqa: E402

pytestmark = pytest.mark.tensorflow

CONFIG = CONFIGS["tiny"]
BATCH = random_batch(CONFIG, seed=0)
# With the rows and the layers of `notebook`, and little else.
AS_WIDE = dataclasses.replace(CONFIGS["notebook"], keep_probability=0.5, vocabulary_size=500, num_steps=5)


def test_the_learning_rate_starts_as_configured_and_can_be_set() -> None:
    trainer = Trainer(dataclasses.replace(CONFIG, learning_rate=0.5))
    assert trainer.learning_rate == 0.5
    trainer.learning_rate = 0.25
    assert trainer.learning_rate == 0.25


@pytest.mark.parametrize("rate", [1.0, 0.25])
def test_a_step_moves_weights_against_the_clipped_gradient_times_the_rate_of_the_moment(
    trainer: Trainer, rate: float
) -> None:
    trainer.train_step(*BATCH)  # traced with the first rate
    trainer.learning_rate = rate
    before = trainer.weights["output/bias"]
    clipped = trainer.train_step(*BATCH).clipped[-1].numpy()
    # Powers of two: no rounding but the last.
    assert np.array_equal(trainer.weights["output/bias"], before - np.float32(rate) * clipped)


def test_logits_are_handed_out_when_asked_for_by_the_same_trace_and_change_no_bit(trainer: Trainer) -> None:
    results, weights = [], []
    for with_logits in (False, True):
        trainer.weights = initial_weights(CONFIG)
        trainer.zero_state()
        results.append(trainer.train_step(*BATCH, with_logits=with_logits))
        weights.append(trainer.weights)
    plain, asked = results
    assert plain.logits is None
    assert asked.logits is not None
    assert asked.logits.shape == (CONFIG.batch_size, CONFIG.num_steps, CONFIG.vocabulary_size)
    assert float(plain.loss) == float(asked.loss)
    assert all(np.array_equal(value, weights[1][name]) for name, value in weights[0].items())
    assert retraces(trainer.step_function) == 0


def test_the_loss_is_of_the_logits_that_are_handed_out(trainer: Trainer) -> None:
    """The sum over time of the batch mean of log Σ exp(logits) − the target's logit."""
    result = trainer.train_step(*BATCH, with_logits=True)
    logits = np.asarray(result.logits, np.float64)
    of_targets = np.take_along_axis(logits, BATCH[1][..., np.newaxis], axis=2)[..., 0]
    losses = np.log(np.exp(logits).sum(axis=2)) - of_targets
    assert float(result.loss) == pytest.approx(losses.mean(axis=0).sum(), rel=1e-6)


def test_weights_and_state_go_by_name_and_are_copies(trainer: Trainer) -> None:
    weights, state = initial_weights(CONFIG, jitter=1), random_state(CONFIG, seed=3)
    trainer.weights, trainer.state = weights, state
    for found, wanted in ((trainer.weights, weights), (trainer.state, state)):
        assert list(found) == list(wanted)
        assert all(np.array_equal(found[name], value) for name, value in wanted.items())
    copies = trainer.weights, trainer.state
    trainer.train_step(*BATCH)
    assert all(np.array_equal(copies[0][name], value) for name, value in weights.items())
    assert all(np.array_equal(copies[1][name], value) for name, value in state.items())


@pytest.mark.parametrize(
    ("implementation", "config"),
    [
        pytest.param("cells", DROPOUT, marks=pytest.mark.any_version),
        pytest.param("layers", DROPOUT, marks=pytest.mark.any_version),
        ("fused", AS_WIDE),
    ],
)
def test_a_step_leaves_the_arrays_that_it_started_from_alone(implementation: str, config: Config) -> None:
    """TensorFlow takes an array aligned to 64 bytes for a variable's memory, and 2.12 computes in pieces of it, into
    which `fused` cuts a state as large as `notebook`'s.
    """
    trainer = trainer_at(config, implementation)
    weights = {name: aligned(value) for name, value in initial_weights(config).items()}
    state = {name: aligned(value) for name, value in random_state(config, seed=1).items()}
    inputs, targets = map(aligned, random_batch(config, seed=0))
    masks = tuple(map(aligned, dropout_masks(config, step=0)))
    arrays = {
        **weights,
        **state,
        "inputs": inputs,
        "targets": targets,
        **{f"mask {layer}": mask for layer, mask in enumerate(masks)},
    }
    before = {name: value.copy() for name, value in arrays.items()}
    trainer.weights, trainer.state = weights, state
    trainer.train_step(inputs, targets, masks).loss.numpy()
    trainer.weights, trainer.state = weights, state
    trainer.evaluation_step(inputs, targets).numpy()
    assert [name for name, value in arrays.items() if not np.array_equal(value, before[name])] == []


def aligned(values: Any) -> Any:
    """The same values in memory whose address is a multiple of 64."""
    memory = np.empty(values.size + 16, values.dtype)
    start = -memory.ctypes.data // values.itemsize % 16
    made = memory[start : start + values.size].reshape(values.shape)
    made[...] = values
    assert made.ctypes.data % 64 == 0
    return made


def test_zero_state_forgets_what_was_read(trainer: Trainer) -> None:
    loss = float(trainer.evaluation_step(*BATCH))
    assert float(trainer.evaluation_step(*BATCH)) != loss
    trainer.zero_state()
    assert not any(value.any() for value in trainer.state.values())
    assert float(trainer.evaluation_step(*BATCH)) == loss


def test_a_missing_device_is_refused_and_not_replaced() -> None:
    with pytest.raises(DeviceError, match=r"there is no device 'gpu:7'; TensorFlow .* sees cpu:0"):
        Trainer(CONFIG, device="gpu:7")


def test_a_missing_implementation_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"lm\.models\.threads"):
        Trainer(CONFIG, implementation="threads")


def test_batches_of_another_shape_are_refused_and_not_traced_anew(trainer: Trainer) -> None:
    with pytest.raises((TypeError, ValueError), match=r"signature|Can not cast"):
        trainer.train_step(BATCH[0][:4], BATCH[1][:4])
    trainer.train_step(*BATCH)
    assert retraces(trainer.step_function) == 0
