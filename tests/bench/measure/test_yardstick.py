"""The yardstick takes the oracle's step in float32, over the corpus again and again, from weights that never move."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from bench.measure import yardstick
from bench.record.replies import Timed
from lm import oracle
from lm.batches import batch
from lm.config import CONFIGS, ConfigError
from lm.initial import initial_weights

TINY = CONFIGS["tiny"]


@pytest.fixture
def steps_taken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Arguments and result of each of the oracle's steps, as they are taken."""
    taken: list[tuple[Any, ...]] = []

    def spy(*arguments: Any, **options: Any) -> oracle.Step:
        result = oracle.step(*arguments, **options)
        taken.append((*arguments, result))
        return result

    monkeypatch.setattr("bench.measure.yardstick.oracle_step", spy)
    return taken


def opened(tokens: int | None = None) -> yardstick.Session:
    """A session of `tiny`, on the first tokens of its corpus."""
    session = yardstick.Session()
    session.open("tiny", "synthetic")
    session._tokens = session._tokens[:tokens]
    return session


def test_each_step_is_timed() -> None:
    session = opened()
    for count in (1, 3):
        timed = session.steps(count)
        assert isinstance(timed, Timed)
        assert len(timed.seconds) == count
        assert min(timed.seconds) > 0


def test_the_step_is_the_configurations_in_float32(steps_taken: list[tuple[Any, ...]]) -> None:
    session = opened()
    session.steps(2)
    for index, (config, weights, state, inputs, targets, masks, result) in enumerate(steps_taken):
        assert config == TINY
        for name, value in initial_weights(TINY).items():
            assert_array_equal(weights[name], value)
        assert not any(value.any() for value in state.values())
        for found, wanted in zip((inputs, targets), batch(session._tokens, TINY, index), strict=True):
            assert_array_equal(found, wanted)
        assert masks == ()
        arrays = (result.logits, result.global_norm, *result.weights.values(), *result.state.values())
        assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_the_corpus_is_read_again_from_its_start(steps_taken: list[tuple[Any, ...]]) -> None:
    """248 tokens in 8 rows of 31: (31 − 1) / 10 = 3 batches. The fourth step, the first of a later call, is on the first batch."""
    session = opened(248)
    session.steps(3)
    session.steps(1)
    inputs = [taken[3] for taken in steps_taken]
    assert_array_equal(inputs[3], inputs[0])
    assert not np.array_equal(inputs[1], inputs[0])


def test_a_configuration_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="no configuration is called 'huge'"):
        yardstick.Session().open("huge", "synthetic")
