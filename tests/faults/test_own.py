"""Examples of users' own models: a wrong result is caught in each, and nothing where nothing is."""

from pathlib import Path

import pytest

from bench.drive.plan import Plan
from bench.judge.exact import judge_numerics
from bench.record.paired import Side
from bench.record.types import NO_REFERENCE, Record
from bench.stats.outcome import Outcome
from tests.builders.commands import PASS, REGRESSION
from tests.builders.records import standards
from tests.faults.hook.injected.registry import NO_FAULT, OF_OWN
from tests.faults.trial import ORACLE, catches, run_fault

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NAMES = sorted(path.name for path in EXAMPLES.glob("*.py"))
BOTH = ["oldest_python", "newest_python"]
LOOP, VARIES = "custom_loop.py", "tanh-gradient-varies"
# A language model whose embedding's rows are read many times: its sizes are words, width, sequences and steps.
OFTEN_READ = """
import numpy as np
import tensorflow as tf

WORDS, WIDTH, BATCH, STEPS = {sizes}


def workload():
    layers = tf.keras.layers
    hidden = [layers.Embedding(WORDS, WIDTH), layers.Dense(WIDTH, "tanh"), layers.Dense(WORDS)]
    model = tf.keras.Sequential([tf.keras.Input((STEPS,), dtype="int32"), *hidden])
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=tf.keras.optimizers.SGD(0.1), loss=loss)
    text = np.random.RandomState(2).randint(0, WORDS, (BATCH, STEPS + 1))
    return model, (text[:, :-1], text[:, 1:])
"""
# Layers whose variables have other names in Keras 2 and 3, or another order (of a dict, Keras 2 sorts the keys), and a
# metric that is one of the model's attributes.
NAMED_OTHERWISE = """
import numpy as np
import tensorflow as tf

layers = tf.keras.layers


class Linear(layers.Layer):
    def __init__(self, units, inputs):
        super().__init__()
        self.w = self.add_weight(shape=(inputs, units), initializer="random_normal", trainable=True)
        self.b = self.add_weight(shape=(units,), initializer="zeros", trainable=True)

    def call(self, inputs):
        return tf.matmul(inputs, self.w) + self.b


class Heads(layers.Layer):
    def __init__(self):
        super().__init__()
        self.heads = {"mean": layers.Dense(3, "tanh"), "deviation": layers.Dense(3, "tanh")}

    def call(self, inputs):
        return self.heads["mean"](inputs) + 2 * self.heads["deviation"](inputs)


class Tracking(tf.keras.Model):
    def __init__(self, part):
        super().__init__()
        self.part, self.tracker = part, tf.keras.metrics.Mean(name="loss")

    def call(self, inputs):
        return self.part(inputs)

    @property
    def metrics(self):
        return [self.tracker]

    def train_step(self, data):
        x, y = data[:2]
        with tf.GradientTape() as tape:
            found = self(x, training=True)
            loss = tf.reduce_mean(tf.square(found - tf.cast(y, found.dtype)))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        self.tracker.update_state(loss)
        return {"loss": self.tracker.result()}


def workload():
    random = np.random.RandomState(1)
    x, y = random.normal(2, 3, (4, 3, 6, 6, 2)), random.normal(size=(4, 1))
    normalization = layers.Normalization()
    normalization.adapt(x)
    inputs = tf.keras.Input(x.shape[1:])
    hidden = layers.ConvLSTM2D(4, 3, recurrent_activation="sigmoid")(normalization(inputs))
    hidden = layers.DepthwiseConv2D(3, activation="tanh")(hidden)
    hidden = layers.TimeDistributed(layers.Dense(3, "tanh"))(layers.Reshape((4, 4))(hidden))
    hidden = Heads()(layers.Flatten()(hidden))
    model = Tracking(tf.keras.Model(inputs, Linear(1, 3)(hidden)))
    model.compile(tf.keras.optimizers.SGD(0.1), run_eagerly=True)
    return model, (x, y)
"""
MODEL = "return model, (x, y)"
LOOP_OF_MODEL = "return (lambda *batch: model.train_step(batch)['loss']), model.trainable_variables, (x, y)"
WITHOUT_GRADIENTS = ("direct_call.py", "fit_call.py", "predict_call.py")


def plan_of(example: str, reference: str = "") -> Plan:
    definer = Side(reference, reference, {}) if reference else None
    workload = str(EXAMPLES / example)
    return Plan("own", 1, "", None, "", speed=False, workload=workload, answers=True, definer=definer)


def answered(fault: str, python: Path, example: str, reference: Path | None = None) -> Record:
    return run_fault(fault, str(python), plan_of(example, str(reference or python))).record


def judged(record: Record) -> Outcome:
    return judge_numerics("mine", [record]).outcome


def test_each_example_has_a_fault() -> None:
    assert {fault.workload for fault in OF_OWN.values()} == set(NAMES)


@pytest.mark.slow
def test_a_wrong_gradient_is_caught(newest_python: Path) -> None:
    trial = run_fault("tanh-gradient", str(newest_python), plan_of(LOOP, str(newest_python)))
    found = {error.label for error in trial.record.numerics if not error.within}
    assert found == {"answer gradient", "answer update after 1", "answer update after 2"}
    assert {catch.check for catch in catches(trial, standards())} == {ORACLE}
    assert judged(trial.record) is REGRESSION
    assert trial.record.subject.name == "custom_loop-own-cpu0"


@pytest.mark.slow
def test_without_a_reference_nothing_is_compared(newest_python: Path) -> None:
    record = run_fault(NO_FAULT.name, str(newest_python), plan_of(LOOP)).record
    assert [one.why for one in record.unchecked] == [NO_REFERENCE]
    assert (judged(record), record.numerics, record.memory) == (Outcome.INCONCLUSIVE, (), None)


@pytest.mark.slow
@pytest.mark.parametrize("environment", BOTH)
@pytest.mark.parametrize("fault", sorted({*OF_OWN} - {VARIES}))
def test_a_wrong_result_is_caught_in_each(request: pytest.FixtureRequest, environment: str, fault: str) -> None:
    record = answered(fault, request.getfixturevalue(environment), OF_OWN[fault].workload)
    assert judged(record) is REGRESSION
    label = "answer loss" if OF_OWN[fault].workload in WITHOUT_GRADIENTS else "answer gradient"
    assert label in {error.label for error in record.numerics if not error.within}


@pytest.mark.slow
@pytest.mark.parametrize("environment", BOTH)
def test_a_gradient_that_each_run_has_otherwise_is_caught(request: pytest.FixtureRequest, environment: str) -> None:
    assert judged(answered(VARIES, request.getfixturevalue(environment), LOOP)) is REGRESSION


@pytest.mark.slow
@pytest.mark.parametrize("environment", BOTH)
@pytest.mark.parametrize("reference", BOTH)
@pytest.mark.parametrize("example", NAMES)
def test_nothing_is_caught_where_nothing_is_wrong(
    request: pytest.FixtureRequest, environment: str, reference: str, example: str
) -> None:
    pythons = (request.getfixturevalue(name) for name in (environment, reference))
    record = answered(NO_FAULT.name, next(pythons), example, next(pythons))
    assert record.failure is None
    assert example != LOOP or record.unchecked == ()
    over = {(error.label, error.tensor) for error in record.numerics if not error.within}
    if example == "transformer.py" and environment != reference:  # Keras 3 squares values of a word named twice apart
        first = [tensor for label, tensor in over if label == "answer update after 1"]
        assert first == ["embedding/embeddings"]
    else:
        assert over == set()
        assert judged(record) is PASS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "reference"), [("newest_python", "oldest_python"), ("oldest_python", "newest_python")]
)
@pytest.mark.parametrize("returned", [pytest.param(MODEL, id="model"), pytest.param(LOOP_OF_MODEL, id="loop")])
def test_layers_whose_variables_the_other_keras_names_otherwise_are_compared(
    request: pytest.FixtureRequest, tmp_path: Path, environment: str, reference: str, returned: str
) -> None:
    path = tmp_path / "named.py"
    path.write_text(NAMED_OTHERWISE.replace(MODEL, returned))
    pythons = (request.getfixturevalue(name) for name in (environment, reference))
    record = answered(NO_FAULT.name, next(pythons), str(path), next(pythons))
    assert (record.failure, record.unchecked) == (None, ())
    assert [error for error in record.numerics if not error.within] == []
    assert judged(record) is PASS


@pytest.mark.slow
@pytest.mark.parametrize("environment", BOTH)
@pytest.mark.parametrize("reference", BOTH)
@pytest.mark.parametrize("sizes", [(20, 16, 32, 30), (2000, 128, 32, 64)], ids=["often", "in any order"])
def test_an_embedding_whose_rows_are_read_often_is_compared(
    request: pytest.FixtureRequest, tmp_path: Path, environment: str, reference: str, sizes: tuple[int, ...]
) -> None:
    """Keras 3's SGD rounds a row at each read; from 1,024 reads on, threads take them in any order."""
    path = tmp_path / "often.py"
    path.write_text(OFTEN_READ.format(sizes=sizes))
    pythons = (request.getfixturevalue(name) for name in (environment, reference))
    record = answered(NO_FAULT.name, next(pythons), str(path), next(pythons))
    assert (record.unchecked, [error for error in record.numerics if not error.within]) == ((), [])
    assert judged(record) is PASS
