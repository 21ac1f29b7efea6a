"""Builders of trainers and batches, and how far a trainer's steps are from the oracle's in float64, by tensor."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lm.config import CONFIGS, Config
from lm.oracle import step as oracle
from lm.oracle.sgd import SparseRows, densified
from lm.training.initial import initial_weights

if TYPE_CHECKING:
    from lm.training.trainer import Trainer

Array = NDArray[Any]

# The gate measures `cells`: with the oldest TensorFlow the others are tested once a week.
EACH_IMPLEMENTATION = ["cells", *(pytest.param(name, marks=pytest.mark.any_version) for name in ("layers", "fused"))]

UNIT_ROUNDOFF = 2.0**-24  # of float32


def random_batch(config: Config, seed: int) -> tuple[Array, Array]:
    """Inputs and targets [batch, steps] of few words, so that most ids come more than once."""
    ids = np.random.RandomState(seed).randint(50, size=(config.batch_size, config.num_steps + 1)).astype(np.int32)
    return ids[:, :-1], ids[:, 1:]


def random_state(config: Config, seed: int) -> dict[str, Array]:
    """A recurrent state between −½ and ½, different in every value."""
    random = np.random.RandomState(seed)
    return {name: random.uniform(-0.5, 0.5, shape).astype(np.float32) for name, shape in config.state_shapes().items()}


# With masks, a state as wide as the embedding (masks would fit in each other's place), and gradients that are clipped.
DROPOUT = dataclasses.replace(
    CONFIGS["tiny"], name="dropout", layer_sizes=(24, 24), keep_probability=0.5, clip_norm=0.5
)


@functools.cache
def _traced(config: Config, implementation: str, number: int) -> "Trainer":
    from lm.training.trainer import Trainer

    return Trainer(config, implementation)


def trainer_at(config: Config, implementation: str = "cells", number: int = 0) -> "Trainer":
    """A trainer with its initial weights, in the middle of a text. It is shared: tracing a step takes a second.

    Another number is another one of the same.
    """
    trainer = _traced(config, implementation, number)
    trainer.weights, trainer.state = initial_weights(config), random_state(config, seed=1)
    trainer.learning_rate = config.learning_rate
    return trainer


def relative_error(found: Any, wanted: Any) -> float:
    """‖found − wanted‖ / ‖wanted‖ of equal shapes; sparse rows must have the same ids, in whatever order."""
    if isinstance(wanted, SparseRows):
        assert np.array_equal(np.sort(found.indices), np.sort(wanted.indices))
        rows = int(wanted.indices.max()) + 1
        found, wanted = (densified(gradient, rows) for gradient in (found, wanted))
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted)
    assert found.shape == wanted.shape
    return float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))


def step_errors(
    trainer: Any,
    inputs: Array,
    targets: Array,
    masks: Sequence[Array] = (),
    oracle_masks: Sequence[Array] | None = None,
    oracle_state: Mapping[str, Array] | None = None,
) -> dict[str, float]:
    """Takes one training step; relative errors by "quantity tensor", "loss" say, or "gradient output/bias".

    The oracle starts from the trainer's weights and state, unless it is given another state or other masks on purpose.
    "logits" are missing where the implementation keeps none.
    """
    weights, state, learning_rate = trainer.weights, trainer.state, trainer.learning_rate
    result = trainer.train_step(inputs, targets, masks, with_logits=True)
    wanted = oracle.step(
        trainer.config,
        wide(weights),
        wide(state if oracle_state is None else oracle_state),
        inputs,
        targets,
        masks if oracle_masks is None else oracle_masks,
        learning_rate=learning_rate,
    )
    errors = {
        "loss": relative_error(result.loss, wanted.loss),
        **({} if result.logits is None else {"logits": relative_error(result.logits, wanted.logits)}),
        "norm": relative_error(result.global_norm, wanted.global_norm),
    }
    for name, gradient, clipped in zip(weights, result.gradients, result.clipped, strict=True):
        errors[f"gradient {name}"] = relative_error(gradient, wanted.gradients[name])
        errors[f"clipped {name}"] = relative_error(clipped, wanted.clipped[name])
    errors |= {
        f"update {name}": update_error(value, wanted.weights[name], weights[name])
        for name, value in trainer.weights.items()
    }
    errors |= {f"state {name}": relative_error(value, wanted.state[name]) for name, value in trainer.state.items()}
    return errors


def update_error(found: Array, wanted: Array, before: Array) -> float:
    """Error of the new weights in units of the update, beyond what rounding them to float32 may cost."""
    update = wanted - before
    rounding = UNIT_ROUNDOFF * float(np.linalg.norm(wanted[update != 0]))
    return max(float(np.linalg.norm(found - wanted)) - rounding, 0.0) / float(np.linalg.norm(update))


def wide(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The same values in float64."""
    return {name: value.astype(np.float64) for name, value in arrays.items()}
