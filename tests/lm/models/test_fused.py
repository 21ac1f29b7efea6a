"""Implementation `fused`: its layers and its output layer apart, with what must fail."""

from typing import Any

import numpy as np
import pytest

from lm.config import CONFIGS
from lm.oracle import step as oracle
from lm.oracle.lstm import lstm_backward, lstm_forward

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed in the Python that runs this test")

from lm.models import fused, fused_output  # noqa: E402  # they import TensorFlow, which may be missing
from lm.models.fused_lstm import lstm_layer, part_sizes  # noqa: E402
from lm.models.fused_output import chunk_sizes, summed_cross_entropy  # noqa: E402
from lm.models.xla import for_xla  # noqa: E402

pytestmark = [pytest.mark.tensorflow, pytest.mark.any_version]

LIMIT = 2e-6  # what float32 costs
STEPS, BATCH, WIDTH, SIZE, VOCABULARY = 7, 3, 5, 4, 11


def error(found: Any, wanted: Any) -> float:
    assert tuple(found.shape) == wanted.shape
    return float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))


def draw(seed: int, *shapes: tuple[int, ...]) -> list[Any]:
    """An array of normal values for each shape."""
    random = np.random.RandomState(seed)
    return [random.normal(size=shape).astype(np.float32) for shape in shapes]


@pytest.mark.parametrize(
    ("batch", "size", "sizes"),
    [(30, 256, [15, 15]), (3, 362, [2, 1]), (3, 363, [3]), (20, 1500, [20]), (1, 4, [1])],
    ids=["half", "2 MiB of weights", "more than that", "wide", "a batch of one"],
)
def test_parts_of_the_batch_by_hand(batch: int, size: int, sizes: list[int]) -> None:
    assert part_sizes(batch, size) == sizes


@pytest.mark.parametrize("sizes", [[3], [2, 1], [1, 1, 1]], ids=["whole", "parts of 2 and 1", "parts of 1"])
@pytest.mark.parametrize("together", [True, False], ids=["inputs in one tensor", "by part"])
def test_a_layer_in_any_parts_is_the_oracles(sizes: list[int], together: bool) -> None:
    inputs, by_outputs, h, c = draw(1, (STEPS, BATCH, WIDTH), (STEPS, BATCH, SIZE), (BATCH, SIZE), (BATCH, SIZE))
    weights = draw(2, (WIDTH, 4 * SIZE), (SIZE, 4 * SIZE), (4 * SIZE,))
    kernel, recurrent, bias = tensors = [tf.constant(weight) for weight in weights]
    parts = by_part(inputs, sizes)
    parts = [tf.concat(parts, axis=0)] if together else parts
    with tf.GradientTape() as tape:
        tape.watch([*tensors, *parts])
        outputs, last_c = lstm_layer(parts, kernel, recurrent, bias, tf.split(h, sizes), tf.split(c, sizes))
        cost = tf.add_n(
            [tf.reduce_sum(rows * wanted) for rows, wanted in zip(outputs, by_part(by_outputs, sizes), strict=True)]
        )
    by_kernel, by_recurrent, by_bias, *by_inputs = tape.gradient(cost, [*tensors, *parts])

    wide = [value.astype(np.float64) for value in (inputs, *weights, h, c)]
    wanted = lstm_forward(*wide)
    gradients = lstm_backward(wanted, wide[1], wide[2], by_outputs.astype(np.float64))
    assert error(whole(outputs, sizes), wanted.outputs[1:]) < LIMIT
    assert error(tf.concat(last_c, axis=0), wanted.cells[-1]) < LIMIT
    assert error(by_kernel, gradients.kernel) < LIMIT
    assert error(by_recurrent, gradients.recurrent) < LIMIT
    assert error(by_bias, gradients.bias) < LIMIT
    by_inputs = tf.split(by_inputs[0], [STEPS * size for size in sizes]) if together else by_inputs
    assert error(whole(by_inputs, sizes), gradients.inputs) < LIMIT


def by_part(values: Any, sizes: list[int]) -> list[Any]:
    """[steps, batch, width] as rows [steps * part, width] of each part."""
    return [tf.reshape(part, (-1, part.shape[2])) for part in tf.split(tf.constant(values), sizes, axis=1)]


def whole(parts: list[Any], sizes: list[int]) -> Any:
    """And back."""
    return tf.concat([tf.reshape(rows, (STEPS, size, -1)) for rows, size in zip(parts, sizes, strict=True)], axis=1)


@pytest.mark.parametrize(
    ("rows", "vocabulary", "sizes"),
    [
        (600, 10_000, [600]),
        (700, 10_000, [350, 350]),
        (7, 3_000_000, [2, 2, 2, 1]),
        (3, 4_000_000, [1, 1, 1]),
        (2, 10**8, [1, 1]),
    ],
    ids=["notebook", "medium and large", "uneven", "two rows are more than a chunk may have", "one row is"],
)
def test_chunks_by_hand(rows: int, vocabulary: int, sizes: list[int]) -> None:
    assert chunk_sizes(rows, vocabulary) == sizes


@pytest.mark.parametrize(
    "chunk_bytes", [4 * VOCABULARY * rows for rows in (1, 3, STEPS)], ids=["seven", "three", "one"]
)
@pytest.mark.parametrize("logit", [1.0, 200.0])
@pytest.mark.parametrize("graph", [True, False], ids=["graph", "eager"])
def test_the_output_layer_in_any_chunks_is_the_oracles(
    graph: bool, logit: float, chunk_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logits of 200, where exp overflows float32 and leaves no probability to most ids, too.

    The upstream gradient is 3: it must arrive.
    """
    monkeypatch.setattr(fused_output, "CHUNK_BYTES", chunk_bytes)
    rows, kernel, bias = draw(3, (STEPS, SIZE), (SIZE, VOCABULARY), (VOCABULARY,))
    bias *= logit
    ids = np.random.RandomState(0).randint(VOCABULARY, size=STEPS).astype(np.int32)
    tensors = [tf.constant(value) for value in (rows, kernel, bias)]

    def differentiated() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            cost = 3 * summed_cross_entropy(tensors[0], tensors[1], tensors[2], tf.constant(ids), 0.5)
        return cost, *tape.gradient(cost, tensors)

    cost, by_rows, by_kernel, by_bias = tf.function(differentiated, autograph=False)() if graph else differentiated()

    wide = rows.astype(np.float64), kernel.astype(np.float64)
    wanted, by_logits = oracle.cross_entropy((wide[0] @ wide[1] + bias)[np.newaxis], ids[np.newaxis])
    by_logits = 3 * 0.5 * by_logits[0]
    assert error(cost, 3 * 0.5 * wanted) < LIMIT
    assert error(by_kernel, wide[0].T @ by_logits) < 10 * LIMIT  # of logits near 200 float32 keeps 5 decimals
    assert error(by_bias, by_logits.sum(axis=0)) < 10 * LIMIT
    assert error(by_rows, by_logits @ wide[1].T) < 10 * LIMIT


def test_the_loss_of_a_target_without_probability_comes_from_its_logit(monkeypatch: pytest.MonkeyPatch) -> None:
    """exp(-150) is no float32: the loss is 150 all the same, and NaN where a logit is.

    From the probability it would be infinite.
    """
    bias = np.zeros(VOCABULARY, np.float32)
    bias[0] = 150

    def loss(bias: Any) -> float:
        summed = tf.function(summed_cross_entropy, autograph=False)
        return float(
            summed(
                tf.ones((STEPS, SIZE)),
                tf.zeros((SIZE, VOCABULARY)),
                tf.constant(bias),
                tf.ones(STEPS, tf.int32),
                1 / STEPS,
            )
        )

    assert loss(bias) == 150
    assert np.isnan(loss(bias * np.nan))
    monkeypatch.setattr(fused_output, "LEAST_PROBABILITY", -1.0)
    assert loss(bias) == np.inf


def test_a_softmax_is_changed_where_it_is() -> None:
    """Only the target probabilities read it, and then the scatter, which may therefore have its memory."""

    def gradient(kernel: Any) -> Any:
        loss = summed_cross_entropy(tf.ones((STEPS, SIZE)), kernel, tf.ones(VOCABULARY), tf.ones(STEPS, tf.int32), 1.0)
        return tf.gradients(loss, kernel)

    operations = (
        tf.function(gradient, autograph=False).get_concrete_function(tf.ones((SIZE, VOCABULARY))).graph.get_operations()
    )
    (softmax,) = (operation for operation in operations if operation.type == "Softmax")
    readers = {reader.type: reader for reader in softmax.outputs[0].consumers()}
    assert sorted(readers) == ["GatherNd", "ScatterNdNonAliasingAdd"]
    assert len(softmax.outputs[0].consumers()) == 2
    assert readers["GatherNd"] in readers["ScatterNdNonAliasingAdd"].control_inputs


def test_xla_gets_the_same_by_the_operations_that_it_has() -> None:
    rows, kernel, bias = (tf.constant(value) for value in draw(3, (STEPS, SIZE), (SIZE, VOCABULARY), (VOCABULARY,)))
    ids = tf.constant(np.random.RandomState(0).randint(VOCABULARY, size=STEPS).astype(np.int32))

    def gradient(kernel: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            loss = summed_cross_entropy(rows, kernel, bias, ids, 1.0)
        return tape.gradient(loss, kernel)

    def compiled() -> Any:
        return tf.function(gradient, jit_compile=True, autograph=False)(kernel)

    with pytest.raises(tf.errors.InvalidArgumentError, match="ScatterNdNonAliasingAdd"):
        compiled()
    with for_xla():
        found = compiled()
    assert error(found, gradient(kernel).numpy()) < LIMIT


def test_an_update_moves_every_row_as_often_as_it_comes() -> None:
    """Rates and gradients are powers of two: −½ · (1 + 1) for the row that comes twice, −½ for the other."""
    config = CONFIGS["tiny"]
    model = fused.Model(config)
    model.learning_rate.assign(0.5)
    width = config.embedding_size
    sparse = tf.IndexedSlices(tf.ones((3, width)), tf.constant([4, 2, 4]), tf.constant([config.vocabulary_size, width]))
    model.update([sparse, *(tf.ones_like(variable) for variable in model.variables[1:])])
    moved = model.variables[0].numpy()[:, 0]
    assert {row: moved[row] for row in np.flatnonzero(moved)} == {2: -0.5, 4: -1.0}
    assert all(np.all(variable.numpy() == -0.5) for variable in model.variables[1:])
