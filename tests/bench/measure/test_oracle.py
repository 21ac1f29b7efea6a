"""The oracle's process: which steps it takes, from what each starts, and what it keeps of what it finds.

Steps are the float32 oracle's own, one of them tampered with, so that nothing but NumPy is needed.
"""

import dataclasses
import itertools
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np
import pytest

from bench.measure.exchange import Exchange
from bench.measure.numerics import Arrays, Expected, expected_perplexity
from bench.measure.oracle import Session
from bench.measure.publish import publish
from bench.measure.stress import CASES, LEARNING_RATE, SMALL
from bench.record.types import DEFAULT_WORKLOAD, REPEAT, STRESS
from lm.arrays import Floats, Tokens
from lm.config import CONFIGS, Config
from lm.data.batches import steps_per_epoch, training_batch
from lm.oracle.sgd import apply_sgd, scaled, values_of
from lm.oracle.step import step as oracle_step
from lm.training.initial import initial_weights

TINY, JITTER = CONFIGS["tiny"], 7

Tamper = Callable[[int, Exchange], None]


def over(
    folder: Path,
    steps: int,
    tamper: Tamper = lambda step, exchange: None,
    *,
    config: Config = TINY,
    by_oracle: Collection[int] = (0,),
    tokens: int | None = None,
) -> list[tuple[int, str, str]]:
    """Returns (step, quantity, tensor) of what is over its limit in steps that are tampered with once published.

    The oracle takes those of `by_oracle`; the text ends after `tokens`.
    """
    session = Session()
    session.prepare("tiny", "synthetic", None, steps, "cpu:0", JITTER, DEFAULT_WORKLOAD)
    session._config, session._oracle_steps, session._tokens = config, tuple(by_oracle), session._tokens[:tokens]
    session.share(str(folder))
    exchange, weights = session._own, initial_weights(config, JITTER)
    for step in range(steps):
        epoch, index = divmod(step, steps_per_epoch(session._tokens.size, config))
        if index == 0:
            state = {name: np.zeros(shape, np.float32) for name, shape in config.state_shapes().items()}
        batch, rate = training_batch(session._tokens, config, step), config.epoch_learning_rate(epoch + 1)
        found = oracle_step(config, weights, state, *batch, learning_rate=rate)
        for quantity, values in (
            ("state", found.state),
            ("loss", {"": found.loss}),
            ("gradient", found.gradients),
            ("norm", {"": found.global_norm}),
            ("clipped", found.clipped),
        ):
            publish(values, exchange.results(quantity, step))
        publish(found.weights, exchange.updated(step))
        tamper(step, exchange)
        weights = {name: value.copy() for name, value in exchange.updated(step).items()}
        state = found.state
        session.check(step, logits=False)
    return [(error.step, error.quantity, error.tensor) for error in session.errors() if not error.within]


@pytest.mark.parametrize(("lost", "named"), [(None, []), (2, [(2, "update", "output/bias")])])
def test_a_step_that_the_oracle_does_not_take_is_checked_by_its_own_gradients(
    tmp_path: Path, lost: int | None, named: list[tuple[int, str, str]]
) -> None:
    def lose(step: int, exchange: Exchange) -> None:
        if step == lost:
            exchange.updated(step)["output/bias"][...] = exchange.weights(step)["output/bias"]

    assert over(tmp_path, 4, lose) == named


@pytest.mark.parametrize("by_oracle", [(), range(5)], ids=["own gradients", "oracle"])
def test_an_epoch_starts_from_a_zero_state_at_its_own_rate(tmp_path: Path, by_oracle: Collection[int]) -> None:
    """Two batches an epoch: 8 rows of 21 tokens."""
    config = dataclasses.replace(TINY, decay=0.5, decay_after_epoch=1)
    assert over(tmp_path, 5, config=config, by_oracle=by_oracle, tokens=8 * 21) == []


@pytest.mark.parametrize(("device", "wrong"), [("cpu:0", ["output/bias"]), ("gpu:0", [])])
def test_another_process_leaves_the_same_weights_but_on_a_gpu(tmp_path: Path, device: str, wrong: list[str]) -> None:
    """Where sums have any order."""
    session = Session()
    session.prepare("tiny", "synthetic", None, 1, device, JITTER, DEFAULT_WORKLOAD)
    session.share(str(tmp_path))
    session.check(0, logits=False)
    session._own.updated(0)["output/bias"][...] += 1e-7
    session.check_repeat()
    found = [error for error in session.errors() if error.source == REPEAT]
    assert found
    assert [error.tensor for error in found if not error.within] == wrong


def test_the_oracle_takes_one_step_of_seventeen_and_the_first_the_sixth_the_middle_and_the_last() -> None:
    agenda = Session().prepare("notebook", "synthetic", None, 400, "cpu:0", 0, DEFAULT_WORKLOAD)
    assert agenda.oracle_steps == tuple(sorted({*range(0, 400, 17), 5, 200, 399}))
    assert agenda.repeated == 100  # a quarter


def test_where_the_oracle_takes_all_steps_all_are_repeated() -> None:
    assert Session().prepare("tiny", "synthetic", None, 400, "cpu:0", 0, DEFAULT_WORKLOAD).repeated == 400


def test_each_launch_has_stress_steps_of_its_own(tmp_path: Path) -> None:
    small = next(number for number, case in enumerate(CASES) if case.small)

    def posed(jitter: int) -> Floats:
        session, folder = Session(), tmp_path / str(jitter)
        folder.mkdir()
        session.prepare("tiny", "synthetic", None, 1, "cpu:0", jitter, DEFAULT_WORKLOAD)
        session.share(str(folder))
        session.check(0, logits=False)
        session.pose(0)
        session.pose(small)
        return session._small.ids["inputs"]

    assert not np.array_equal(posed(1), posed(2))


def over_where_the_norm_overflows(
    folder: Path, *, norm: bool, clipped: bool, update: bool, rate: float = LEARNING_RATE
) -> set[str]:
    """Returns the quantities over their limits in "norm overflow"; each given one overflowed in float32, or didn't."""
    number = next(number for number, case in enumerate(CASES) if case.name == "norm overflow")
    session = Session()
    session.prepare("tiny", "synthetic", None, 1, "cpu:0", JITTER, DEFAULT_WORKLOAD)
    session.share(str(folder))
    session.check(0, logits=False)
    session.pose(0)
    session.pose(number)
    start, exchange = session._start, session._small
    narrow = oracle_step(SMALL, start.weights, start.state, *start.batch, learning_rate=rate)
    size = float(np.sqrt(sum(np.square(values_of(one).astype(float)).sum() for one in narrow.gradients.values())))
    finite = {name: scaled(one, SMALL.clip_norm / size) for name, one in narrow.gradients.items()}
    for quantity, values in (
        ("state", narrow.state),
        ("loss", {"": narrow.loss}),
        ("logits", {"": narrow.logits}),
        ("gradient", narrow.gradients),
        ("norm", {"": narrow.global_norm if norm else size}),
        ("clipped", narrow.clipped if clipped else finite),
    ):
        publish(values, exchange.results(quantity))
    publish(narrow.weights if update else apply_sgd(start.weights, finite, rate), exchange.updated(0))
    session.check_stress(number, logits=True)
    stress = (error for error in session.errors() if error.source == STRESS and not error.within)
    return {error.quantity for error in stress}


@pytest.mark.parametrize(("norm", "clipped", "update"), list(itertools.product((True, False), repeat=3)))
def test_a_norm_may_overflow_or_not_but_the_clipped_gradients_and_the_update_follow_it(
    tmp_path: Path, norm: bool, clipped: bool, update: bool
) -> None:
    overflows = {"norm": norm, "clipped": clipped, "update": update}
    finite = {quantity for quantity, whether in overflows.items() if not whether}
    named = finite if len(finite) in (1, 2) else set()  # all three have one outcome
    assert over_where_the_norm_overflows(tmp_path, **overflows) == named


def test_an_update_a_thousandth_too_large_is_found_where_no_norm_overflows(tmp_path: Path) -> None:
    rate = 1.001 * LEARNING_RATE
    assert over_where_the_norm_overflows(tmp_path, norm=False, clipped=False, update=False, rate=rate) == {"update"}


def test_a_pass_over_more_batches_than_there_are_ends_with_the_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 8 rows of 31 tokens here: 3 batches."""
    counts: list[int] = []

    def noted(config: Config, weights: Arrays, batches: Sequence[tuple[Tokens, Tokens]]) -> Expected:
        counts.append(len(batches))
        return expected_perplexity(config, weights, batches)

    monkeypatch.setattr("bench.measure.oracle.expected_perplexity", noted)
    session = Session()
    session.prepare("tiny", "synthetic", None, 1, "cpu:0", JITTER, DEFAULT_WORKLOAD)
    session.share(str(tmp_path))
    session.check(0, logits=False)
    session._valid = session._valid[: 8 * 31]
    for steps in (2, 5):
        session.check_evaluation(steps, 500.0)
    assert counts == [2, 3]
