"""The work of `train` around a trainer: waiting, traces, graph, other memory."""

import types
from typing import Any, cast

import numpy as np
import pytest

from lm.config import CONFIGS
from lm.training.initial import initial_weights
from lm.workloads.protocol import Opening, Training
from lm.workloads.registry import workload
from tests.lm.agreement import random_batch, trainer_at

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed in the Python that runs this test")

from lm.training.trainer import Trainer  # noqa: E402  # it imports TensorFlow, which may be missing

pytestmark = pytest.mark.tensorflow

CONFIG = CONFIGS["tiny"]
BATCH = random_batch(CONFIG, seed=0)


def work_of(trainer: Trainer) -> Training:
    work = cast(Training, workload("train").open(Opening(CONFIG, implementation="cells", corpus="synthetic")))
    work.trainer = trainer
    return work


@pytest.fixture
def work() -> Training:
    """Work with the shared trainer at its start."""
    work = work_of(trainer_at(CONFIG))
    work.trainer.zero_state()
    return work


class Read:
    """A weight that knows what was read of it."""

    def __init__(self, variable: Any) -> None:
        self.variable = variable
        self.values: list[Any] = []

    def __getitem__(self, place: Any) -> Any:
        self.values.append(self.variable[place])
        return self.values[-1]


@pytest.mark.parametrize(("device", "reads"), [("cpu:0", 0), ("cpu:1", 0), ("gpu:0", 1)])
def test_a_gpu_is_waited_for_by_reading_the_last_weight(
    work: Training, monkeypatch: pytest.MonkeyPatch, device: str, reads: int
) -> None:
    """The CPU's weights stand in for a GPU's.

    One value of the output's bias, as the step has left it, is all that is fetched.
    """
    work.trainer.train_step(*BATCH)
    bias = work.trainer.weights["output/bias"]
    weight = Read(work.trainer.model.variables[-1])
    work.device = device
    monkeypatch.setattr(work.trainer, "model", types.SimpleNamespace(variables=[weight]))
    work.wait()
    assert [float(value) for value in weight.values] == [bias[0]] * reads
    assert bias[0] != initial_weights(CONFIG)["output/bias"][0]


@pytest.mark.any_version
def test_second_traces_are_counted() -> None:
    assert work_of(Trainer(CONFIG)).retraces == 0  # not traced at all yet
    work = work_of(trainer_at(CONFIG, number=2))  # whose traces nobody else counts
    work.trace()
    work.trainer.train_step(*BATCH)
    assert work.retraces == 0
    with tf.Graph().as_default():  # another graph to be called from is one cause of a new trace
        work.trace()
    assert work.retraces == 1
    work.trainer.evaluation_step(*BATCH)
    assert work.retraces == 1
    with tf.Graph().as_default():
        work.trainer.evaluation_function.get_concrete_function()
    assert work.retraces == 2


def test_graph_operations_count_the_step_and_its_function_library(work: Training) -> None:
    counts = work.graph_operations()
    assert list(counts) == sorted(counts)
    assert counts["SparseSoftmaxCrossEntropyWithLogits"] == 1
    # The loop and its gradient.
    assert sum(count for name, count in counts.items() if name.startswith("While") or name == "StatelessWhile") >= 2
    assert counts["MatMul"] > 3  # 3 of the output layer's; the cells' are in the loop's body, which is in the library
    work.trainer.train_step(*BATCH)
    assert work.graph_operations() == counts


@pytest.mark.any_version
def test_relocation_moves_weights_and_states_and_changes_no_number(work: Training) -> None:
    """Two trainers from the same weights, one of them moved before each step, compute the same bits in one trace."""
    trainer, still = work.trainer, trainer_at(CONFIG, number=1)
    still.weights, still.state, still.learning_rate = trainer.weights, trainer.state, trainer.learning_rate
    places = []
    for _ in range(4):
        work.relocate()
        places.append(
            [
                variable.numpy().__array_interface__["data"][0]
                for variable in (*trainer.model.variables, *trainer.model.states)
            ]
        )
        assert float(trainer.train_step(*BATCH).loss) == float(still.train_step(*BATCH).loss)
    assert all(np.array_equal(trainer.weights[name], value) for name, value in still.weights.items())
    assert all(np.array_equal(trainer.state[name], value) for name, value in still.state.items())
    largest = int(np.argmax([np.prod(variable.shape) for variable in trainer.model.variables]))
    assert len({place[largest] for place in places}) > 1
    assert work.retraces == 0
