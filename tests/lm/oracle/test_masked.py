"""Padding changes nothing: a padded batch gives what its sequences give one by one, each cut where it ends."""

import numpy as np
import pytest

from lm.config import CONFIGS
from lm.oracle.masked import masked_step
from lm.oracle.sgd import densified
from lm.oracle.step import backward, cross_entropy, forward, zero_state
from lm.training.initial import initial_weights
from lm.workloads.masked import Workload
from lm.workloads.parts.padded import FRONT, FULL, RAGGED
from lm.workloads.registry import workload

TINY = CONFIGS["tiny"]
WEIGHTS = {name: value.astype(np.float64) for name, value in initial_weights(TINY).items()}


def test_a_padded_batch_is_its_sequences_one_by_one() -> None:
    inputs, targets, lengths = Workload().batch(TINY, 0, RAGGED)
    assert {1, TINY.num_steps} < set(lengths.tolist())
    found = masked_step(TINY, WEIGHTS, inputs, targets, lengths)
    loss = 0.0
    summed = {name: np.zeros(shape) for name, shape in TINY.weight_shapes().items()}
    for row, length in enumerate(lengths):
        ids, wanted = inputs[row : row + 1, :length], targets[row : row + 1, :length]
        logits, state, tape = forward(TINY, WEIGHTS, zero_state(TINY, WEIGHTS, 1), ids)
        own, gradient = cross_entropy(logits, wanted)
        loss += float(own) / TINY.batch_size
        for name, part in backward(TINY, WEIGHTS, tape, gradient / TINY.batch_size).items():
            summed[name] += densified(part, TINY.weight_shapes()[name][0])
        np.testing.assert_allclose(found.logits[row, :length], logits[0], rtol=1e-12)
        assert not found.logits[row, length:].any()
        for name, value in state.items():
            np.testing.assert_allclose(found.state[name][row], value[0], rtol=1e-12)
    assert found.loss == pytest.approx(loss, rel=1e-12)
    for name, total in summed.items():
        dense = densified(found.gradients[name], TINY.weight_shapes()[name][0])
        np.testing.assert_allclose(dense, total, rtol=1e-9, atol=1e-14)


def test_the_word_that_pads_has_no_gradient() -> None:
    found = masked_step(TINY, WEIGHTS, *Workload().batch(TINY, 0, RAGGED))
    assert not densified(found.gradients["embedding"], TINY.vocabulary_size)[0].any()


def test_without_padding_it_is_the_training_step_s_cost() -> None:
    inputs, targets, lengths = Workload().batch(TINY, 0, FULL)
    logits, _, _ = forward(TINY, WEIGHTS, zero_state(TINY, WEIGHTS, TINY.batch_size), inputs)
    assert masked_step(TINY, WEIGHTS, inputs, targets, lengths).loss == pytest.approx(cross_entropy(logits, targets)[0])


@pytest.mark.parametrize("name", ["masked", "bidirectional"])
def test_on_a_gpu_no_padding_is_in_front(name: str) -> None:
    """Keras 3 refuses it there, in a graph."""
    found = workload(name)
    assert tuple(found.answered("cpu:0")) == found.cases
    assert tuple(found.answered("gpu:0")) == (RAGGED, FULL)


def test_padding_in_front_moves_sequences_and_nothing_else() -> None:
    inputs, targets, lengths = Workload().batch(TINY, 0, RAGGED)
    moved_inputs, moved_targets, same = Workload().batch(TINY, 0, FRONT)
    assert np.array_equal(lengths, same)
    for row, length in enumerate(lengths):
        assert np.array_equal(moved_inputs[row, TINY.num_steps - length :], inputs[row, :length])
        assert np.array_equal(moved_targets[row, TINY.num_steps - length :], targets[row, :length])
        assert not moved_inputs[row, : TINY.num_steps - length].any()
