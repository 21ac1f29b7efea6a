"""Padding changes nothing, and the backward direction is the forward one of the sequence read backwards."""

import numpy as np
import pytest

from lm.config import CONFIGS
from lm.oracle.bidirectional import DIRECTIONS, PARTS, bidirectional_step
from lm.oracle.sgd import densified
from lm.workloads.bidirectional import Workload
from lm.workloads.parts.padded import FULL, RAGGED

TINY = CONFIGS["tiny"]
LAYERS = len(TINY.layer_sizes)
WEIGHTS = {name: value.astype(np.float64) for name, value in Workload().weights(TINY).items()}


def test_a_padded_batch_is_its_sequences_one_by_one() -> None:
    inputs, targets, lengths = Workload().batch(TINY, 0, RAGGED)
    found = bidirectional_step(LAYERS, WEIGHTS, inputs, targets, lengths)
    loss = 0.0
    summed = {name: np.zeros_like(value) for name, value in WEIGHTS.items()}
    for row, length in enumerate(lengths):
        ids, wanted = inputs[row : row + 1, :length], targets[row : row + 1, :length]
        own = bidirectional_step(LAYERS, WEIGHTS, ids, wanted, np.array([length]))
        loss += float(own.loss) / TINY.batch_size
        for name, part in own.gradients.items():
            summed[name] += densified(part, len(WEIGHTS[name])) / TINY.batch_size
        np.testing.assert_allclose(found.logits[row, :length], own.logits[0], rtol=1e-9)
        for name, value in own.state.items():
            np.testing.assert_allclose(found.state[name][row], value[0], rtol=1e-9)
    assert found.loss == pytest.approx(loss, rel=1e-12)
    for name, total in summed.items():
        np.testing.assert_allclose(densified(found.gradients[name], len(total)), total, rtol=1e-9, atol=1e-14)


def test_sequences_read_backwards_by_swapped_directions_give_the_same_read_backwards() -> None:
    """Swapped are a layer's directions, and so what the layer above reads of them."""
    inputs, targets, lengths = Workload().batch(TINY, 0, FULL)
    swapped = dict(WEIGHTS)
    for layer in range(LAYERS):
        for part in PARTS:
            for direction, other in zip(DIRECTIONS, reversed(DIRECTIONS), strict=True):
                value = WEIGHTS[f"lstm{layer}/{other}/{part}"]
                above = layer and part == "kernel"
                swapped[f"lstm{layer}/{direction}/{part}"] = halves_swapped(value) if above else value
    swapped["output/kernel"] = halves_swapped(WEIGHTS["output/kernel"])
    found = bidirectional_step(LAYERS, WEIGHTS, inputs, targets, lengths)
    again = bidirectional_step(LAYERS, swapped, inputs[:, ::-1], targets[:, ::-1], lengths)
    np.testing.assert_allclose(again.logits[:, ::-1], found.logits, rtol=1e-9)
    np.testing.assert_allclose(again.state["lstm1/forward/c"], found.state["lstm1/backward/c"], rtol=1e-9)
    for part in ("recurrent", "bias"):
        own, wanted = densified(again.gradients[f"lstm0/forward/{part}"], 0), found.gradients[f"lstm0/backward/{part}"]
        np.testing.assert_allclose(own, densified(wanted, 0), rtol=1e-9, atol=1e-14)


def halves_swapped(kernel: np.ndarray) -> np.ndarray:
    return np.concatenate(np.split(kernel, 2)[::-1])
