"""The check against the oracle: silent on a right step, and what it says of steps with a fault in them."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bench.measure.numerics import (
    by_unit,
    by_word,
    difference,
    errors_of,
    expected_evaluation,
    expected_step,
    reads,
    relative_error,
    rounding_error,
    sketched,
)
from bench.record.types import CAP, NumericError
from lm.config import CONFIGS
from lm.data.batches import Batch
from lm.oracle.sgd import densified
from lm.training.initial import initial_weights

INF, NAN = float("inf"), float("nan")


class TestSketched:
    WANTED = np.random.RandomState(1).normal(size=(40, 500))

    def test_equals_have_one_sketch_and_others_are_as_far_apart_as_the_arrays(self) -> None:
        """To 9% and a bit: of 40 pairs none is off by three times that."""
        random = np.random.RandomState(2)
        found = 1.5 * self.WANTED
        first = sketched(found, self.WANTED)
        assert first == sketched(found.copy(), self.WANTED)
        for _ in range(40):
            moved = found + 1e-5 * random.normal(size=found.shape)
            apart = np.linalg.norm(moved - found) / np.linalg.norm(self.WANTED)
            assert math.dist(first, sketched(moved, self.WANTED)) == pytest.approx(apart, rel=0.27)

    def test_one_value_apart_is_seen_exactly(self) -> None:
        moved = self.WANTED.copy()
        moved[3, 4] += 0.01 * np.linalg.norm(self.WANTED)
        assert math.dist(sketched(moved, self.WANTED), sketched(self.WANTED, self.WANTED)) == pytest.approx(0.01)

    @pytest.mark.parametrize("value", [math.inf, math.nan])
    def test_there_is_none_of_what_is_not_finite(self, value: float) -> None:
        assert sketched(np.array([1.0, value]), np.ones(2)) == ()
        assert sketched(np.ones(2), np.array([1.0, value])) == ()
        assert sketched(np.ones(2), np.zeros(2)) == ()


class TestRelativeError:
    @pytest.mark.parametrize(
        ("found", "wanted", "error"),
        [
            ([3.0, 4.0], [3.0, 4.0], 0.0),
            ([3.0, 4.5], [3.0, 4.0], 0.1),  # 0.5 / 5
            ([-3.0, -4.0], [3.0, 4.0], 2.0),
            ([0.0, 0.0], [3.0, 4.0], 1.0),  # lost
            ([0.0, 0.0], [0.0, 0.0], 0.0),
            ([1e-30, 0.0], [0.0, 0.0], INF),  # no error is small compared with nothing
            ([INF, 4.0], [INF, 4.0], 0.0),
            ([INF, 5.0], [INF, 4.0], 0.25),  # the finite ones are compared
            ([-INF, 4.0], [INF, 4.0], INF),
            ([1.0, 4.0], [INF, 4.0], INF),
            ([INF, 4.0], [1.0, 4.0], INF),
            ([NAN, 4.0], [NAN, 4.0], 0.0),
            ([NAN, 4.0], [INF, 4.0], INF),
            ([1.0, 4.0], [NAN, 4.0], INF),  # a NaN swallowed
            ([NAN, 4.0], [1.0, 4.0], INF),
            ([NAN, NAN], [NAN, NAN], 0.0),
            ([], [], 0.0),
            ([1.0], [1.0, 1.0], INF),
            ([[1.0, 1.0]], [1.0, 1.0], INF),
        ],
    )
    def test_cases(self, found: Any, wanted: Any, error: float) -> None:
        assert relative_error(np.array(found), np.array(wanted)) == pytest.approx(error)

    def test_scalars(self) -> None:
        assert relative_error(np.asarray(np.float32(11.0)), np.asarray(10.0)) == pytest.approx(0.1)

    def test_float32_is_compared_in_float64(self) -> None:
        """Squares of 1e30 leave float32's range, and 1 + 2⁻²³ is float32's neighbour of 1."""
        assert relative_error(np.array([1e30], np.float32), np.array([1e30], np.float32)) == 0.0
        assert relative_error(np.array([1 + 2.0**-23], np.float32), np.array([1.0])) == 2.0**-23


class TestRoundingError:
    def test_each_moved_value_is_rounded_by_up_to_half_a_unit_in_its_last_place(self) -> None:
        """Of the weights 3, 100 and 4 the first and the last move, by ‖(0.3, 0.4)‖ = 0.5: 2⁻²⁴ · 5 / 0.5."""
        assert rounding_error(np.array([3.0, 100.0, 4.0]), np.array([0.3, 0.0, 0.4])) == pytest.approx(10 * 2.0**-24)

    def test_nothing_moved_nothing_rounded(self) -> None:
        assert rounding_error(np.ones(3), np.zeros(3)) == 0.0

    def test_weights_whose_squares_leave_float32_count(self) -> None:
        assert rounding_error(np.array([1e-30], np.float32), np.array([1e-30])) == pytest.approx(2.0**-24)

    def test_a_row_of_the_embedding_is_rounded_as_often_as_it_is_read(self) -> None:
        found = reads(np.array([[3, 1], [3, 3]]), dataclasses.replace(CONFIGS["tiny"], vocabulary_size=5))
        assert found.tolist() == [[0], [1], [0], [3], [0]]


def test_a_unit_is_a_row_of_what_it_enters_and_a_column_of_what_it_hands_on() -> None:
    square = np.arange(4.0).reshape(2, 2)
    parts = by_unit(
        "update", {"output/kernel": square, "embedding": square, "lstm0/h": square, "output/bias": square[0]}
    )
    assert {name: part.tolist() for name, part in parts.items()} == {
        "output/kernel[0]": [0, 1],
        "output/kernel[1]": [2, 3],
        "embedding[0]": [0, 2],
        "embedding[1]": [1, 3],
        "lstm0/h[0]": [0, 2],
        "lstm0/h[1]": [1, 3],
        "output/bias": [0, 1],
    }


@pytest.mark.parametrize("name", ["lstm0/kernel", "lstm1/recurrent"])
def test_what_a_unit_receives_is_the_column_of_its_candidate(name: str) -> None:
    """Two units have eight columns, two of each gate: input, forget, candidate, output."""
    parts = by_unit("gradient", {name: np.arange(16.0).reshape(2, 8)})
    assert {part: value.tolist() for part, value in parts.items()} == {
        f"{name}[0]": [0, 1, 2, 3, 4, 5, 6, 7],
        f"{name}[1]": [8, 9, 10, 11, 12, 13, 14, 15],
        f"{name}[:, 4]": [4, 12],
        f"{name}[:, 5]": [5, 13],
    }


@pytest.mark.parametrize("quantity", ["gradient", "clipped"])
def test_each_word_has_a_column_of_the_output_kernel_in_gradients_alone(quantity: str) -> None:
    tensors = {"output/kernel": np.arange(4.0).reshape(2, 2)}
    assert {name: part.tolist() for name, part in by_word(quantity, tensors).items()} == {
        "output/kernel": [[0, 1], [2, 3]],
        "output/kernel[:, 0]": [0, 2],
        "output/kernel[:, 1]": [1, 3],
    }
    assert by_word("update", tensors) == tensors


@dataclasses.dataclass
class Taken:
    """A step that was taken, with all that the check wants to know."""

    trainer: Any
    before: tuple[Any, Any]
    batch: Batch
    result: Any

    def errors(self) -> tuple[NumericError, ...]:
        """The worst tensor of each quantity."""
        names, result = CLIPPING.weight_shapes(), self.result
        found: dict[str, dict[str, Any]] = {
            "logits": {"": result.logits},
            "loss": {"": result.loss},
            "norm": {"": result.global_norm},
            "gradient": dense(dict(zip(names, result.gradients, strict=True))),
            "clipped": dense(dict(zip(names, result.clipped, strict=True))),
            "update": difference(self.trainer.weights, self.before[0]),
            "state": self.trainer.state,
        }
        errors = errors_of(7, found, expected_step(self.trainer.config, self.before, self.batch, 1.0))
        return tuple(
            max((error for error in errors if error.quantity == quantity), key=lambda error: error.used)
            for quantity in found
        )

    def over(self) -> set[str]:
        """The quantities whose error is over the limit."""
        return {error.quantity for error in self.errors() if not error.within}


CLIPPING = dataclasses.replace(CONFIGS["tiny"], name="clipping", clip_norm=1.0)  # below the norm, so that clipping acts
LAST, EMBEDDING = "output/bias", "embedding"


def ids() -> Batch:
    """A batch of 30 words: each comes more than twice among 80."""
    tokens = np.random.RandomState(1).randint(30, size=(CLIPPING.batch_size, CLIPPING.num_steps + 1)).astype(np.int32)
    return Batch(tokens[:, :-1], tokens[:, 1:])


@pytest.fixture(scope="module")
def trainer() -> Any:
    """One for all, since tracing takes a second."""
    from lm.training.trainer import Trainer

    return Trainer(CLIPPING)


def reset(trainer: Any) -> tuple[Any, Any]:
    """Weights and a state to start from, put into the trainer.

    The weights are large enough for a norm of some units.
    """
    random = np.random.RandomState(2)
    trainer.weights = {name: 4 * weight for name, weight in initial_weights(CLIPPING).items()}
    trainer.state = {
        name: random.uniform(-0.5, 0.5, shape).astype(np.float32) for name, shape in CLIPPING.state_shapes().items()
    }
    trainer.learning_rate = 1.0
    return trainer.weights, trainer.state


def take(trainer: Any, before_step: Callable[[Any], None] = lambda trainer: None) -> Taken:
    """A step from the reset trainer, that was tampered with in between."""
    before = reset(trainer)
    before_step(trainer)
    return Taken(trainer, before, ids(), trainer.train_step(*ids(), with_logits=True))


def dense(gradients: dict[str, Any]) -> dict[str, Any]:
    found = {name: densified(value, CLIPPING.weight_shapes()[name][0]) for name, value in gradients.items()}
    return {name: value.astype(np.float64) for name, value in found.items()}


def replaced(values: Any, name: str, change: Callable[[Any], Any]) -> list[Any]:
    """The values, in the order of the weights, with the named one changed."""
    return [
        change(value) if name == other else value for other, value in zip(CLIPPING.weight_shapes(), values, strict=True)
    ]


def overwritten(slices: Any) -> Any:
    """Of rows with the same id the last alone."""
    last = {int(id_): row for row, id_ in enumerate(np.asarray(slices.indices))}
    rows = sorted(last.values())
    return type(slices)(np.asarray(slices.values)[rows], np.asarray(slices.indices)[rows], slices.dense_shape)


@pytest.mark.tensorflow
@pytest.mark.any_version
class TestStep:
    def test_a_right_step_is_within_every_limit(self, trainer: Any) -> None:
        taken = take(trainer)
        assert float(taken.result.global_norm) > 1.5  # it is clipped, then
        errors = taken.errors()
        assert [error.quantity for error in errors] == [
            "logits",
            "loss",
            "norm",
            "gradient",
            "clipped",
            "update",
            "state",
        ]
        assert {error.step for error in errors} == {7}
        assert taken.over() == set()
        assert max(error.error for error in errors) > 0  # float32 against float64
        assert max(error.limit for error in errors if error.quantity != "update") <= CAP

    def test_a_learning_rate_off_by_a_thousandth(self, trainer: Any) -> None:
        def tamper(trainer: Any) -> None:
            trainer.learning_rate = 1.001

        taken = take(trainer, tamper)
        assert taken.over() == {"update"}
        assert next(error for error in taken.errors() if error.quantity == "update").error == pytest.approx(
            1e-3, rel=0.05
        )

    @pytest.mark.parametrize(
        ("quantity", "tamper"),
        [
            # It changes neither loss nor gradients.
            ("logits", lambda result: result._replace(logits=result.logits + 1e-3)),
            ("logits", lambda result: result._replace(logits=result.logits[:, ::-1])),
            ("loss", lambda result: result._replace(loss=result.loss / CLIPPING.num_steps)),
            ("loss", lambda result: result._replace(loss=result.loss * 1.0001)),
            ("loss", lambda result: result._replace(loss=NAN)),
            (
                "gradient",
                lambda result: result._replace(gradients=replaced(result.gradients, LAST, lambda value: 0 * value)),
            ),
            ("gradient", lambda result: result._replace(gradients=replaced(result.gradients, EMBEDDING, overwritten))),
            (
                "gradient",
                lambda result: result._replace(
                    gradients=replaced(result.gradients, LAST, lambda value: value.numpy().round(3))
                ),
            ),
            ("clipped", lambda result: result._replace(clipped=result.gradients)),
            (
                "clipped",
                lambda result: result._replace(clipped=replaced(result.clipped, LAST, lambda value: value * NAN)),
            ),
        ],
        ids=[
            "logits shifted",
            "logits of another time step",
            "averaged",
            "off by 1e-4",
            "NaN",
            "lost",
            "duplicates overwritten",
            "rounded",
            "missing",
            "a NaN",
        ],
    )
    def test_a_wrong_result(self, trainer: Any, quantity: str, tamper: Callable[[Any], Any]) -> None:
        taken = take(trainer)
        taken.result = tamper(taken.result)
        assert taken.over() == {quantity}

    def test_a_norm_with_duplicates_summed(self, trainer: Any) -> None:
        """TensorFlow's doesn't; that its IndexedSlices have duplicates makes the difference."""
        import tensorflow as tf

        taken = take(trainer)
        dense = [tf.convert_to_tensor(gradient) for gradient in taken.result.gradients]
        taken.result = taken.result._replace(global_norm=tf.linalg.global_norm(dense))
        assert taken.over() == {"norm"}

    def test_a_dense_gradient_of_the_embedding_is_as_good_as_a_sparse_one(self, trainer: Any) -> None:
        import tensorflow as tf

        taken = take(trainer)
        taken.result = taken.result._replace(
            gradients=[tf.convert_to_tensor(gradient) for gradient in taken.result.gradients]
        )
        assert taken.over() == set()

    def test_the_worst_tensor_is_named(self, trainer: Any) -> None:
        taken = take(trainer)
        taken.result = taken.result._replace(
            gradients=replaced(taken.result.gradients, "lstm1/recurrent", lambda value: value * 1.01)
        )
        worst = next(error for error in taken.errors() if error.quantity == "gradient")
        assert worst.tensor == "lstm1/recurrent"
        assert worst.error == pytest.approx(0.01, rel=1e-3)

    def test_a_state_that_was_zeroed_or_not_carried(self, trainer: Any) -> None:
        zeroed = take(trainer)
        zeroed.trainer.zero_state()
        assert zeroed.over() == {"state"}
        not_carried = take(trainer, lambda trainer: trainer.zero_state())
        assert not_carried.over() == {"logits", "loss", "norm", "gradient", "clipped", "update", "state"}

    def test_the_state_of_one_layer_stale_by_a_step(self, trainer: Any) -> None:
        taken = take(trainer)
        taken.trainer.state = {**taken.trainer.state, "lstm1/c": taken.before[1]["lstm1/c"]}
        assert taken.over() == {"state"}

    def test_labels_shifted_by_one(self, trainer: Any) -> None:
        taken = take(trainer)
        taken.batch = taken.batch._replace(targets=np.roll(taken.batch.targets, 1, axis=1))
        assert {"loss", "gradient"} <= taken.over()

    def test_an_update_applied_twice(self, trainer: Any) -> None:
        taken = take(trainer)
        weights, before = taken.trainer.weights, taken.before[0]
        taken.trainer.weights = {name: 2 * value - before[name] for name, value in weights.items()}
        assert taken.over() == {"update"}

    def test_a_weight_that_was_not_updated(self, trainer: Any) -> None:
        taken = take(trainer)
        taken.trainer.weights = {**taken.trainer.weights, LAST: taken.before[0][LAST]}
        assert taken.over() == {"update"}
        assert next(error for error in taken.errors() if error.quantity == "update").error == pytest.approx(1.0)


@pytest.mark.tensorflow
@pytest.mark.any_version
class TestEvaluation:
    def evaluated(self, trainer: Any) -> tuple[Any, Any]:
        """(weights and state before, loss) of an evaluation step."""
        before = reset(trainer)
        return before, trainer.evaluation_step(*ids()[:2])

    def over(self, trainer: Any, before: Any, loss: Any) -> set[str]:
        found = {"loss": {"": np.asarray(loss)}, "state": trainer.state}
        errors = errors_of(7, found, expected_evaluation(CLIPPING, before, ids()[:2]))
        return {error.quantity for error in errors if not error.within}

    def test_a_right_one_is_within_its_limits(self, trainer: Any) -> None:
        before, loss = self.evaluated(trainer)
        assert self.over(trainer, before, loss) == set()

    def test_a_wrong_loss_and_a_wrong_state_are_over(self, trainer: Any) -> None:
        before, loss = self.evaluated(trainer)
        assert self.over(trainer, before, loss * 1.0001) == {"loss"}
        trainer.zero_state()
        assert self.over(trainer, before, loss) == {"state"}


def test_an_update_may_be_off_as_its_gradient_may_and_by_the_rounding_of_its_weights() -> None:
    """Of the embedding, whose rows are read twice or more, by √n of it."""
    weights = {name: 4 * weight for name, weight in initial_weights(CLIPPING).items()}
    state = {name: np.zeros(shape, np.float32) for name, shape in CLIPPING.state_shapes().items()}
    expected = expected_step(CLIPPING, (weights, state), ids(), 0.5)
    rounded = {**weights, EMBEDDING: weights[EMBEDDING] * np.sqrt(reads(ids().inputs, CLIPPING))}
    for name, limit in expected.limits["update"].items():
        rounding = rounding_error(rounded[name], expected.values["update"][name])
        assert limit == pytest.approx(expected.limits["clipped"][name] + rounding, rel=1e-3), name


def test_no_limit_is_above_the_cap_where_float32_does_worse() -> None:
    """The last bias cancels the sum of the others' products: its logit is off by far more than CAP."""
    weights = initial_weights(CLIPPING)
    state = {name: np.zeros(shape, np.float32) for name, shape in CLIPPING.state_shapes().items()}
    weights["output/kernel"] *= np.float32(1e6)
    weights["output/bias"] -= np.float32(1e6)
    expected = expected_step(CLIPPING, (weights, state), ids(), 1.0)
    assert max(limit for name in ("gradient", "loss") for limit in expected.limits[name].values()) == CAP
