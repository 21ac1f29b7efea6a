"""Initial weights: the same numbers under every NumPy, and the laws that they are drawn from."""

import dataclasses
import functools

import numpy as np
import pytest

from lm.arrays import Weights
from lm.config import CONFIGS
from lm.training.initial import (
    CURVED,
    QUANTUM,
    biased_weights,
    curved_weights,
    initial_weights,
    weights_sha256,
    wide_weights,
)

TINY, NOTEBOOK = CONFIGS["tiny"], CONFIGS["notebook"]

# The same with NumPy 1.24.3 and 2.4.6.
WEIGHTS_SHA256 = {
    "tiny": "b9d722e825a0407d31d0da26cce0afd40783793c80269297d5fd8dfcf4516c89",
    "notebook": "c2f18f67e9af70e0c9a0f168ffec5ff18667ab9e14caf55727735721aa7060b1",
    "small": "4a6c8b12ec31bbd8a38f8cdb96d51eb4de9882dc43be2bbdd3c62acb766e3280",
    "medium": "a020804cf6fbd17cb19a960908eadfe231a38914c80921b11689d4f1deaec658",
    "large": "b213c8a057c8d63bfb32134827dc3bde5fa41087bd3c1c8d69af8b686d00cb25",
}
SLOW = ("medium", "large")  # drawn as `small` is, millions of numbers
JITTERED_SHA256 = "1369cd1011c20ff2ef485c821cb0d3cd5d0b63fc65db33aecf2b7b6b4f519b32"  # tiny, jitter 1


@functools.cache
def weights_of(config: str) -> Weights:
    """Initial weights, drawn once for all tests that look at them: orthogonal ones take a while."""
    return initial_weights(CONFIGS[config])


@pytest.mark.parametrize(
    ("name", "sha256"),
    [pytest.param(*one, marks=[pytest.mark.slow] if one[0] in SLOW else []) for one in WEIGHTS_SHA256.items()],
)
def test_initial_weights_are_pinned(name: str, sha256: str) -> None:
    config = CONFIGS[name]
    weights = initial_weights(config)
    assert weights_sha256(weights) == sha256
    assert {name: value.shape for name, value in weights.items()} == config.weight_shapes()
    assert list(weights) == list(config.weight_shapes())
    assert {value.dtype for value in weights.values()} == {np.dtype(np.float32)}


def test_jitter_is_pinned() -> None:
    assert weights_sha256(initial_weights(TINY, jitter=1)) == JITTERED_SHA256


def test_the_sum_covers_every_value_name_and_their_order() -> None:
    weights = initial_weights(TINY)
    changed = {**weights, "output/bias": np.nextafter(weights["output/bias"], np.float32(1))}
    renamed = {name.replace("lstm1", "lstm2"): value for name, value in weights.items()}
    backwards = dict(reversed(weights.items()))
    assert len({weights_sha256(these) for these in (weights, changed, renamed, backwards)}) == 4


def test_another_seed_draws_other_weights() -> None:
    other = initial_weights(dataclasses.replace(TINY, seed=1))
    drawn = [name for name in other if not (name.startswith("lstm") and name.endswith("bias"))]
    assert not any(np.array_equal(value, other[name]) for name, value in initial_weights(TINY).items() if name in drawn)


@pytest.mark.parametrize("config", ["tiny", "notebook"])
def test_weights_are_multiples_of_the_quantum(config: str) -> None:
    for name, value in weights_of(config).items():
        assert np.array_equal(np.rint(value / QUANTUM), value / QUANTUM), name


def test_uniform_draws_fill_the_range() -> None:
    for name, value in initial_weights(TINY).items():
        if not (name.startswith("lstm") and name.endswith("bias")):
            assert np.abs(value).max() <= 0.1 + QUANTUM / 2
            # Of n uniform draws the largest is below 95% of the bound with probability 0.95^n, 8e-12 for the fewest,
            # 500.
            assert min(value.max(), -value.min()) > 0.095, name
            assert abs(value.mean()) < 5 * 0.1 / np.sqrt(3 * value.size), name  # five standard deviations of the mean


def test_notebook_kernels_are_glorots_and_its_output_bias_zero() -> None:
    weights = weights_of("notebook")
    bounds = {
        "embedding": 0.05,
        "lstm0/kernel": (6 / 1224) ** 0.5,
        "lstm1/kernel": (6 / 768) ** 0.5,
        "output/kernel": (6 / 10128) ** 0.5,
    }
    for name, bound in bounds.items():  # Glorot: √(6 / (in + out))
        assert 0.999 * bound < np.abs(weights[name]).max() <= bound + QUANTUM / 2, name
    assert not weights["output/bias"].any()


@pytest.mark.parametrize("layer", [0, 1])
def test_notebook_recurrent_kernels_are_orthogonal(layer: int) -> None:
    kernel = weights_of("notebook")[f"lstm{layer}/recurrent"].astype(np.float64)
    # Each entry is off by up to QUANTUM / 2, a product of rows of norm 1 and length n by a few times that over √3.
    assert np.abs(kernel @ kernel.T - np.eye(len(kernel))).max() < 4 * QUANTUM


@pytest.mark.parametrize(("name", "forget_bias"), [("notebook", 1.0), ("small", 0.0), ("tiny", 0.0)])
def test_the_bias_of_the_forget_gate_alone_is_set(name: str, forget_bias: float) -> None:
    config = CONFIGS[name]
    for layer, size in enumerate(config.layer_sizes):
        gates = weights_of(name)[f"lstm{layer}/bias"].reshape(4, size)  # input, forget, cell, output
        assert (gates[1] == forget_bias).all()
        assert not gates[[0, 2, 3]].any()


def test_jitter_moves_each_value_by_one_unit_in_the_last_place_and_zero_by_none() -> None:
    before, after = weights_of("notebook"), initial_weights(NOTEBOOK, jitter=1)
    for name, value in before.items():
        zero = value == 0
        assert not after[name][zero].any()
        up = after[name] == np.nextafter(value, np.float32(np.inf))
        down = after[name] == np.nextafter(value, np.float32(-np.inf))
        assert (up | down | zero).all()
        if value.size > 2000 and not zero.all():
            assert 0.45 < up[~zero].mean() < 0.55  # about as many up as down
    assert list(after) == list(before)


def test_each_jitter_has_a_stream_of_its_own() -> None:
    assert len({weights_sha256(initial_weights(TINY, jitter)) for jitter in (0, 1, 2, 1000)}) == 4
    assert weights_sha256(initial_weights(TINY, 2)) == weights_sha256(initial_weights(TINY, 2))


@pytest.mark.parametrize("name", ["tiny", "notebook"])
def test_each_wide_weight_counts(name: str) -> None:
    """Kernels are within √(6 / rows): of tiny's first LSTM within √(6 / 24) = 0.5."""
    config = CONFIGS[name]
    weights = wide_weights(config)
    assert {name: value.shape for name, value in weights.items()} == config.weight_shapes()
    assert {value.dtype for value in weights.values()} == {np.dtype(np.float32)}
    for tensor, value in weights.items():
        bound = (6 / len(value)) ** 0.5 if tensor.endswith(("kernel", "recurrent")) else 0.5
        assert 0.95 * bound < np.abs(value).max() <= bound, tensor
        assert (value != 0).mean() > 0.999, tensor


def test_wide_weights_move_by_their_jitter() -> None:
    assert len({weights_sha256(wide_weights(TINY, jitter)) for jitter in (0, 1, 2)}) == 3
    moved, still = wide_weights(TINY, 1)["lstm0/bias"], wide_weights(TINY)["lstm0/bias"]
    assert np.abs(moved - still).max() < 1e-7


@pytest.mark.parametrize("config", ["tiny", "notebook"])
def test_biased_weights_are_drawn_as_initial_ones_but_for_biases(config: str) -> None:
    weights = biased_weights(CONFIGS[config], CONFIGS[config].weight_shapes())
    assert list(weights) == list(CONFIGS[config].weight_shapes())
    for name, initial in weights_of(config).items():
        found = weights[name]
        assert (found.dtype, found.shape) == (initial.dtype, initial.shape)
        if name.endswith("bias"):
            bound = 0.5 if name == "output/bias" else 0.05
            assert 0.95 * bound < np.abs(found).max() <= bound, name
            assert found.all(), name
        else:
            assert found.std() == pytest.approx(initial.std(), rel=0.05), name


def test_biased_weights_move_by_their_jitter() -> None:
    shapes = TINY.weight_shapes()
    moved, still = (biased_weights(TINY, shapes, jitter)["lstm0/bias"] for jitter in (1, 0))
    assert 0 < np.abs(moved - still).max() < 1e-7


def test_curved_weights_are_wide_ones_times_a_factor() -> None:
    shapes = TINY.weight_shapes()
    weights, wide = curved_weights(TINY, shapes), wide_weights(TINY)
    assert list(weights) == list(shapes)
    for name, value in weights.items():
        assert value.dtype == np.float32
        np.testing.assert_allclose(value, CURVED * wide[name], rtol=1e-6)
    moved = curved_weights(TINY, shapes, jitter=1)["lstm0/bias"]
    assert 0 < np.abs(moved - weights["lstm0/bias"]).max() < 1e-6
