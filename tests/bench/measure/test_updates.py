"""A step's clipping and update from its own gradients: silent on right steps, and what is said of a wrong one."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.measure.chunked import CHUNK
from bench.measure.exchange import Exchange
from bench.measure.numerics import FLOOR, reads, relative_error, rounding_error
from bench.measure.publish import publish
from bench.measure.updates import clipped_error, clipping_and_update, update_error
from bench.record.types import NumericError
from lm.config import CONFIGS, Config
from lm.oracle.step import step as oracle_step
from lm.training.initial import initial_weights

# The clip norm is below the gradients'.
CONFIG = dataclasses.replace(CONFIGS["tiny"], layer_sizes=(5, 3), embedding_size=4, vocabulary_size=40, clip_norm=0.5)
RATE = 0.5
WEIGHTS = tuple(CONFIG.weight_shapes())
IDS = np.random.RandomState(1).randint(CONFIG.vocabulary_size, size=(2, CONFIG.batch_size, CONFIG.num_steps))

Tamper = Callable[[Exchange], None]


def errors(folder: Path, tamper: Tamper = lambda _: None, config: Config = CONFIG) -> list[NumericError]:
    """Errors of the oracle's float32 step 0, tampered with."""
    exchange = Exchange.create(folder / "exchange", config)
    weights = initial_weights(config)
    state = {name: np.zeros(shape, np.float32) for name, shape in config.state_shapes().items()}
    taken = oracle_step(config, weights, state, *IDS, learning_rate=RATE)
    assert taken.global_norm > 2 * CONFIG.clip_norm
    publish(weights, exchange.weights(0))
    publish(taken.gradients, exchange.results("gradient"))
    publish({"": taken.global_norm}, exchange.results("norm"))
    publish(taken.clipped, exchange.results("clipped"))
    publish(taken.weights, exchange.updated(0))
    tamper(exchange)
    return clipping_and_update(config, exchange, 0, IDS[0], RATE)


def over(found: list[NumericError]) -> list[tuple[str, str]]:
    return [(error.quantity, error.tensor) for error in found if not error.within]


def test_right_steps_are_within_their_limits(tmp_path: Path) -> None:
    found = errors(tmp_path)
    assert [(error.quantity, error.tensor) for error in found] == [
        ("norm", ""),
        *((quantity, tensor) for quantity in ("clipped", "update") for tensor in WEIGHTS),
    ]
    assert max(error.used for error in found) < 0.7
    assert {error.limit for error in found if error.quantity == "clipped"} == {FLOOR}


def test_gradients_below_the_clip_norm_stay_as_they_are(tmp_path: Path) -> None:
    assert over(errors(tmp_path, config=dataclasses.replace(CONFIG, clip_norm=500.0))) == []


def test_a_row_of_the_embedding_may_be_off_by_a_rounding_for_each_read(tmp_path: Path) -> None:
    """By √n of one."""
    clipped: list[Any] = []
    found = errors(tmp_path, lambda exchange: clipped.append(exchange.results("clipped")["embedding"].copy()))
    (limit,) = (error.limit for error in found if (error.quantity, error.tensor) == ("update", "embedding"))
    rounded = initial_weights(CONFIG)["embedding"] * np.sqrt(reads(IDS[0], CONFIG))
    assert limit == pytest.approx(FLOOR + rounding_error(rounded, -RATE * clipped[0]), rel=1e-4)


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_weight_that_stays_where_it_was_is_named(tmp_path: Path, name: str) -> None:
    """Any of them, matrices as well as biases."""

    def lose(exchange: Exchange) -> None:
        exchange.updated(0)[name][...] = exchange.weights(0)[name]

    found = errors(tmp_path, lose)
    assert over(found) == [("update", name)]
    assert max(error.error for error in found) == pytest.approx(1.0)


def test_one_value_corrupted_between_two_steps_is_named(tmp_path: Path) -> None:
    def corrupt(exchange: Exchange) -> None:
        exchange.updated(0)["lstm0/recurrent"][3, 7] += 0.01

    assert over(errors(tmp_path, corrupt)) == [("update", "lstm0/recurrent")]


def test_a_gradient_that_is_not_clipped_is_named(tmp_path: Path) -> None:
    def spare(exchange: Exchange) -> None:
        clipped = exchange.results("gradient")["output/kernel"]
        exchange.results("clipped")["output/kernel"][...] = clipped
        exchange.updated(0)["output/kernel"][...] = exchange.weights(0)["output/kernel"] - RATE * clipped

    assert over(errors(tmp_path, spare)) == [("clipped", "output/kernel")]


@pytest.mark.parametrize(
    ("factor", "named"),
    [
        (0.5, [("norm", "")]),
        (2.0, []),
        (np.nan, [("norm", "")]),
        (np.inf, [("clipped", name) for name in WEIGHTS]),  # 0, for the oracle's NaN
    ],
)
def test_a_norm_that_clipping_and_update_follow_is_named_where_it_is_too_small_or_no_number(
    tmp_path: Path, factor: float, named: list[tuple[str, str]]
) -> None:
    def clip_by_another(exchange: Exchange) -> None:
        exchange.results("norm")[""][...] *= factor
        for name, clipped in exchange.results("clipped").items():
            clipped /= factor
            exchange.updated(0)[name][...] = exchange.weights(0)[name] - RATE * clipped

    assert over(errors(tmp_path, clip_by_another)) == named


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_in_the_update_alone_is_over_the_limit(tmp_path: Path, value: float) -> None:
    def spoil(exchange: Exchange) -> None:
        exchange.updated(0)["lstm1/bias"][2] = value

    (error,) = (error for error in errors(tmp_path, spoil) if not error.within)
    assert (error.tensor, error.error) == ("lstm1/bias", float("inf"))


@pytest.mark.parametrize("size", [1, CHUNK - 1, CHUNK, 2 * CHUNK + 7])
@pytest.mark.parametrize("scale", [1.0, 1e-25, 1e25])
def test_chunks_give_what_whole_arrays_do(size: int, scale: float) -> None:
    """In float32 whose squares fit, or do not. What does not move is not rounded."""
    stream = np.random.RandomState(size)
    base, origin = (scale * stream.uniform(-1, 1, (2, size))).astype(np.float32)
    base[2::3] = 0
    found = (origin - 0.5 * base * (1 + 1e-3 * (np.arange(size) == size - 1))).astype(np.float32)
    exact: Any = -0.5 * base.astype(np.float64)
    error, rounding = update_error(origin, found, base, 0.5, origin)
    assert error == pytest.approx(relative_error(found.astype(np.float64) - origin, exact), rel=1e-2, abs=1e-8)
    assert rounding == pytest.approx(rounding_error(origin, exact), rel=1e-4)
    found = (-0.5 * base * (1 + 1e-3 * (np.arange(size) == size - 1))).astype(np.float32)
    assert clipped_error(found, base, -0.5) == pytest.approx(relative_error(found, exact), rel=1e-2, abs=1e-8)
