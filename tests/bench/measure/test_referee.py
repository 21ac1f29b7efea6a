"""The referee: the arithmetic of a difference, what leaves its limit, and whom the oracle sides with.

Both sides are the float32 oracle here, one of them tampered with, so that nothing but NumPy is needed.
"""

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.measure.chunked import CHUNK
from bench.measure.exchange import Exchange
from bench.measure.publish import publish
from bench.measure.referee import SCREEN, Session, relative_difference
from lm.config import CONFIGS
from lm.data.batches import batch
from lm.oracle import step as oracle
from lm.oracle.sgd import densified
from lm.training.initial import initial_weights

TINY = CONFIGS["tiny"]
Results = dict[str, dict[str, Any]]  # quantity, then tensor; "weights" are those after the step
Tamper = Callable[[Results], None]


def float32(values: Any) -> Any:
    return np.asarray(values, np.float32)


def test_difference_is_normwise_and_relative() -> None:
    # ‖(3, 4) − (3, 3)‖ / ‖(3, 3)‖ = 1 / √18
    assert relative_difference(float32([3, 4]), float32([3, 3])) == pytest.approx(1 / np.sqrt(18))


def test_difference_of_updates_has_their_own_size() -> None:
    # Updates (1, 1) and (1, 0): ‖(0, 1)‖ / ‖(1, 0)‖ = 1, however large the weights are.
    assert relative_difference(float32([101, 101]), float32([101, 100]), float32([100, 100])) == 1.0


@pytest.mark.parametrize("size", [1, CHUNK - 1, CHUNK, 2 * CHUNK + 7])
def test_chunks_cover_every_value(size: int) -> None:
    reference, candidate = np.ones((2, size), np.float32)
    candidate[-1] = 3
    assert relative_difference(candidate, reference) == pytest.approx(2 / np.sqrt(size), rel=1e-5)


@pytest.mark.parametrize(
    ("candidate", "reference", "difference"),
    [
        ([0, 0], [0, 0], 0.0),
        ([0, 1], [0, 0], np.inf),  # nothing to be relative to
        ([np.nan, 1], [np.nan, 1], 0.0),  # both overflowed alike
        ([np.inf, 1], [np.nan, 1], np.inf),
        ([np.nan, 1], [1, 1], np.inf),
        ([1e-25, 0], [2e-25, 0], 0.5),  # float32 can't square these
        ([1e30, 0], [2e30, 0], 0.5),
    ],
)
def test_difference_where_float32_squares_fail(candidate: Any, reference: Any, difference: float) -> None:
    assert relative_difference(float32(candidate), float32(reference)) == pytest.approx(difference)


@pytest.fixture
def referee(tmp_path: Path) -> Session:
    session = Session()
    prepared = session.prepare("tiny", "synthetic", None)
    session.share(str(tmp_path / "exchange"))
    assert (tmp_path / "exchange").stat().st_size == prepared.bytes
    assert len(prepared.tensors) == 4 + 1 + 9 + 1 + 9 + 9
    return session


def take_step(
    referee: Session, path: Path, reference: Tamper = lambda _: None, candidate: Tamper = lambda _: None
) -> None:
    """Publishes step 0 for both sides, as the float32 oracle takes it from the initial weights and a nonzero state."""
    exchange = Exchange(path, TINY, lockstep=True)
    weights = initial_weights(TINY)
    state = {name: np.full(shape, 0.1, np.float32) for name, shape in TINY.state_shapes().items()}
    step = oracle.step(TINY, weights, state, *batch(referee._tokens, TINY, 0), learning_rate=TINY.learning_rate)
    for name, value in state.items():
        exchange.start[name][...] = value
    for name, value in weights.items():
        exchange.weights(0)[name][...] = value
    for role, tamper in (("reference", reference), ("candidate", candidate)):
        results: Results = {
            "state": {name: value.copy() for name, value in step.state.items()},
            "loss": {"": step.loss},
            "gradient": {name: dense(name, value) for name, value in step.gradients.items()},
            "norm": {"": step.global_norm},
            "clipped": {name: dense(name, value) for name, value in step.clipped.items()},
            "weights": {name: value.copy() for name, value in step.weights.items()},
            "before": weights,
        }
        tamper(results)
        for name, value in results.pop("weights").items():
            exchange.updated(0, role)[name][...] = value
        del results["before"]
        for quantity, tensors in results.items():
            publish(tensors, exchange.results(quantity, role=role))


def dense(name: str, value: Any) -> Any:
    return densified(value, TINY.weight_shapes()[name][0]).copy()


def update(results: Results, gradients: dict[str, Any], learning_rate: float) -> None:
    """The weights that a step with these gradients and that learning rate leaves."""
    results["weights"] = {
        name: value - np.float32(learning_rate) * gradients[name] for name, value in results["before"].items()
    }


def larger_learning_rate(results: Results) -> None:
    update(results, results["clipped"], 1.001)


def larger_clip_norm(results: Results) -> None:
    results["clipped"] = {name: value * np.float32(5.05 / 5) for name, value in results["clipped"].items()}
    update(results, results["clipped"], 1.0)


def lost_gradient(results: Results) -> None:
    for quantity in ("gradient", "clipped"):
        results[quantity]["lstm0/bias"] = None
    results["weights"]["lstm0/bias"] = results["before"]["lstm0/bias"]


def lost_state(results: Results) -> None:
    results["state"]["lstm1/c"] *= 0


def wrong_loss(results: Results) -> None:
    results["loss"][""] *= np.float32(1.0001)


def wrong_norm(results: Results) -> None:
    results["norm"][""] *= np.float32(1.0001)


def nan_in_a_gradient(results: Results) -> None:
    results["gradient"]["output/kernel"][3, 5] = np.nan


TAMPERED = [
    (larger_learning_rate, "update", None, 8),
    (larger_clip_norm, "clipped", None, 8 + 9),
    (lost_gradient, "gradient", "lstm0/bias", 2),
    (lost_state, "state", "lstm1/c", 0),
    (wrong_loss, "loss", "", 0),
    (wrong_norm, "norm", "", 0),
    (nan_in_a_gradient, "gradient", "output/kernel", 0),
]


def test_equal_steps_need_no_oracle(referee: Session, tmp_path: Path) -> None:
    take_step(referee, tmp_path / "exchange")
    compared = referee.compare(0)
    assert set(compared.differences) == {0.0}
    assert not compared.oracle
    assert compared.departure is None
    # Ten steps, each near the uniform law's loss.
    assert compared.reference_loss == pytest.approx(10 * np.log(500), rel=0.01)


@pytest.mark.parametrize(
    ("tamper", "quantity", "tensor", "others"), TAMPERED, ids=lambda value: getattr(value, "__name__", None)
)
def test_tampered_candidate_is_named(
    referee: Session, tmp_path: Path, tamper: Tamper, quantity: str, tensor: str | None, others: int
) -> None:
    take_step(referee, tmp_path / "exchange", candidate=tamper)
    departure = referee.compare(0).departure
    assert departure is not None
    assert (departure.first.step, departure.first.quantity, departure.others) == (0, quantity, others)
    assert tensor in (None, departure.first.tensor)
    assert departure.first.difference > departure.first.limit
    assert departure.reference_error < departure.first.limit / 2 < departure.candidate_error


def test_oracle_sides_with_the_candidate_where_the_reference_is_wrong(referee: Session, tmp_path: Path) -> None:
    take_step(referee, tmp_path / "exchange", reference=larger_learning_rate)
    departure = referee.compare(0).departure
    assert departure is not None
    assert departure.candidate_error < 1e-5
    assert departure.reference_error == pytest.approx(1e-3, rel=0.01)


def test_limits_come_from_the_oracle_where_the_screen_is_passed(referee: Session, tmp_path: Path) -> None:
    # The oracle's own float32 error adds to the screen: a difference between the two is asked about, and let pass.
    take_step(referee, tmp_path / "exchange")
    limit = 2 * referee._expected(0).limits["gradient"]["embedding"]
    assert limit > SCREEN

    def scaled(factor: float) -> Tamper:
        def tamper(results: Results) -> None:
            results["gradient"]["embedding"] = np.float32(results["gradient"]["embedding"].astype(np.float64) * factor)

        return tamper

    take_step(referee, tmp_path / "exchange", candidate=scaled(1 + (SCREEN + limit) / 2))
    compared = referee.compare(0)
    assert compared.oracle
    assert compared.departure is None
    assert compared.nearest.limit == pytest.approx(limit)
    take_step(referee, tmp_path / "exchange", candidate=scaled(1 + 1.1 * limit))
    assert referee.compare(0).departure is not None


def test_the_oracle_takes_a_step_at_the_rate_of_its_epoch(referee: Session) -> None:
    """Two batches an epoch: 8 rows of 21 tokens. The second epoch's rate is 0.5."""
    referee._tokens = referee._tokens[: 8 * 21]
    referee._config = dataclasses.replace(TINY, decay=0.5, decay_after_epoch=1)
    publish(initial_weights(TINY), referee._exchange.weights(2))
    values = referee._expected(2).values
    assert values["update"]["output/bias"] == pytest.approx(-0.5 * values["clipped"]["output/bias"])


def test_a_file_that_is_there_is_not_overwritten(referee: Session, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        referee.share(str(tmp_path / "exchange"))


def test_room_is_reserved_at_once(tmp_path: Path) -> None:
    # A file may hold 100,000 bytes here: a disk that is full. Without the reservation the first write into the map
    # would be fatal.
    code = f"""
import resource
from bench.measure.referee import Session
session = Session()
session.prepare("tiny", "synthetic", None)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
session.share({str(tmp_path / "exchange")!r})
"""
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("OSError")
