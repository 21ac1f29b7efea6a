"""A step publishes arrays of the shapes that are due, and the numbers of its results."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.measure.exchange import Exchange
from bench.measure.publish import publish, publish_evaluation, publish_training
from lm.config import CONFIGS
from lm.data.batches import training_batch
from lm.oracle.sgd import SparseRows
from tests.lm.agreement import trainer_at


def test_duplicate_rows_are_added_up_and_old_rows_are_cleared() -> None:
    target = np.full((4, 2), 9, np.float32)
    # Row 3 comes twice: 1 + 4 and 2 + 8.
    publish({"": SparseRows(np.array([3, 1, 3]), np.array([[1, 2], [5, 6], [4, 8]], np.float32))}, {"": target})
    assert target.tolist() == [[0, 0], [5, 6], [0, 0], [5, 10]]


def test_no_rows_at_all_are_zeros() -> None:
    target = np.full((4, 2), 9, np.float32)
    publish({"": SparseRows(np.zeros(0, np.int32), np.zeros((0, 2), np.float32))}, {"": target})
    assert not target.any()


def test_a_missing_gradient_is_zeros() -> None:
    target = np.full(3, 9, np.float32)
    publish({"": None}, {"": target})
    assert not target.any()


@pytest.mark.parametrize(
    ("value", "due"),
    [
        (1.0, (3,)),
        (np.ones(1, np.float32), (3,)),
        (np.ones((2, 3), np.float32), (3,)),
        (np.zeros(2, np.float32), ()),
    ],
)
def test_another_shape_is_refused(value: Any, due: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=f"of shape .* where {re.escape(str(due))} is due"):
        publish({"": value}, {"": np.zeros(due, np.float32)})


@pytest.mark.tensorflow
def test_a_step_leaves_its_results_where_they_are_looked_for(tmp_path: Path) -> None:
    """The second step: weights lie before it where the first put them, and logits only where they are asked for."""
    config = CONFIGS["tiny"]
    exchange, trainer = Exchange.create(tmp_path / "exchange", config), trainer_at(config)
    text = np.arange(500, dtype=np.int32)
    first = publish_training(trainer, training_batch(text, config, 0), exchange, 0)
    weights = trainer.weights
    second = publish_training(trainer, training_batch(text, config, 1), exchange, 1, with_logits=True)
    assert (first.logits, second.logits) == (False, True)
    assert np.float32(second.loss) == exchange.results("loss", 1)[""]
    for found, wanted in (
        (exchange.weights(1), weights),
        (exchange.updated(1), trainer.weights),
        (exchange.results("state", 1), trainer.state),
    ):
        assert all(np.array_equal(found[name], value) for name, value in wanted.items())
    assert all(exchange.results(quantity, 1)["embedding"].any() for quantity in ("gradient", "clipped"))
    assert exchange.results("norm", 1)[""] > 0
    assert exchange.results("logits", 1)[""].any()


@pytest.mark.tensorflow
def test_an_evaluation_leaves_its_loss_and_its_state(tmp_path: Path) -> None:
    config: Any = CONFIGS["tiny"]
    exchange, trainer = Exchange.create(tmp_path / "exchange", config), trainer_at(config)
    batch = training_batch(np.arange(500, dtype=np.int32), config, 0)
    published = publish_evaluation(trainer, batch[:2], exchange)
    assert exchange.results("loss")[""] == np.float32(published.loss)
    assert np.array_equal(exchange.results("state")["lstm1/c"], trainer.state["lstm1/c"])
