"""Each target does its part of the step, and nothing else."""

from typing import Any

import numpy as np
import pytest

from lm.config import CONFIGS
from lm.training.initial import initial_weights

pytestmark = pytest.mark.tensorflow
TINY = CONFIGS["tiny"]
IDS = np.arange(80, dtype=np.int32).reshape(8, 10)
BATCH = (IDS, IDS + 1, ())


@pytest.fixture(scope="module")
def trainer() -> Any:
    from lm.training.trainer import Trainer

    return Trainer(TINY)


@pytest.fixture
def fresh(trainer: Any) -> Any:
    trainer.weights = initial_weights(TINY)
    trainer.zero_state()
    return trainer


def test_parts_together_are_the_step(fresh: Any) -> None:
    from lm.hot_paths.targets import target

    logits = target(fresh, "forward", BATCH)
    assert logits.function(*logits.arguments).shape == (8, 10, TINY.vocabulary_size)
    fresh.zero_state()
    gradient = target(fresh, "gradient", BATCH)
    loss, gradients = gradient.function(*gradient.arguments)
    fresh.zero_state()
    clip = target(fresh, "clip", BATCH)
    assert all(not value.any() for value in fresh.state.values())  # its gradients were computed, and the state put back
    clipped, norm = clip.function(*clip.arguments)
    step = target(fresh, "step", BATCH)
    result = step.function(*step.arguments)
    assert float(result.loss) == pytest.approx(float(loss), rel=1e-6)
    assert float(result.global_norm) == pytest.approx(float(norm), rel=1e-5)
    np.testing.assert_allclose(result.gradients[-1], gradients[-1], rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(result.clipped[-1], clipped[-1], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("name", "moves"), [("forward", False), ("gradient", False), ("clip", False), ("step", True)])
def test_only_the_step_moves_the_weights(fresh: Any, name: str, moves: bool) -> None:
    from lm.hot_paths.targets import target

    before = fresh.weights
    target(fresh, name, BATCH).run()
    assert any(not np.array_equal(before[key], value) for key, value in fresh.weights.items()) == moves


def test_an_unknown_target_is_refused_by_name(fresh: Any) -> None:
    from lm.hot_paths.targets import target

    with pytest.raises(ValueError, match="no target is called 'backward'; there are forward, gradient, clip, step"):
        target(fresh, "backward", BATCH)
