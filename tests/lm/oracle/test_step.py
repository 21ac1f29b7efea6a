"""The oracle against arithmetic by hand and against derivatives by complex steps; PyTorch and TensorFlow: own files."""

import dataclasses
import math
import re
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from lm.config import CONFIGS, Config
from lm.oracle import step as oracle
from lm.oracle.lstm import lstm_backward
from lm.oracle.sgd import densified

COMPLEX_STEP = (
    1e-30  # f(x + ih) = f(x) + ih f'(x) + O(h²): no difference is taken, so no digits are lost (Squire and Trapp 1998)
)


def small_config(layer_sizes: tuple[int, ...] = (4, 2), keep: float = 1.0) -> Config:
    return dataclasses.replace(
        CONFIGS["tiny"], name="test", vocabulary_size=7, embedding_size=3, layer_sizes=layer_sizes, batch_size=2,
        num_steps=3,
        keep_probability=keep,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Case:
    """A configuration with random numbers for everything that a step takes."""

    config: Config
    weights: dict[str, Any]
    state: dict[str, Any]
    inputs: Any
    targets: Any
    masks: tuple[Any, ...]

    def step(self, learning_rate: float = 1.0) -> oracle.Step:
        return oracle.step(
            self.config, self.weights, self.state, self.inputs, self.targets, self.masks, learning_rate=learning_rate
        )

    def loss(self, **weights: Any) -> Any:
        logits, _, _ = oracle.forward(self.config, self.weights | weights, self.state, self.inputs, self.masks)
        return oracle.cross_entropy(logits, self.targets)[0]


def random_case(config: Config, seed: int = 1, dtype: Any = np.float64) -> Case:
    random = np.random.RandomState(seed)
    ids = random.randint(config.vocabulary_size, size=(config.batch_size, config.num_steps + 1))
    return Case(
        config,
        {name: random.normal(scale=0.7, size=shape).astype(dtype) for name, shape in config.weight_shapes().items()},
        {name: random.normal(size=shape).astype(dtype) for name, shape in config.state_shapes().items()},
        ids[:, :-1],
        ids[:, 1:],
        tuple(
            (random.uniform(size=shape) < config.keep_probability).astype(np.float32) for shape in config.mask_shapes()
        ),
    )


def complex_step_gradient(case: Case, name: str) -> Any:
    weight = case.weights[name]
    weights = {other: value.astype(complex) for other, value in case.weights.items()}
    gradient = np.zeros_like(weight)
    for place in np.ndindex(weight.shape):
        nudged = weights[name].copy()
        nudged[place] += 1j * COMPLEX_STEP
        gradient[place] = case.loss(**(weights | {name: nudged})).imag / COMPLEX_STEP
    return gradient


@pytest.mark.parametrize("keep", [1.0, 0.6])
@pytest.mark.parametrize("name", small_config().weight_shapes())
def test_every_gradient_is_the_derivative_of_the_loss(name: str, keep: float) -> None:
    case = random_case(small_config(keep=keep))
    found = densified(case.step().gradients[name], case.config.vocabulary_size)
    assert_allclose(found, complex_step_gradient(case, name), rtol=1e-11, atol=1e-13)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    layer_sizes=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    embedding_size=st.integers(1, 5),
    vocabulary_size=st.integers(1, 9),
    shape=st.tuples(st.integers(1, 4), st.integers(1, 5)),
    keep=st.sampled_from([1.0, 0.7, 0.35]),
    seed=st.integers(0, 2**32 - 1),
)
def test_gradients_of_any_shape_are_directional_derivatives(
    layer_sizes: list[int], embedding_size: int, vocabulary_size: int, shape: tuple[int, int], keep: float, seed: int
) -> None:
    config = dataclasses.replace(
        small_config(tuple(layer_sizes), keep), embedding_size=embedding_size, vocabulary_size=vocabulary_size,
        batch_size=shape[0], num_steps=shape[1],
    )  # fmt: skip
    case = random_case(config, seed)
    gradients = case.step().gradients
    random = np.random.RandomState(seed)
    for name, weight in case.weights.items():
        direction = random.normal(size=weight.shape)
        nudged = {other: value.astype(complex) for other, value in case.weights.items()}
        nudged[name] = weight + 1j * COMPLEX_STEP * direction
        terms = densified(gradients[name], vocabulary_size) * direction
        assert_allclose(
            terms.sum(), case.loss(**nudged).imag / COMPLEX_STEP, rtol=1e-11, atol=1e-12 * (1 + np.abs(terms).sum())
        )


def test_the_derivative_check_sees_a_cut_recurrent_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backpropagation that forgets h[t-1] → z[t] must differ: a recurrent matrix of zeros for the way back alone."""
    case = random_case(small_config())
    right = densified(case.step().gradients["lstm0/kernel"], 7)
    backward = lstm_backward
    monkeypatch.setattr(
        "lm.oracle.step.lstm_backward",
        lambda tape, kernel, recurrent, above: backward(tape, kernel, 0 * recurrent, above),
    )
    wrong = densified(case.step().gradients["lstm0/kernel"], 7)
    wanted = complex_step_gradient(case, "lstm0/kernel")
    assert np.linalg.norm(right - wanted) < 1e-12 * np.linalg.norm(wanted)
    assert np.linalg.norm(wrong - wanted) > 1e-2 * np.linalg.norm(wanted)


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def test_one_cell_by_hand() -> None:
    """One word in, one out, every width 1, so that the model is scalar arithmetic."""
    config = dataclasses.replace(small_config((1,)), vocabulary_size=2, embedding_size=1, batch_size=1, num_steps=1)
    weights = {
        "embedding": np.array([[0.0], [2.0]]),
        "lstm0/kernel": np.array([[0.1, 0.2, 0.3, 0.4]]),
        "lstm0/recurrent": np.array([[0.5, 0.6, 0.7, 0.8]]),
        "lstm0/bias": np.array([0.01, 0.02, 0.03, 0.04]),
        "output/kernel": np.array([[1.5, -1.5]]),
        "output/bias": np.array([0.25, 0.5]),
    }
    state = {"lstm0/h": np.array([[-1.0]]), "lstm0/c": np.array([[3.0]])}
    step = oracle.step(config, weights, state, np.array([[1]]), np.array([[0]]), learning_rate=0.5)

    # z = 2 kernel − 1 recurrent + bias, in the order input, forget, cell, output
    i, f, g, o = 0.2 - 0.5 + 0.01, 0.4 - 0.6 + 0.02, 0.6 - 0.7 + 0.03, 0.8 - 0.8 + 0.04
    c = sigmoid(f) * 3 + sigmoid(i) * math.tanh(g)
    h = sigmoid(o) * math.tanh(c)
    right_logit, other_logit = 1.5 * h + 0.25, -1.5 * h + 0.5
    chance = sigmoid(right_logit - other_logit)  # softmax of two
    assert step.loss == pytest.approx(-math.log(chance), rel=1e-14)
    assert step.state["lstm0/c"].item() == pytest.approx(c, rel=1e-14)
    assert step.state["lstm0/h"].item() == pytest.approx(h, rel=1e-14)
    assert_allclose(step.weights["output/bias"], [0.25 - 0.5 * (chance - 1), 0.5 - 0.5 * (1 - chance)], rtol=1e-14)


def test_gates_in_another_order_change_the_loss() -> None:
    case = random_case(small_config())
    i, f, g, o = np.split(case.weights["lstm0/kernel"], 4, axis=1)
    assert abs(case.loss(**{"lstm0/kernel": np.hstack([f, i, g, o])}) - case.loss()) > 1e-3


def test_cost_is_the_sum_over_time_of_the_batch_mean() -> None:
    """Equal logits give every token log(7) nats: 3 steps, whatever the batch."""
    loss, gradient = oracle.cross_entropy(np.zeros((2, 3, 7)), np.zeros((2, 3), int))
    assert loss == pytest.approx(3 * math.log(7), rel=1e-15)
    assert_allclose(gradient[0, 0], [(1 / 7 - 1) / 2] + [1 / 7 / 2] * 6, rtol=1e-14)


def test_the_mean_loss_is_that_of_a_token_and_so_are_its_gradients() -> None:
    """The step's own are sums over the three steps of each sequence."""
    case = random_case(small_config())
    zeros = oracle.zero_state(case.config, case.weights, 2)
    taken = dataclasses.replace(case, state=zeros).step()
    loss, gradients = oracle.mean_loss(case.config, case.weights, case.inputs, case.targets)
    assert_allclose(3 * loss, taken.loss)
    for name, gradient in gradients.items():
        rows = len(case.weights[name])
        assert_allclose(3 * densified(gradient, rows), densified(taken.gradients[name], rows), atol=1e-15)


def test_large_logits_do_not_overflow() -> None:
    loss, gradient = oracle.cross_entropy(np.array([[[1000.0, 0.0]]]), np.array([[1]]))
    assert loss == 1000
    assert_array_equal(gradient, [[[1, -1]]])


def test_state_carries_over_but_gradients_stop_at_the_batch() -> None:
    case = random_case(dataclasses.replace(small_config(), num_steps=6))
    logits, state, _ = oracle.forward(case.config, case.weights, case.state, case.inputs)
    _, middle, _ = oracle.forward(case.config, case.weights, case.state, case.inputs[:, :3])
    later, end, _ = oracle.forward(case.config, case.weights, middle, case.inputs[:, 3:])
    assert_allclose(later, logits[:, 3:], rtol=1e-13)
    assert_allclose(end["lstm1/c"], state["lstm1/c"], rtol=1e-13)

    halves = [dataclasses.replace(case, inputs=case.inputs[:, :3], targets=case.targets[:, :3])]
    halves.append(dataclasses.replace(case, state=middle, inputs=case.inputs[:, 3:], targets=case.targets[:, 3:]))
    whole, (first, second) = case.step().gradients, (half.step().gradients for half in halves)
    apart = {name: densified(first[name], 7) + densified(second[name], 7) for name in whole}
    assert_allclose(apart["output/kernel"], densified(whole["output/kernel"], 7), rtol=1e-11)  # no path through time
    assert np.abs(apart["lstm0/kernel"] - densified(whole["lstm0/kernel"], 7)).max() > 1e-4


def test_evaluation_is_the_loss_without_dropout() -> None:
    case = random_case(small_config(keep=0.6))
    loss, state = oracle.evaluate(case.config, case.weights, case.state, case.inputs, case.targets)
    without = dataclasses.replace(case, masks=())
    assert loss == without.step().loss != case.step().loss
    assert_array_equal(state["lstm0/h"], without.step().state["lstm0/h"])


def test_dropout_masks_outputs_and_not_the_state() -> None:
    case = random_case(small_config(keep=0.5))
    embedding, first, last = (np.ones(shape) for shape in case.config.mask_shapes())
    logits, state, _ = oracle.forward(case.config, case.weights, case.state, case.inputs, (embedding, first, 0 * last))
    assert_allclose(logits, np.broadcast_to(case.weights["output/bias"], logits.shape))
    assert_array_equal(
        state["lstm1/h"],
        oracle.forward(case.config, case.weights, case.state, case.inputs, (embedding, first, last))[1]["lstm1/h"],
    )


def test_what_dropout_keeps_is_divided_by_the_keep_probability() -> None:
    """All kept at 0.5: as if the embedding, the second layer's kernel and the output's kernel were twice as large."""
    case = random_case(small_config(keep=0.5))
    ones = tuple(np.ones(shape) for shape in case.config.mask_shapes())
    doubled = {name: 2 * case.weights[name] for name in ("embedding", "lstm1/kernel", "output/kernel")}
    kept, plain = dataclasses.replace(case, masks=ones), dataclasses.replace(case, masks=())
    assert kept.loss() == pytest.approx(plain.loss(**doubled), rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_everything_is_in_the_dtype_of_the_weights(dtype: Any) -> None:
    step = random_case(small_config(keep=0.6), dtype=dtype).step(learning_rate=np.float64(0.1))
    gradients = [densified(gradient, 7) for gradient in (*step.gradients.values(), *step.clipped.values())]
    arrays: list[Any] = [
        step.loss,
        step.global_norm,
        step.logits,
        *gradients,
        *step.weights.values(),
        *step.state.values(),
    ]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}


def test_float32_agrees_with_float64_and_changes_nothing_it_was_given() -> None:
    case = random_case(CONFIGS["tiny"], dtype=np.float32)
    before = {name: weight.copy() for name, weight in case.weights.items()}
    narrow = case.step()
    wide = dataclasses.replace(
        case, weights={name: weight.astype(float) for name, weight in case.weights.items()}
    ).step()
    assert narrow.loss == pytest.approx(wide.loss, rel=1e-6)
    for name, gradient in wide.gradients.items():
        error = densified(narrow.gradients[name], 500) - densified(gradient, 500)
        assert np.linalg.norm(error) < 5e-6 * np.linalg.norm(densified(gradient, 500)), name
    for name, weight in before.items():
        assert_array_equal(case.weights[name], weight)


def test_not_a_number_flows_through_without_a_warning() -> None:
    case = random_case(small_config())
    case.weights["output/bias"][0] = np.inf
    case.weights["lstm0/bias"][:] = -1000  # exp(1000) overflows
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step = case.step()
    assert np.isnan(step.loss)
    assert np.isnan(step.global_norm)
    assert np.isnan(step.weights["lstm0/kernel"]).all()


def test_a_batch_of_another_size_than_the_configurations_is_computed() -> None:
    case = random_case(small_config())
    one = dataclasses.replace(
        case,
        inputs=case.inputs[:1],
        targets=case.targets[:1],
        state={name: array[:1] for name, array in case.state.items()},
    )
    assert_allclose(one.step().logits, case.step().logits[:1], rtol=1e-14)


@pytest.mark.parametrize("word", [-1, 7])
def test_ids_outside_the_vocabulary_are_refused(word: int) -> None:
    case = random_case(small_config())
    for name, ids in (("inputs", case.inputs), ("targets", case.targets)):
        wrong = ids.copy()
        wrong[1, 2] = word
        with pytest.raises(ValueError, match=re.escape(f"{name}[1, 2] is {word}, outside the vocabulary of 7 words")):
            dataclasses.replace(case, **{name: wrong}).step()


@pytest.mark.parametrize("masks", [(np.ones((2, 3, 3)),), (np.ones((3, 2, 3)), np.ones((2, 3, 4)))])
def test_masks_of_another_number_or_shape_are_an_error_of_numpy(masks: Any) -> None:
    case = random_case(small_config(layer_sizes=(4,), keep=0.5))
    with pytest.raises(ValueError, match=r"zip|broadcast"):
        dataclasses.replace(case, masks=masks).step()
