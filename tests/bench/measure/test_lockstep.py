"""One side of a comparison: what it publishes, and that the candidate starts every step where the reference does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.measure.exchange import Exchange
from bench.measure.lockstep import LockstepSide
from lm.config import CONFIGS
from lm.data.batches import training_batch
from lm.training.initial import initial_weights
from tests.lm.agreement import DROPOUT, trainer_at

TINY = CONFIGS["tiny"]


def two_sides(path: Path, config: Any) -> tuple[LockstepSide, LockstepSide, Exchange]:
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed in the Python that runs this test")
    exchange = Exchange.create(path, config, lockstep=True)
    reference, candidate = trainer_at(config), trainer_at(config, number=1)
    for trainer in (reference, candidate):
        trainer.zero_state()
    candidate.weights = initial_weights(config, jitter=1)
    return LockstepSide(reference, exchange, "reference"), LockstepSide(candidate, exchange, "candidate"), exchange


def published(exchange: Exchange, role: str, step: int) -> dict[str, Any]:
    found = {
        quantity: exchange.results(quantity, role=role) for quantity in ("state", "loss", "gradient", "norm", "clipped")
    }
    return {
        f"{quantity} {tensor}": array.copy() for quantity, tensors in found.items() for tensor, array in tensors.items()
    } | {f"weights {tensor}": array.copy() for tensor, array in exchange.updated(step, role).items()}


@pytest.mark.tensorflow
@pytest.mark.any_version
@pytest.mark.parametrize("config", [TINY, DROPOUT], ids=lambda config: config.name)
def test_candidate_takes_the_reference_steps(tmp_path: Path, config: Any) -> None:
    # The candidate's own weights are never the reference's, so that agreement to the last bit shows that it took them
    # over.
    reference, candidate, exchange = two_sides(tmp_path / "exchange", config)
    tokens = (np.arange(2000) % 20).astype(np.int32)  # twenty words in turn: there is something to learn
    losses = []
    for step in range(4):
        data = training_batch(tokens, config, step)
        before = {name: value.copy() for name, value in exchange.weights(step).items()}
        assert reference.take(step, data).seconds > 0
        candidate.take(step, data)
        assert all(np.array_equal(before[name], value) for name, value in exchange.weights(step).items())
        theirs, ours = (published(exchange, role, step) for role in ("reference", "candidate"))
        assert theirs.keys() == ours.keys()
        assert [name for name in theirs if not np.array_equal(theirs[name], ours[name])] == []
        assert all(theirs[f"gradient {name}"].any() for name in config.weight_shapes())
        losses.append(float(theirs["loss "]))
    assert losses[-1] < losses[0]  # the reference trains on


@pytest.mark.tensorflow
@pytest.mark.any_version
def test_adopted_weights_are_copies(tmp_path: Path) -> None:
    reference, candidate, exchange = two_sides(tmp_path / "exchange", TINY)
    data = training_batch(np.arange(500, dtype=np.int32), TINY, 0)
    reference.take(0, data)
    candidate.take(0, data)
    kept = candidate._trainer.weights
    for array in exchange.weights(0).values():
        array[...] = 7
    assert all(np.array_equal(kept[name], value) for name, value in candidate._trainer.weights.items())
