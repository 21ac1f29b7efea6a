"""Implementation `fused`: its chunks of time, its layers and its output layer apart, with what must fail."""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest

from lm import oracle
from lm.config import CONFIGS, Config
from lm.oracle_lstm import lstm_backward, lstm_forward

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed in the Python that runs this test")

from lm import fused, fused_lstm  # noqa: E402  # they import TensorFlow, which may be missing
from lm.fused_lstm import lstm_layer, part_sizes  # noqa: E402
from lm.fused_output import summed_cross_entropy  # noqa: E402

pytestmark = pytest.mark.tensorflow

LIMIT = 2e-6  # what float32 costs
STEPS, BATCH, WIDTH, SIZE, VOCABULARY = 7, 3, 5, 4, 11


@pytest.mark.parametrize(
    ("config", "lengths"),
    [
        (CONFIGS["notebook"], [7, 7, 6]),  # 600 tokens, 1.5 × 128 = 192 rows a chunk: 3 chunks
        (CONFIGS["tiny"], [4, 3, 3]),  # 80 tokens, 24 rows
        (CONFIGS["large"], [35]),  # 700 tokens, 2250 rows
        (dataclasses.replace(CONFIGS["tiny"], layer_sizes=(1,)), [1] * 10),  # 2 rows would be less than a time step
    ],
)
def test_chunks_by_hand(config: Config, lengths: list[int]) -> None:
    assert fused.chunk_lengths(config) == lengths


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


@pytest.mark.parametrize("cached", [0, fused_lstm.CACHED_BYTES], ids=["whole", "parts of 2 and 1"])
@pytest.mark.parametrize("lengths", [[7], [3, 3, 1], [1] * 7])
def test_a_layer_in_any_chunks_is_the_oracles(lengths: list[int], cached: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused_lstm, "CACHED_BYTES", cached)
    inputs, by_outputs, h, c = draw(1, (STEPS, BATCH, WIDTH), (STEPS, BATCH, SIZE), (BATCH, SIZE), (BATCH, SIZE))
    weights = draw(2, (WIDTH, 4 * SIZE), (SIZE, 4 * SIZE), (4 * SIZE,))
    kernel, recurrent, bias = tensors = [tf.constant(weight) for weight in weights]
    chunks = tf.split(tf.constant(inputs), lengths)
    with tf.GradientTape() as tape:
        tape.watch([*tensors, *chunks])
        outputs, last_c = lstm_layer(chunks, kernel, recurrent, bias, tf.constant(h), tf.constant(c))
        cost = tf.reduce_sum(tf.concat(outputs, axis=0) * by_outputs)
    by_kernel, by_recurrent, by_bias, *by_inputs = tape.gradient(cost, [*tensors, *chunks])

    wide = [value.astype(np.float64) for value in (inputs, *weights, h, c)]
    wanted = lstm_forward(*wide)
    gradients = lstm_backward(wanted, wide[1], wide[2], by_outputs.astype(np.float64))
    assert error(tf.concat(outputs, axis=0), wanted.outputs[1:]) < LIMIT
    assert error(last_c, wanted.cells[-1]) < LIMIT
    assert error(by_kernel, gradients.kernel) < LIMIT
    assert error(by_recurrent, gradients.recurrent) < LIMIT
    assert error(by_bias, gradients.bias) < LIMIT
    assert error(tf.concat(by_inputs, axis=0), gradients.inputs) < LIMIT


@pytest.mark.parametrize("lengths", [[7], [4, 2, 1]])
@pytest.mark.parametrize("logit", [1.0, 200.0])
def test_the_output_layer_in_any_chunks_is_the_oracles(lengths: list[int], logit: float) -> None:
    """Logits of 200, where exp overflows float32, too. The upstream gradient is 3: it must arrive."""
    rows, kernel, bias = draw(3, (STEPS, SIZE), (SIZE, VOCABULARY), (VOCABULARY,))
    bias *= logit
    ids = np.random.RandomState(0).randint(VOCABULARY, size=STEPS).astype(np.int32)
    tensors = [tf.constant(kernel), tf.constant(bias)]
    chunks = tf.split(tf.constant(rows), lengths)
    with tf.GradientTape() as tape:
        tape.watch([*tensors, *chunks])
        loss = summed_cross_entropy(chunks, tensors[0], tensors[1], tf.split(tf.constant(ids), lengths), 0.5)
        cost = 3 * loss
    by_kernel, by_bias, *by_rows = tape.gradient(cost, [*tensors, *chunks])

    wide = rows.astype(np.float64), kernel.astype(np.float64)
    wanted, by_logits = oracle.cross_entropy((wide[0] @ wide[1] + bias)[np.newaxis], ids[np.newaxis])
    by_logits = 3 * 0.5 * by_logits[0]
    assert error(loss, 0.5 * wanted) < LIMIT
    assert error(by_kernel, wide[0].T @ by_logits) < 10 * LIMIT  # of logits near 200 float32 keeps 5 decimals
    assert error(by_bias, by_logits.sum(axis=0)) < 10 * LIMIT
    assert error(tf.concat(by_rows, axis=0), by_logits @ wide[1].T) < 10 * LIMIT


def test_xla_runs_for_one_chunk_at_a_time() -> None:
    """TensorFlow 2.21's crashes, now and then, where it runs one program twice at once (docs/fused.md)."""
    rows, kernel, bias = draw(3, (STEPS, SIZE), (SIZE, VOCABULARY), (VOCABULARY,))
    lengths = [3, 2, 2]

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]  # TensorFlow ships no types
    def loss(rows: Any, kernel: Any, bias: Any, ids: Any) -> Any:
        return summed_cross_entropy(tf.split(rows, lengths), kernel, bias, tf.split(ids, lengths), 1.0)

    operations = loss.get_concrete_function(rows, kernel, bias, np.zeros(STEPS, np.int32)).graph.get_operations()
    assert len(programs(operations)) == len(lengths)
    assert in_turn(programs(operations))


def test_programs_that_could_run_at_once_are_found() -> None:
    program = tf.function(lambda x: x + 1, jit_compile=True, autograph=False)
    operations = tf.function(lambda x: [program(x), program(x)], autograph=False).get_concrete_function(1.0).graph.get_operations()
    assert len(programs(operations)) == 2
    assert not in_turn(programs(operations))


def programs(operations: Iterable[Any]) -> list[Any]:
    """What XLA is to compile and to run."""
    return [operation for operation in operations if "PartitionedCall" in operation.type]


def in_turn(programs: Sequence[Any]) -> bool:
    """Whether each waits for the one before."""
    return all(earlier in needed_by(later) for earlier, later in itertools.pairwise(programs))


def needed_by(operation: Any) -> set[Any]:
    """Everything that is done before an operation."""
    found: set[Any] = set()
    waiting = [operation]
    while waiting:
        one = waiting.pop()
        before = {*(tensor.op for tensor in one.inputs), *one.control_inputs} - found
        found |= before
        waiting += before
    return found


def test_an_update_moves_every_row_as_often_as_it_comes() -> None:
    """Rates and gradients are powers of two: 0 − ½ · (1 + 1) for the row that comes twice, − ½ · 1 for the other, 0 elsewhere."""
    config = CONFIGS["tiny"]
    model = fused.Model(config)
    model.learning_rate.assign(0.5)
    width = config.embedding_size
    sparse = tf.IndexedSlices(tf.ones((3, width)), tf.constant([4, 2, 4]), tf.constant([config.vocabulary_size, width]))
    model.update([sparse, *(tf.ones_like(variable) for variable in model.variables[1:])])
    moved = model.variables[0].numpy()[:, 0]
    assert {row: moved[row] for row in np.flatnonzero(moved)} == {2: -0.5, 4: -1.0}
    assert all(np.all(variable.numpy() == -0.5) for variable in model.variables[1:])
