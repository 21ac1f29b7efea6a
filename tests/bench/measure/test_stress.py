"""Stress steps: what each case constructs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from bench.measure.numerics import by_unit, by_word, errors_of, expected_evaluation, expected_step, state_by_unit, whole
from bench.measure.stress import (
    CANDIDATE,
    CASES,
    FORGET,
    INPUT,
    LEARNING_RATE,
    OUTPUT,
    SMALL,
    TINIEST,
    Case,
    Start,
    small_start,
)
from bench.record.types import CAP
from lm.arrays import Floats
from lm.config import CONFIGS
from lm.data.batches import training_batch
from lm.data.load import load_corpus
from lm.oracle.sgd import densified, values_of
from lm.oracle.step import Step, evaluate
from lm.oracle.step import step as oracle_step
from lm.training.initial import initial_weights

FLOAT32_EXP = 88.7  # exp of more overflows float32


CHANGES = {case.name: case.change for case in CASES if case.small}


def oracle(case: str, kind: type[np.floating[Any]] = np.float64) -> Step:
    start = CHANGES[case](small_start())
    weights, state = (
        {name: value.astype(kind) for name, value in part.items()} for part in (start.weights, start.state)
    )
    return oracle_step(SMALL, weights, state, start.inputs, start.targets, start.masks, learning_rate=LEARNING_RATE)


def test_the_small_configuration_fills_no_vector() -> None:
    sizes = (SMALL.vocabulary_size, SMALL.embedding_size, *SMALL.layer_sizes, SMALL.batch_size, SMALL.num_steps)
    assert all(size % 4 for size in sizes)
    assert SMALL.keep_probability < 1
    assert SMALL.learning_rate != LEARNING_RATE


def test_clipping_is_shown_on_both_sides_of_its_limit() -> None:
    assert oracle("odd shapes").global_norm > 1.2 * SMALL.clip_norm
    assert oracle("short gradients").global_norm < 0.9 * SMALL.clip_norm


def test_one_id_makes_every_row_a_duplicate() -> None:
    start = CHANGES["one id"](small_start())
    assert len(np.unique(start.inputs)) == len(np.unique(start.targets)) == 1


@pytest.mark.parametrize("case", ["large logits, small", "saturated gates"])
def test_cases_beyond_the_exponential_stay_finite(case: str) -> None:
    step = oracle(case, np.float32)
    assert np.isfinite(step.loss)
    assert np.isfinite(step.global_norm)


def test_large_logits_and_gates_overflow_an_exponential() -> None:
    assert np.abs(oracle("large logits, small").logits).max() > FLOAT32_EXP
    assert np.abs(CHANGES["saturated gates"](small_start()).weights["lstm0/bias"]).max() > FLOAT32_EXP


def test_large_logits_overflow_an_exponential_at_the_runs_own_size_too() -> None:
    """TensorFlow has other kernels there than for the small model."""
    config = CONFIGS["tiny"]
    state = {name: np.zeros(shape, np.float32) for name, shape in config.state_shapes().items()}
    own = Start(initial_weights(config), state, *training_batch(load_corpus("synthetic", config).train, config, 0))
    (start,) = (case.change(own) for case in CASES if not (case.small or case.evaluation))
    step = oracle_step(config, start.weights, start.state, *start.batch, learning_rate=LEARNING_RATE)
    assert np.abs(step.logits).max() > FLOAT32_EXP


def test_a_word_ruled_out_leaves_everything_finite() -> None:
    step = oracle("word ruled out")
    assert np.isneginf(step.logits).any()
    assert np.isfinite(step.loss)
    assert np.isfinite(step.global_norm)


def test_a_nan_reaches_only_the_rows_that_read_it() -> None:
    step = oracle("NaN")
    rows = np.isnan(step.state["lstm1/h"]).any(axis=1)
    assert rows.any()
    assert not rows.all()
    assert np.isnan(step.loss)


def test_an_inf_leaves_the_loss_finite_and_the_norm_not() -> None:
    step = oracle("Inf")
    assert np.isfinite(step.loss)
    assert np.isnan(step.global_norm)


def test_only_float32_overflows_in_the_norm() -> None:
    assert np.isfinite(oracle("norm overflow").global_norm)
    assert np.isinf(oracle("norm overflow", np.float32).global_norm)
    assert np.isnan(values_of(oracle("norm overflow", np.float32).clipped["output/bias"])).all()
    assert [case.name for case in CASES if case.either] == ["norm overflow"]


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.small and not case.evaluation], ids=lambda case: case.name
)
def test_float32_can_do_better_than_the_cap(case: Case) -> None:
    """So that a correct TensorFlow, whose error is about the float32 oracle's, is far below its limit."""
    for jitter in range(20):
        start = case.change(small_start(jitter))
        expected = expected_step(SMALL, (start.weights, start.state), start.batch, LEARNING_RATE, case.cut)
        limits = {quantity: max(of.values()) for quantity, of in expected.limits.items() if quantity != "update"}
        assert {quantity: limit for quantity, limit in limits.items() if limit >= CAP} == {}, jitter


@pytest.mark.parametrize("case", [case for case in CASES if case.small and case.evaluation], ids=lambda case: case.name)
def test_float32_comes_to_less_than_a_tenth_of_the_cap_in_evaluation(case: Case) -> None:
    for jitter in range(20):
        start = case.change(small_start(jitter))
        before, ids = (start.weights, start.state), (start.inputs, start.targets)
        loss, state = evaluate(SMALL, *before, *ids)
        found = {"loss": {"": np.asarray(loss)}, "state": state}
        errors = errors_of(0, found, expected_evaluation(SMALL, before, ids, case.cut), case.cut)
        assert max(error.error for error in errors) < CAP / 10, jitter


def test_an_output_product_a_thousandth_too_large_shows_in_evaluation_at_the_runs_own_size() -> None:
    """After 12 steps of tiny, trained by the oracle in float32."""
    config = CONFIGS["tiny"]
    tokens = load_corpus("synthetic", config).train
    weights = initial_weights(config)
    state = {name: np.zeros(shape, np.float32) for name, shape in config.state_shapes().items()}
    for number in range(12):
        step = oracle_step(config, weights, state, *training_batch(tokens, config, number), learning_rate=1.0)
        weights, state = step.weights, step.state
    case = next(case for case in CASES if case.evaluation and not case.small)
    start = case.change(Start(weights, state, *training_batch(tokens, config, 12)))
    ids = start.inputs, start.targets
    expected = expected_evaluation(config, (start.weights, start.state), ids, case.cut)

    def used(weights: Mapping[str, Floats]) -> dict[str, float]:
        loss, new_state = evaluate(config, weights, start.state, *ids)
        errors = errors_of(0, {"loss": {"": np.asarray(loss)}, "state": new_state}, expected, case.cut)
        return {f"{error.quantity} {error.tensor}": error.used for error in errors}

    assert max(used(start.weights).values()) < 0.1
    wrong = used({**start.weights, "output/kernel": np.float32(1.001) * start.weights["output/kernel"]})
    assert wrong["loss "] > 20


def test_what_each_case_compares_by_parts() -> None:
    assert {case.name: case.cut for case in CASES if case.cut is not whole} == {
        "evaluation, nearly saturated gates": state_by_unit,
        "evaluation, nearly saturated candidates": state_by_unit,
        "unlikely words": by_word,
        "nearly saturated gates": state_by_unit,
        "nearly saturated candidates": state_by_unit,
        "tiny units": by_unit,
    }
    evaluated = {case.name.removeprefix("evaluation, ") for case in CASES if case.small and case.evaluation}
    assert evaluated == {"small", "large logits", "nearly saturated gates", "nearly saturated candidates", "NaN"}


@pytest.mark.parametrize(
    ("name", "quantity", "tensor"),
    [
        ("unlikely words", "gradient", "output/kernel"),  # of the least likely word that is no target
        ("nearly saturated gates", "state", "lstm0/h"),  # of the unit whose output gate is shut to exp(−20)
    ],
)
def test_a_case_s_own_cut_shows_a_part_that_is_lost(name: str, quantity: str, tensor: str) -> None:
    (case,) = (one for one in CASES if one.name == name)
    start = case.change(small_start())
    part = max({*range(53)} - {*start.targets.flat}) if quantity == "gradient" else 12
    expected = expected_step(SMALL, (start.weights, start.state), start.batch, LEARNING_RATE, case.cut)
    step = oracle(name)
    found = {"gradient": {one: densified(value, 53) for one, value in step.gradients.items()}, "state": step.state}
    found[quantity][tensor][:, part] = 0
    over = [error.tensor for error in errors_of(0, found, expected, case.cut) if not error.within]
    assert over == [f"{tensor}[:, {part}]" if quantity == "gradient" else f"{tensor}[{part}]"]


def test_starts_differ_by_launch() -> None:
    one, other = small_start(1), small_start(2)
    assert not np.array_equal(one.inputs, other.inputs)
    assert not np.array_equal(one.weights["lstm0/kernel"], other.weights["lstm0/kernel"])
    assert np.array_equal(one.inputs, small_start(1).inputs)


def test_nearly_saturated_gates_are_open_or_shut_to_between_exp_minus_8_and_exp_minus_20() -> None:
    start = CHANGES["nearly saturated gates"](small_start())
    gates = start.weights["lstm0/bias"].reshape(4, -1)
    for gate in (INPUT, FORGET, OUTPUT):
        assert sorted(np.abs(gates[gate])) == pytest.approx(np.linspace(8, 20, 13))
        assert (np.sign(gates[gate]) > 0).tolist() == [unit % 2 == 1 for unit in range(13)]
    assert np.abs(gates[CANDIDATE]).max() < 1


def test_words_become_as_unlikely_as_exp_minus_20_and_each_has_a_column() -> None:
    step = oracle("unlikely words")
    parts = by_word("gradient", {"output/kernel": values_of(step.gradients["output/kernel"])})
    sizes = [float(np.linalg.norm(parts[f"output/kernel[:, {word}]"])) for word in range(53)]
    assert 0 < min(sizes) < 1e-7 * max(sizes)


def test_no_words_column_is_all_but_one_unit_of_one_token() -> None:
    """By this launch's masks one was, whose cell state cancels: float32 was 3e-5 off, and TensorFlow 2.12.1 6e-5."""
    start = CHANGES["unlikely words"](small_start(862084))
    expected = expected_step(SMALL, (start.weights, start.state), start.batch, LEARNING_RATE, by_word)
    assert max(expected.limits["gradient"].values()) < CAP / 2


def test_nearly_saturated_candidates_are_within_exp_minus_8_and_exp_minus_20_of_one() -> None:
    start = CHANGES["nearly saturated candidates"](small_start())
    candidate = np.abs(start.weights["lstm1/bias"].reshape(4, -1)[CANDIDATE])
    assert 1 - np.tanh(candidate.astype(np.float64)) == pytest.approx(2 * np.exp(-2 * np.linspace(4, 10, 9)), rel=1e-3)


def test_tiny_units_show_in_every_tensor_unit_by_unit() -> None:
    """A unit's gradient, update and state have its scale: 1 the first's, 1e-24 the last but one's."""
    step = oracle("tiny units", np.float32)
    update = {name: step.weights[name] - CHANGES["tiny units"](small_start()).weights[name] for name in step.weights}
    gradients = {name: densified(value, 53) for name, value in step.gradients.items()}
    kernels = {
        f"lstm{layer}/{part}{cut}" for layer in (0, 1) for part in ("kernel", "recurrent") for cut in ("", "[:, ")
    }
    weights, states = {"embedding", "output/kernel", *kernels}, set(step.state)
    for quantity, names in ((gradients, weights), (update, weights), (step.state, states)):
        sizes: dict[str, list[float]] = {}
        for name, part in by_unit("", quantity).items():
            sizes.setdefault(name.rstrip("[0123456789]"), []).append(float(np.linalg.norm(part.astype(np.float64))))
        for name in names:
            assert 0.01 < (sizes[name][-2] / sizes[name][0]) / TINIEST < 100, name
            assert min(sizes[name]) > 1e-30, name


def test_what_a_tiny_unit_receives_shows_though_its_rows_are_those_of_other_units_too() -> None:
    """The candidate's column of one unit is lost in each kernel: its norm is about 1e-24 of a row's."""
    start = CHANGES["tiny units"](small_start())
    expected = expected_step(SMALL, (start.weights, start.state), start.batch, LEARNING_RATE, by_unit)
    step = oracle("tiny units", np.float32)
    of_layer = (2 * 13 + 11, 2 * 9 + 7)  # the last odd unit of 13, and of 9
    lost = {f"lstm{layer}/{part}": of_layer[layer] for layer in (0, 1) for part in ("kernel", "recurrent")}
    found = {name: values_of(step.gradients[name]).copy() for name in lost}
    assert [error for error in errors_of(0, {"gradient": found}, expected, by_unit) if not error.within] == []
    for name, column in lost.items():
        found[name][:, column] = 0
    over = [error.tensor for error in errors_of(0, {"gradient": found}, expected, by_unit) if not error.within]
    assert over == [f"{name}[:, {column}]" for name, column in lost.items()]
