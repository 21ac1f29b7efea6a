"""A user's own file: what is refused without running it, what it may return, what is said of what fails."""

import contextlib
import copy
import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.measure.answers import Session
from bench.measure.checked import CheckedAnswers
from bench.measure.defined import FIRST_LOSS, defined
from bench.measure.numerics import errors_of
from bench.record.replies import Answered
from bench.record.types import (
    CAP,
    LEFT_OPEN,
    NO_FLOAT64,
    NOT_COPIED,
    NOT_FINITE,
    NOT_REBUILT,
    NOT_REPEATED,
    UNMOVED,
    UNSTEADY,
    Unchecked,
)
from lm.config import OWN, ConfigError
from lm.workloads.parts.own import CASES, Workload
from lm.workloads.protocol import WEIGHT, Copying, Defining, Opening
from lm.workloads.registry import workload

OPENING = Opening(OWN)

SQUARE = """
import numpy as np
import tensorflow as tf

def workload():
    kind = tf.keras.backend.floatx()
    weights = tf.Variable(np.linspace(-1, 1, 12).reshape(4, 3), dtype=kind, name="weights")
    taken = []

    def step(inputs):
        {before}
        taken.append(None)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(inputs @ weights - 1))
        (gradient,) = tape.gradient(loss, [weights])
        weights.assign_sub(0.1 * gradient)
        return {returned}

    return step, [weights], (np.linspace(0, 1, 8).reshape(2, 4).astype(kind),)
"""
DENSE = """
import numpy as np
import tensorflow as tf

def workload():
    model = tf.keras.Sequential([tf.keras.layers.Dense({units}, activation="tanh"), {layer}])
    {compiled}
    return model, {batch}
"""
# One dense layer, as three kinds of Keras models, one of which trains in a way of its own.
OWN_STEP = """
import numpy as np
import tensorflow as tf

class Plain(tf.keras.Sequential):
    pass

class Stepping(tf.keras.Sequential):
    def train_step(self, data):
        x, y = data[:2]
        with tf.GradientTape() as tape:
            found = self(x, training=True)
            loss = tf.reduce_mean(tf.square(found - tf.cast(y, found.dtype)))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        return {{"loss": loss}}

def functional(parts):
    inputs, layer = parts
    return tf.keras.Model(inputs, layer(inputs))

def workload():
    model = {kind}([tf.keras.Input((3,)), tf.keras.layers.Dense(5)])
    model.compile({compiled})
    return model, (np.ones((4, 3)), np.ones((4, 5)))
"""
WHOLE = """class Whole(tf.keras.Model):
    def __init__(self, layers):
        super().__init__()
        self.part = tf.keras.Sequential(layers)

    def train_step(self, data):
        x, y = data[:2]
        with tf.GradientTape() as tape:
            found = self.part(x, training=True)
            loss = tf.reduce_mean(tf.square(found - tf.cast(y, found.dtype)))
        gradients = tape.gradient(loss, self.part.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.part.trainable_variables))
        return {"loss": loss}"""
# Wide, so that among weights that came to lie between two bfloat16 numbers some would be rounded unlike.
FROZEN = """
import numpy as np
import tensorflow as tf

def workload():
    dense, initial = tf.keras.layers.Dense, tf.keras.initializers.LecunNormal
    frozen = [
        dense(512, "tanh", kernel_initializer=initial(seed), dtype="bfloat16", trainable=False) for seed in (1, 2)
    ]
    model = tf.keras.Sequential([tf.keras.Input((256,)), *frozen, dense(1, kernel_initializer=initial(3))])
    model.compile("sgd", "mse", run_eagerly=True)
    {after}
    random = np.random.RandomState(0)
    return model, (random.normal(size=(64, 256)), random.normal(size=(64, 1)))
"""
# A training step that changes the frozen layer, too.
MOVING = "step, frozen = model.train_step, model.layers[0].kernel; " + (
    "model.train_step = lambda data: (step(data), frozen.assign(frozen * 2))[0]"
)
# What is added to all logits alike has a gradient of 0.
SHIFTED = """
import numpy as np
import tensorflow as tf

def workload():
    tf.keras.backend.set_floatx("float64")
    random = np.random.RandomState(0)
    kernel = tf.Variable(random.normal(size=(5, 7)), name="kernel")
    shift = tf.Variable([0.3], dtype="float64", name="shift")

    def step(x, y):
        with tf.GradientTape() as tape:
            logits = x[::{order}] @ kernel + shift
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y[::{order}], logits))
        gradients = tape.gradient(loss, [kernel, shift])
        kernel.assign_sub(0.1 * gradients[0])
        return loss, gradients

    return step, [kernel, shift], (random.normal(size=(64, 5)), np.arange(64) % 7)
"""
# A layer whose mask of 0 and 1 is tested for 1.
MASKED = """
import numpy as np
import tensorflow as tf

class Pruned(tf.keras.layers.Layer):
    def build(self, shape):
        half = lambda shape, dtype=None: tf.constant(np.arange(24).reshape(6, 4) % 2, dtype)
        self.w = self.add_weight(shape=(6, 4), initializer=tf.keras.initializers.GlorotUniform(1), name="w")
        self.mask = self.add_weight(shape=(6, 4), initializer=half, trainable=False, name="mask")

    def call(self, x):
        return {scale} * x @ tf.where(tf.equal(self.mask, 1), tf.convert_to_tensor(self.w), 0)

def workload():
    model = tf.keras.Sequential([tf.keras.Input((6,)), Pruned(), tf.keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    random = np.random.RandomState(0)
    return model, (random.normal(size=(8, 6)), random.normal(size=(8, 1)))
"""
EMBEDDING = """
import numpy as np
import tensorflow as tf

def workload():
    layers = [tf.keras.layers.Embedding(4, 2), tf.keras.layers.Dense(1)]
    model = tf.keras.Sequential([tf.keras.Input((3,), dtype="int32"), *layers])
    model.compile("sgd", "mse", jit_compile="{form}" == "compiled for XLA")
    x, y = np.array([[0, 1, 0], [3, 1, 0]], "int32"), np.ones((2, 3, 1), tf.keras.backend.floatx())
    if "{form}".startswith("compiled"):
        return model, (x, y)

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(x) - y))
        gradients = tape.gradient(loss, model.trainable_variables)
        model.optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return (loss, gradients) if "{form}" == "a step" else loss

    return step, model.trainable_variables, (x, y)
"""
NORMALIZED = """
import numpy as np
import tensorflow as tf

def workload():
    parts = [tf.keras.layers.BatchNormalization(), tf.keras.layers.Flatten(), tf.keras.layers.Dense(1)]
    model = tf.keras.Sequential([tf.keras.Input((2, 2, 3)), *parts])
    model.compile("sgd", "mse", run_eagerly=True)
    random = np.random.RandomState(0)
    return model, (10 * random.normal(size=(4, 2, 2, 3)), random.normal(size=(4, 1)))
"""
TEXTS = """
import numpy as np
import tensorflow as tf

def workload():
    parts = [tf.keras.layers.StringLookup(vocabulary=["a"]), tf.keras.layers.Embedding(2, 3)]
    model = tf.keras.Sequential([tf.keras.Input((1,), dtype="string"), *parts])
    model.compile("sgd", "mse", run_eagerly=True)
    return model, (np.array([["a"], ["b"]], "{kind}"), np.ones((2, 1, 3)))
"""
# Variables of one shape, each of which counts otherwise.
NAMED = """
import tensorflow as tf

def workload():
    kind = tf.keras.backend.floatx()
    variables = [tf.Variable(tf.fill((2,), tf.cast(place + 1, kind)), name=name) for place, name in enumerate({names})]

    def step():
        loss = tf.add_n([tf.reduce_sum(one) ** (place + 1) for place, one in enumerate(variables)])
        variables[0].assign(0.9 * variables[0])
        return loss

    return step, variables, ()
"""
LISTED = "import tensorflow as tf; return (lambda: 0.0), {}, ()"
GRADIENTS = r"in \(loss, gradients\), return a gradient for each of the 1 variables, in their order"
COMPILED, BATCH = "model.compile(optimizer='sgd', loss='mse')", "(np.ones((4, 3)), np.ones((4, 5)))"
# For tests that aren't of graphs: what is compared is run many times, and each time a new model's graphs are traced.
EAGER = "model.compile(optimizer='sgd', loss='mse', run_eagerly=True)"


@pytest.fixture(autouse=True)
def same_weights() -> None:
    """A test's models begin alike in each of its runs: Keras draws seeds of initial weights from Python's numbers."""
    random.seed(0)


@pytest.fixture
def one_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out the two starts near the first, for a test that isn't of them: each takes as many runs again."""
    monkeypatch.setattr(Workload, "cases", CASES[:1])


def written(folder: Path, text: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def square(folder: Path, before: str = "pass", returned: str = "loss, [gradient]") -> Path:
    return written(folder, SQUARE.format(before=before, returned=returned))


def dense(
    folder: Path, units: int = 5, layer: str = "", compiled: str = COMPILED, batch: str = BATCH, name: str = "mine.py"
) -> Path:
    return written(folder, DENSE.format(units=units, layer=layer, compiled=compiled, batch=batch), name)


@contextlib.contextmanager
def own_floats() -> Iterator[None]:
    """Sets Keras' floats back after a file that chooses its own."""
    import tensorflow as tf

    policy = tf.keras.mixed_precision.global_policy()
    try:
        yield
    finally:
        tf.keras.backend.set_floatx("float32")
        tf.keras.mixed_precision.set_global_policy(policy)


def opened(path: Path) -> Copying:
    work: Copying = workload(str(path)).open(OPENING)  # type: ignore[assignment]
    work.build()
    return work


def answered(folder: Path, reference: Path, candidate: Path) -> Answered:
    """Returns what the candidate's process replies to the first case of the reference's."""
    oracle = Session()
    asked = oracle.prepare(OWN.name, "cpu:0", 0, str(reference))
    oracle.share(str(folder))
    return CheckedAnswers(opened(candidate), folder, asked.answers).answer(CASES[0])


def described(path: Path) -> Defining:
    found = workload(str(path))
    assert isinstance(found, Defining)
    return found


class TestFiles:
    """Read, never run, by the orchestrator."""

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("def other(): pass", r"mine\.py: there is no function `workload`: add one .*must return \(model, batch\)"),
            ("def workload(size): pass", "`workload` has parameters"),
            ("def workload(*, size): pass", "`workload` has parameters"),
            ("workload = print\ndef workload(size): pass", "`workload` has parameters"),
            ("async def workload(): pass", "without `async`"),
            ("def workload(:", "mine.py: line 1: invalid syntax: it is not Python"),
            ("\0", "mine.py:.* null bytes"),
        ],
    )
    def test_one_that_is_none_is_refused(self, tmp_path: Path, text: str, said: str) -> None:
        with pytest.raises(ConfigError, match=said):
            workload(str(written(tmp_path, text)))

    @pytest.mark.parametrize(
        "text",
        [
            "workload = model.workload",
            "from model import other as workload",
            "if True:\n  def workload(): pass",
            "def workload(size): pass\nworkload = partial(workload, 64)",
        ],
    )
    def test_any_binding_of_the_name_will_do(self, tmp_path: Path, text: str) -> None:
        assert isinstance(workload(str(written(tmp_path, text))), Defining)

    @pytest.mark.parametrize("text", ["print(workload)", "def other():\n  workload = 3", "import model.workload"])
    def test_a_name_that_is_read_or_is_bound_elsewhere_will_not(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(ConfigError, match="there is no function `workload`"):
            workload(str(written(tmp_path, text)))

    def test_one_that_is_missing_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="No such file or directory; name a file with a function `workload`"):
            workload(str(tmp_path / "mine.py"))

    def test_names_that_reports_cannot_have_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"'my model\.py' is to name reports"):
            workload(str(written(tmp_path, "def workload(): pass", "my model.py")))

    @pytest.mark.parametrize("text", ["def workload(): pass", "def workload(size=3, *, more=2): pass"])
    def test_it_is_known_by_its_content(self, tmp_path: Path, text: str) -> None:
        found = workload(str(written(tmp_path, f"raise SystemExit\n{text}")))
        assert isinstance(found, Defining)
        assert list(found.plans) == [OWN.name]
        content = (tmp_path / "mine.py").read_bytes()
        assert found.fingerprint == hashlib.sha256(content).hexdigest()[:16]


# Serves: nothing is trained.
SERVED = """
import numpy as np
import tensorflow as tf

def workload():
    tf.keras.utils.set_random_seed(3)
    layers = tf.keras.layers
    twice = [layer for _ in range(2) for layer in (layers.LSTM(2, return_sequences=True), layers.BatchNormalization())]
    model = tf.keras.Sequential([*twice, layers.Dense(2, use_bias=False)])
    random = np.random.RandomState(3)
    x, y = random.normal(scale=2.0, size=(4, 3, 2)), random.normal(scale=0.1, size=(4, 3, 2))
    model(x)
    step = lambda x, y: tf.keras.losses.MeanSquaredError()(y, model(x))
    return step, model.weights, (x, y)
"""


@pytest.mark.tensorflow
class TestModels:
    """Built and run by the TensorFlow at hand."""

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("return 3", r"mine\.py: `workload` returned a int; it must return"),
            ("return 1, 2, 3, 4", "returned a tuple of 4"),
            ("import keras; return keras.Sequential([keras.Input((2,))]), 1, 2", "returned a tuple of 3"),
            ("raise OSError('no data')", r"mine\.py:1 in `workload`: OSError: no data"),
            ("raise SystemExit('usage')", r"mine\.py:1 in `workload`: SystemExit: usage"),
            (
                "return (lambda: 0.0), [], ()",
                "there are no variables to train: return the variables that a step trains; ",
            ),
            (LISTED.format("tf.Variable(1.0)"), "a step trains in one list, not a ResourceVariable"),
            (LISTED.format("[[tf.Variable(1.0)]]"), "a step trains in one list, not a list of 1"),
            (LISTED.format("{}"), "a step trains in one list, not a dict"),
            (LISTED.format("tf.zeros((2, 3))"), "a step trains in one list, not a EagerTensor of shape "),
            (
                LISTED.format("tf.keras.Sequential()"),
                r"mine\.py: return \(step, variables, batch\) .*, not a Sequential",
            ),
            (LISTED.format("[tf.keras.layers.Dense(2)]"), "a step trains in one list, not a Dense"),
        ],
    )
    def test_what_cannot_be_used_is_said(self, tmp_path: Path, text: str, said: str) -> None:
        with pytest.raises(RuntimeError, match=said):
            opened(written(tmp_path, f"def workload(): {text}"))

    @pytest.mark.parametrize(
        ("raised", "kind"),
        [
            ("ValueError('17')", "ModelError"),
            ("FileNotFoundError('train.npz')", "ModelError"),
            ("ConnectionError('refused')", "MachineError"),
            ("MemoryError()", "MachineError"),
        ],
    )
    def test_what_another_try_may_mend_is_told_apart(self, tmp_path: Path, raised: str, kind: str) -> None:
        """By its type's name: a failure of the one is measured once more, of the other it is not."""
        with pytest.raises(RuntimeError) as caught:
            opened(written(tmp_path, f"def workload(): raise {raised}"))
        assert type(caught.value).__name__ == kind

    @pytest.mark.parametrize(
        ("raises", "hint"),
        [
            (
                "open('no.npz')",
                r"'no\.npz'; the file runs in a folder of its own: open data by absolute paths, or next to",
            ),
            ("raise FileNotFoundError('no data')", r"no data; the file runs in a folder of its own"),
            ("open('/no.npz')", r"'/no\.npz'$"),
            (
                "import no_package.part",
                r"has no_package on both sides, as in --from \"tensorflow-cpu==2\.20\.0 PACKAGE\" --to …$",
            ),
            ("import numpy.no_part", r"No module named 'numpy\.no_part'$"),
            ("raise ValueError('no data')", "no data$"),
            (r"raise ValueError('ambiguous:\n  x: 64\n  y: 32\nfirst')", "ValueError: ambiguous: x: 64 y: 32 first$"),
            (r"raise ValueError('no data\nat all')", "no data$"),
        ],
    )
    def test_what_is_missing_where_the_file_runs_has_a_hint(self, tmp_path: Path, raises: str, hint: str) -> None:
        with pytest.raises(RuntimeError, match=hint):
            opened(written(tmp_path, f"def workload(): {raises}"))

    @pytest.mark.parametrize(
        ("changed", "said"),
        [
            ({"compiled": "pass"}, "the model isn't compiled"),
            ({"batch": "np.ones((4, 3))"}, r"a Keras model's batch is \(x, y\)"),
            ({"batch": "(np.ones((4, 3)),)"}, "of a model that is trained on x alone, return a step that calls fit$"),
            ({"batch": "(np.ones((4, 3, 2, 2)).astype(str), 1)"}, r"mine\.py in its first call: "),
        ],
    )
    def test_a_keras_model_that_cannot_be_trained_is_said(
        self, tmp_path: Path, changed: dict[str, str], said: str
    ) -> None:
        with pytest.raises(RuntimeError, match=said):
            opened(dense(tmp_path, **changed))  # type: ignore[arg-type]

    @pytest.mark.parametrize(("version", "late"), [("2.15.0", False), ("3.15.1", True)])
    def test_a_file_that_chooses_the_keras_that_is_not_loaded_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, late: bool
    ) -> None:
        """Its model would be built by the other Keras, and judged. Where Keras 2 is loaded, there is no other."""
        monkeypatch.setattr("lm.workloads.parts.own_model.keras_version", lambda: version)
        monkeypatch.setenv("TF_USE_LEGACY_KERAS", "0")
        path = dense(tmp_path)
        opened(path)
        path.write_text(f"import os; os.environ['TF_USE_LEGACY_KERAS'] = '1'\n{path.read_text()}")
        if late:
            with pytest.raises(RuntimeError, match=r"mine\.py: TF_USE_LEGACY_KERAS is set too late, .* by --from-env"):
                opened(path)
        else:
            opened(path)

    def test_a_model_of_tf_keras_is_taken_where_tf_keras_is_the_keras(self, tmp_path: Path) -> None:
        """Elsewhere nothing would make it compute in float64. The package need not be installed: it goes by names."""
        text = OWN_STEP.format(kind="Plain", compiled="'sgd', 'mse'")
        named = '__module__ = "tf_keras.src.engine.training"'
        opened(written(tmp_path, text.replace("pass", named, 1)))
        for package, mend in (
            ("tf_keras", "set TF_USE_LEGACY_KERAS=1 by --from-env"),
            ("keras", "build it by tf.keras"),
        ):
            another = f"class Plain:\n    __module__ = '{package}.src.model'\n    train_on_batch = None"
            path = written(tmp_path, f"{another}\ndef workload(): return Plain(), ()", f"of_{package}.py")
            with pytest.raises(RuntimeError, match=rf"the model is of {package}, and tf.keras is another .*: {mend}"):
                opened(path)

    def test_wrong_shapes_are_said_with_their_phase(self, tmp_path: Path) -> None:
        work = opened(dense(tmp_path, batch="(np.ones((4, 3)), np.ones((4, 7)))"))
        with pytest.raises(RuntimeError, match=r"mine\.py at step 0: ValueError: .*[57].*[57]"):
            work.do(work.prepare(0))

    @pytest.mark.any_version
    @pytest.mark.parametrize(
        ("returned", "said"),
        [
            ("loss, [gradient], 1", r"the step returned a tuple of 3: return its loss, or \(loss, gradients\)"),
            ("loss, []", rf"{GRADIENTS}, not a list of 0"),
            ("loss, gradient", rf"{GRADIENTS}, not a EagerTensor of shape \(4, 3\)"),
            ("gradient", r"the step's loss is a EagerTensor of shape \(4, 3\): return one number"),
            ("None", "the step's loss is a NoneType: return one number"),
        ],
    )
    def test_what_a_step_cannot_return_is_said(self, tmp_path: Path, returned: str, said: str) -> None:
        work = opened(square(tmp_path, returned=returned))
        with pytest.raises(RuntimeError, match=rf"^mine\.py: {said}$"):
            work.do(work.prepare(0))

    @pytest.mark.parametrize("compiled", ["'sgd'", "'sgd', 'mse'"])
    def test_the_loss_of_a_step_of_the_model_s_own_is_told_by_its_name(self, tmp_path: Path, compiled: str) -> None:
        """Else it is the first by name: Keras 3 sorts what such a step returns, and Keras 2 doesn't."""
        text = OWN_STEP.format(kind="Stepping", compiled=compiled)
        for returned in ('{"accuracy": tf.constant(-1.0), "loss": loss}', '{"total": tf.constant(-1.0), "mean": loss}'):
            work: Any = opened(written(tmp_path, text.replace('return {"loss": loss}', f"return {returned}")))
            assert work._model.step() > 0

    @pytest.mark.parametrize(
        ("returned", "told"), [('{"loss": tf.fill((4,), loss)}', r"ndarray of shape \(4,\)"), ("{}", "NoneType")]
    )
    def test_a_loss_that_is_not_one_number_is_said(self, tmp_path: Path, returned: str, told: str) -> None:
        """Of several, none but the first would count."""
        text = OWN_STEP.format(kind="Stepping", compiled="'sgd'")
        work = opened(written(tmp_path, text.replace('return {"loss": loss}', f"return {returned}")))
        with pytest.raises(RuntimeError, match=rf"^mine\.py: the step's loss is a {told}: return one number$"):
            work.do(work.prepare(0))

    def test_a_step_s_variables_of_one_name_are_told_apart_by_when_they_were_made(self, tmp_path: Path) -> None:
        """Versions of Keras list a model's in other orders. Gradients come in the order of the step's own list."""
        made = "[tf.Variable(tf.ones(size), name='dense/kernel') for size in (2, 3)]"
        work: Any = opened(written(tmp_path, f"def workload(): {LISTED.format(f'{made}[::-1]')}"))
        sizes = {name: value.size for name, value in work._model.values().items()}
        assert sizes == {"dense/kernel": 2, "dense/kernel#2": 3}
        assert work._model.trainable == ["dense/kernel#2", "dense/kernel"]

    def test_relocation_moves_the_variables(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        moved: list[Any] = []
        monkeypatch.setattr("lm.workloads.parts.own_work.relocate", moved.extend)
        opened(square(tmp_path)).relocate()
        assert [tuple(variable.shape) for variable in moved] == [(4, 3)]

    @pytest.mark.usefixtures("one_start")
    def test_a_model_of_submodels_without_a_call_is_trained(self, tmp_path: Path) -> None:
        """As a GAN is, whose `train_step` calls its parts."""
        text = OWN_STEP.format(kind="Whole", compiled="'sgd', run_eagerly=True")
        whole = text.replace("class Plain(tf.keras.Sequential):\n    pass", WHOLE)
        path = written(tmp_path, whole)
        work = opened(path)
        work.do(work.prepare(0))
        expected, _, unchecked = defined(described(path), OPENING)
        assert unchecked == ()
        assert len(expected["start 1"].limits["update after 1"]) == 2

    @pytest.mark.parametrize("listed", ["", "metrics = property(lambda self: [])"])
    def test_metrics_are_no_weights(self, tmp_path: Path, listed: str) -> None:
        """Keras 2 counts those of a subclassed model's attributes among its weights, Keras 3 none."""
        tracking = WHOLE.replace("self.part = ", "self.tracker = tf.keras.metrics.Mean(); self.part = ")
        text = OWN_STEP.format(kind="Whole", compiled="'sgd'")
        whole = text.replace("class Plain(tf.keras.Sequential):\n    pass", f"{tracking}\n    {listed}")
        work: Any = opened(written(tmp_path, whole))
        assert list(work._model.variables) == ["dense/kernel", "dense/bias"]

    def test_an_exception_at_a_step_is_said_with_its_number(self, tmp_path: Path) -> None:
        work = opened(square(tmp_path, before="assert len(taken) < 17, 'no more data'"))
        assert len([work.do(work.prepare(unit)) for unit in range(17)]) == 17
        with pytest.raises(RuntimeError, match=r"mine\.py:11 at step 17: AssertionError: no more data"):
            work.do(work.prepare(17))

    def test_an_iterator_s_end_is_said_as_any_exception_is(self, tmp_path: Path) -> None:
        work = opened(square(tmp_path, before="next(iter(()))"))
        with pytest.raises(RuntimeError, match=r"^mine\.py:11 at step 0: StopIteration$"):
            work.do(work.prepare(0))

    def test_the_line_is_the_last_one_in_files_of_the_user_s(self, tmp_path: Path) -> None:
        written(tmp_path, "\n1 / 0", "own_failing.py")
        with pytest.raises(RuntimeError, match=r"own_failing\.py:2 in `workload`: ZeroDivisionError: division by zero"):
            opened(written(tmp_path, "def workload(): import own_failing"))

    def test_what_a_graph_raises_is_told_with_its_cause(self, tmp_path: Path) -> None:
        """TensorFlow's message begins with dozens of lines of its own places."""
        text = SQUARE.format(before="inputs = tf.gather(inputs, tf.cast(99 + inputs[0], 'int32'))", returned="loss")
        work = opened(written(tmp_path, text.replace("    def", "    @tf.function\n    def")))
        with pytest.raises(RuntimeError, match=r"mine\.py:12 at step 0: InvalidArgumentError: .*99 is not in \[0, 2\)"):
            work.do(work.prepare(0))

    def test_of_a_traceback_in_a_message_the_last_line_is_told(self, tmp_path: Path) -> None:
        text = SQUARE.format(before="raise KeyError('gone')", returned="loss").replace(
            "    def", "    @tf.function\n    def"
        )
        work = opened(written(tmp_path, text))
        with pytest.raises(RuntimeError, match=r"mine\.py:12 at step 0: KeyError: 'gone'"):
            work.do(work.prepare(0))

    def test_its_arguments_are_its_own(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.argv", ["worker.py", "7", "9", "tensorflow"])
        path = dense(tmp_path)
        parsed = "import argparse\nargparse.ArgumentParser().parse_args()"
        opened(written(tmp_path, f"{parsed}\n{path.read_text()}"))

    def test_a_neighbour_can_be_imported(self, tmp_path: Path) -> None:
        written(tmp_path, "RATE = 0.25", "own_neighbour.py")
        text = SQUARE.format(before="pass", returned="loss").replace("import numpy", "import own_neighbour, numpy")
        work = opened(written(tmp_path, text))
        assert work.do(work.prepare(0)) > work.do(work.prepare(1)) > 0

    @pytest.mark.any_version
    @pytest.mark.parametrize("neighbour", ["own_kind.py", "own_kinds/kind.py", "own_package/part/kind.py"])
    def test_a_neighbour_is_run_anew_in_each_kind_of_float(self, tmp_path: Path, neighbour: str) -> None:
        file = tmp_path / neighbour
        file.parent.mkdir(parents=True, exist_ok=True)
        if "package" in neighbour:
            (tmp_path / "own_package" / "__init__.py").touch()
        file.write_text("import tensorflow as tf\nKIND = tf.keras.backend.floatx()")
        module = neighbour.removesuffix(".py").replace("/", ".")
        text = SQUARE.format(before="pass", returned="loss").replace("tf.keras.backend.floatx()", f"{module}.KIND")
        path = written(tmp_path, text.replace("import numpy", f"import {module}, numpy"))
        expected, _, unchecked = defined(described(path), OPENING)
        assert len(expected) == len(CASES)
        assert unchecked == ()

    def test_a_neighbour_is_run_once_in_one_kind_of_float(self, tmp_path: Path) -> None:
        """It may register something that may be registered once."""
        runs = tmp_path / "runs"
        written(tmp_path, f"with open({str(runs)!r}, 'a') as file:\n    file.write('x')", "own_once.py")
        text = SQUARE.format(before="pass", returned="loss").replace("import numpy", "import own_once, numpy")
        path = written(tmp_path, text)
        for _ in range(2):
            opened(path)
        assert runs.read_text() == "x"

    def test_the_function_may_be_a_neighbour_s(self, tmp_path: Path) -> None:
        written(tmp_path, SQUARE.format(before="pass", returned="loss"), "own_parts.py")
        work = opened(written(tmp_path, "import own_parts\nworkload = own_parts.workload"))
        assert work.do(work.prepare(0)) > work.do(work.prepare(1)) > 0

    @pytest.mark.any_version
    def test_a_step_need_not_tell_its_gradients(self, tmp_path: Path) -> None:
        expected, start, unchecked = defined(described(square(tmp_path, returned="loss")), OPENING)
        assert {quantity for one in expected.values() for quantity in one.values} == {
            "loss",
            "update after 1",
            "update after 2",
        }
        assert sorted(start) == ["batch 0", "weight weights"]
        assert unchecked == ()

    @pytest.mark.parametrize(
        ("kind", "compiled", "told"),
        [
            ("tf.keras.Sequential", "'sgd', 'mse'", True),
            ("functional", "'sgd', 'mse'", True),
            ("Plain", "'sgd', 'mse'", True),
            ("Stepping", "'sgd'", False),
            ("Stepping", "'sgd', 'mse'", False),
        ],
    )
    def test_gradients_are_told_but_of_a_train_step_of_the_model_s_own(
        self, tmp_path: Path, kind: str, compiled: str, told: bool
    ) -> None:
        model = opened(written(tmp_path, OWN_STEP.format(kind=kind, compiled=compiled)))._model  # type: ignore[attr-defined]
        start = model.start()
        model.take(start, "float32")
        assert (model.first_step(start, "float32")[1] is not None) == told

    @pytest.mark.usefixtures("one_start")
    @pytest.mark.parametrize(
        ("kind", "compiled", "told"), [("functional", "'sgd', 'mse'", True), ("Stepping", "'sgd'", False)]
    )
    def test_gradients_are_compared_where_they_are_told(
        self, tmp_path: Path, kind: str, compiled: str, told: bool
    ) -> None:
        path = written(tmp_path, OWN_STEP.format(kind=kind, compiled=compiled))
        expected, _, unchecked = defined(described(path), OPENING)
        assert unchecked == ()
        quantities = {"loss", "update after 1", "update after 2"}
        assert {name for one in expected.values() for name in one.values} == quantities | (
            {"gradient"} if told else set()
        )

    def test_samples_are_weighted_in_the_step_and_in_its_gradients(self, tmp_path: Path) -> None:
        """Each by 0, so that there is nothing to learn."""
        text = OWN_STEP.format(kind="functional", compiled="'sgd', 'mse'")
        weighted = text.replace("np.ones((4, 5)))", "np.ones((4, 5)), np.zeros(4))")
        model = opened(written(tmp_path, weighted))._model  # type: ignore[attr-defined]
        start = model.start()
        model.take(start, "float32")
        loss, gradients = model.first_step(start, "float32")
        assert loss == 0
        assert [np.abs(one).max() for one in gradients] == [0, 0]

    @pytest.mark.any_version
    @pytest.mark.usefixtures("one_start")
    @pytest.mark.parametrize(
        "how", ["", ", run_eagerly=True", pytest.param(", jit_compile=True", marks=pytest.mark.slow)]
    )
    def test_gradients_are_those_of_the_step_s_kind_of_graph(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
    ) -> None:
        """Adam's updates hardly show gradients that a graph makes 1% too large."""
        import tensorflow as tf

        eager, path = (
            written(tmp_path, OWN_STEP.format(kind="functional", compiled=f"'adam', 'mse'{one}"), name)
            for one, name in ((", run_eagerly=True", "eager.py"), (how, "mine.py"))
        )
        expected, start, unchecked = defined(described(eager), OPENING)
        assert unchecked == ()
        work, original = opened(path), tf.GradientTape.gradient
        work.copy(start)
        assert all(error.within for error in errors_of(0, work.answers("start 1"), expected["start 1"]))

        def gradient(*given: Any, **named: Any) -> Any:
            found = original(*given, **named)
            return found if tf.executing_eagerly() else [value * 1.01 for value in found]

        monkeypatch.setattr(tf.GradientTape, "gradient", gradient)
        errors = errors_of(0, work.answers("start 1"), expected["start 1"])
        over = {error.quantity for error in errors if not error.within}
        assert ("gradient" in over) is ("run_eagerly" not in how)

    @pytest.mark.any_version
    @pytest.mark.parametrize(
        ("before", "why", "detail"),
        [
            ("weights.assign(tf.cast(tf.cast(weights, 'float32'), weights.dtype) * np.float32(1))", None, ""),
            (
                "inputs = tf.cast(inputs, 'float32')",
                NO_FLOAT64,
                "mine.py:14 at step 0 of those that are compared, in",
            ),
            ("inputs = inputs + tf.random.normal((), dtype=inputs.dtype)", NOT_REPEATED, "loss of step 0"),
            ("inputs = inputs * tf.random.uniform((), 1 - 1e-6, 1, dtype=inputs.dtype)", None, ""),  # as by rounding
            ("inputs = inputs + (0.01 if kind == 'float64' else 0)", LEFT_OPEN, "loss of step 0"),
        ],
    )
    def test_what_cannot_be_compared_is_said(self, tmp_path: Path, before: str, why: str | None, detail: str) -> None:
        path = square(tmp_path, before=before)
        expected, _, unchecked = defined(described(path), OPENING)
        assert bool(expected) == (why is None)
        assert [one.why for one in unchecked[:1]] == ([] if why is None else [why])
        assert why is None or detail in unchecked[0].detail

    @pytest.mark.any_version
    @pytest.mark.parametrize(
        ("before", "returned"),
        [("pass", "loss * np.nan, [gradient]"), ("inputs = inputs * np.nan", "loss, [gradient]")],
        ids=["loss alone", "loss, gradient and weights"],
    )
    def test_nothing_is_compared_with_a_loss_that_is_nan(self, tmp_path: Path, before: str, returned: str) -> None:
        expected, _, unchecked = defined(described(square(tmp_path, before, returned)), OPENING)
        assert (expected, unchecked) == ({}, (Unchecked(NOT_FINITE, FIRST_LOSS),))

    @pytest.mark.any_version
    def test_a_gradient_that_is_infinite_is_not_compared(self, tmp_path: Path) -> None:
        path = square(tmp_path, returned="loss, [gradient * np.inf]")
        expected, _, unchecked = defined(described(path), OPENING)
        assert unchecked == (Unchecked(NOT_FINITE, "gradient of weights"),)
        tensors = {quantity: sorted(tensors) for quantity, tensors in expected["start 1"].values.items()}
        updates = {"update after 1": ["weights"], "update after 2": ["weights"]}
        assert tensors == {"loss": ["step 0", "step 1"], "gradient": [], **updates}

    @pytest.mark.any_version
    def test_a_quantity_of_which_nothing_is_compared_leaves_the_others(self, tmp_path: Path) -> None:
        path = square(tmp_path, returned="loss, [gradient * np.inf]")
        oracle = Session()
        asked = oracle.prepare(OWN.name, "cpu:0", 0, str(path))
        oracle.share(str(tmp_path))
        assert CheckedAnswers(opened(path), tmp_path, asked.answers).answer("start 1") == Answered()
        oracle.check_answer("start 1", "", promised=True)
        labels = {error.label for error in oracle.errors() if error.within}
        assert labels == {"answer loss", "answer update after 1", "answer update after 2"}

    @pytest.mark.any_version
    def test_a_frozen_part_in_bfloat16_is_compared(self, tmp_path: Path) -> None:
        """In every start, through the file that the candidate reads, though NumPy stores no bfloat16."""
        oracle = Session()
        asked = oracle.prepare(OWN.name, "cpu:0", 0, str(written(tmp_path, FROZEN.format(after="pass"))))
        assert asked.unchecked == ()
        for moved, session in ((False, copy.deepcopy(oracle)), (True, oracle)):
            folder = tmp_path / f"moved {moved}"
            folder.mkdir()
            session.share(str(folder))
            work = opened(written(tmp_path, FROZEN.format(after=MOVING if moved else "pass"), "candidate.py"))
            checked = CheckedAnswers(work, folder, asked.answers)
            for case in CASES:
                assert checked.answer(case) == Answered()
                session.check_answer(case, "", promised=True)
            within = {(error.label, error.tensor): error.within for error in session.errors()}
            assert within["answer update after 1", "dense/kernel"] is not moved
            assert all(within.values()) is not moved

    @pytest.mark.any_version
    def test_a_layer_is_compared_whose_mask_is_tested_for_equality(self, tmp_path: Path) -> None:
        """With masks of 0.998, as in starts near the first, the layer would be off in reference and candidate."""
        path = written(tmp_path, MASKED.format(scale=1.0))
        expected, start, unchecked = defined(described(path), OPENING)
        assert unchecked == ()
        # A name each: under one, files of equal size and second have one and the same compiled code for Python.
        for name, scale in (("right.py", 1.0), ("wrong.py", 1.5)):
            work: Any = opened(written(tmp_path, MASKED.format(scale=scale), name))
            work.copy(start)
            for case in CASES:
                errors = errors_of(0, work.answers(case), expected[case])
                over = {error.quantity for error in errors if not error.within}
                assert over == (set() if scale == 1 else set(expected[case].limits))

    @pytest.mark.any_version
    def test_a_nan_of_the_candidate_alone_is_over_every_limit(self, tmp_path: Path) -> None:
        expected, start, _ = defined(described(square(tmp_path)), OPENING)
        work = opened(square(tmp_path, returned="loss * np.nan, [gradient]"))
        work.copy(start)
        errors = errors_of(0, work.answers("start 1"), expected["start 1"])
        assert {error.quantity for error in errors if not error.within} == {"loss"}

    @pytest.mark.any_version
    def test_a_file_that_builds_another_model_at_each_call_is_told(self, tmp_path: Path) -> None:
        text = DENSE.format(units="len(calls)", layer="", compiled=EAGER, batch="(np.ones((4, 3)), np.ones((4, 1)))")
        counted = "import sys; calls = sys.__dict__.setdefault('own_calls', []); calls.append(0)"
        path = written(tmp_path, text.replace("def workload():", f"def workload():\n    {counted}"))
        expected, _, (unchecked,) = defined(described(path), OPENING)
        assert (expected, unchecked) == ({}, Unchecked(NOT_REBUILT, "weight dense/kernel was [3, 1] and is [3, 2]"))

    @pytest.mark.any_version
    def test_a_file_may_be_in_float64_on_its_own(self, tmp_path: Path) -> None:
        text = SQUARE.format(before="pass", returned="loss, [gradient]")
        text = text.replace("def workload", "tf.keras.backend.set_floatx('float64')\ndef workload")
        path = written(tmp_path, text.replace("    def step", "    @tf.function\n    def step"))
        with own_floats():
            expected, _, unchecked = defined(described(path), OPENING)
        assert unchecked == ()
        assert list(expected) == list(CASES)

    def test_variables_that_stay_float32_are_named(self, tmp_path: Path) -> None:
        text = SQUARE.format(before="pass", returned="loss").replace("tf.keras.backend.floatx()", "'float32'")
        _, _, (unchecked,) = defined(described(written(tmp_path, text)), OPENING)
        assert unchecked.why == NO_FLOAT64
        assert "variable weights stays float32 in the float64 run" in unchecked.detail

    @pytest.mark.any_version
    @pytest.mark.usefixtures("one_start")
    @pytest.mark.parametrize(("policy", "open_"), [("'float32'", True), ("tf.keras.backend.floatx()", False)])
    def test_a_policy_that_keeps_float32_has_a_hint_that_helps(self, tmp_path: Path, policy: str, open_: bool) -> None:
        text = dense(tmp_path, compiled=EAGER).read_text()
        chosen = f"tf.keras.mixed_precision.set_global_policy({policy})"
        path = written(tmp_path, text.replace("def workload", f"{chosen}\ndef workload"))
        _, _, unchecked = defined(described(path), OPENING)
        mend = "leave the policy float32 out, or call set_global_policy(tf.keras.backend.floatx())"
        assert [one.detail.partition("run: ")[2] for one in unchecked] == ([mend] if open_ else [])

    def test_variables_that_are_complex_are_named(self, tmp_path: Path) -> None:
        """Of their gradients the imaginary part would be dropped."""
        text = SQUARE.format(before="pass", returned="loss").replace("step, [weights],", "step, [weights, phase],")
        phase = "phase = tf.Variable(tf.complex(weights, weights), name='phase'); taken = []"
        _, _, (unchecked,) = defined(described(written(tmp_path, text.replace("taken = []", phase))), OPENING)
        assert unchecked.why == NO_FLOAT64
        told = "variable phase is complex128, which isn't compared: keep its real and its imaginary part in two float"
        assert told in unchecked.detail

    @pytest.mark.any_version
    def test_a_variable_of_whole_numbers_need_not_be_in_float64(self, tmp_path: Path) -> None:
        """As the count of a Normalization, or the state of a seed."""
        text = SQUARE.format(before="pass", returned="loss")
        counted = text.replace("step, [weights],", "step, [weights, tf.Variable(0, dtype='int64', name='count')],")
        expected, _, unchecked = defined(described(written(tmp_path, counted)), OPENING)
        assert unchecked == ()
        assert "update after 1" in expected["start 1"].limits

    @pytest.mark.any_version
    @pytest.mark.parametrize("floats", ["float32", "float64"])
    def test_a_bias_that_is_lost_is_over_its_limit_where_nothing_is_trained(self, tmp_path: Path, floats: str) -> None:
        """Keras' initial biases are 0, of which none counts. A sum of squares leaves none open: it doesn't cancel. The
        file may choose its floats, too.
        """
        text = dense(tmp_path).read_text().replace("return model, ", "x, _ = ").rstrip()
        if floats == "float64":
            chosen = "backend.set_floatx('float64'); tf.keras.mixed_precision.set_global_policy('float64')"
            text = text.replace("def workload", f"tf.keras.{chosen}\ndef workload")
        text += "\n    step = lambda x: tf.reduce_sum(model(x) ** 2)"
        text += "\n    return step, model.weights, (x.astype(tf.keras.backend.floatx()),)\n"
        path = written(tmp_path, text.replace("model.compile", "model(np.ones((1, 3))); model.compile"))
        with own_floats():
            expected, start, unchecked = defined(described(path), OPENING)
            assert unchecked == (Unchecked(UNMOVED, ""),)
            assert {value.dtype for name, value in start.items() if name.startswith(WEIGHT)} == {np.dtype(floats)}
            assert len({float(one.values["loss"]["step 0"]) for one in expected.values()}) == len(CASES)
            work: Any = opened(path)
            lost = {name: 0 * value if value.ndim == 1 else value for name, value in start.items()}
            for case in CASES:
                work.copy(lost)
                found = work.answers(case)
                assert not all(one.within for one in errors_of(0, found, expected[case]))

    @pytest.mark.any_version
    def test_a_gradient_that_is_0_but_for_rounding_is_none_in_float64_either(self, tmp_path: Path) -> None:
        """Another order of the batch rounds it otherwise."""
        with own_floats():
            expected, start, unchecked = defined(described(written(tmp_path, SHIFTED.format(order=1))), OPENING)
            assert unchecked == ()
            shifts = [one.values["gradient"]["shift"] for one in expected.values() if "shift" in one.values["gradient"]]
            assert any(0 < abs(shift) < 1e-14 for shift in shifts)  # where it is exactly 0, it is left open
            work: Any = opened(written(tmp_path, SHIFTED.format(order=-1), "candidate.py"))
            work.copy(start)
            for case in CASES:
                values = expected[case].values
                found = {
                    quantity: {tensor: value for tensor, value in of.items() if tensor in values[quantity]}
                    for quantity, of in work.answers(case).items()
                }
                assert all(one.within for one in errors_of(0, found, expected[case]))

    @pytest.mark.any_version
    def test_what_keras_begins_with_0_or_1_counts_where_nothing_is_trained(self, tmp_path: Path) -> None:
        """Each of an LSTM's four biases, and a normalization's scale and variance, of two such layers in turn."""
        path = written(tmp_path, SERVED)
        expected, start, _ = defined(described(path), OPENING)
        work: Any = opened(path)
        own = {name: name.rpartition("/")[2].partition("#")[0] for name in start}
        faults = [(name, slice(None)) for name, of in own.items() if of in ("gamma", "moving_variance")]
        biases = [name for name, of in own.items() if of == "bias"]
        faults += [(bias, slice(2 * gate, 2 * gate + 2)) for bias, gate in zip(2 * biases, range(4), strict=True)]
        assert len(faults) == 8
        for name, lost in faults:
            broken = dict(start)
            broken[name] = start[name].copy()
            broken[name][lost] = 0.0 if own[name] == "bias" else 1.0
            work.copy(broken)
            errors = errors_of(0, work.answers(CASES[0]), expected[CASES[0]])
            assert not all(one.within for one in errors), (name, lost)

    @pytest.mark.any_version
    def test_a_second_moment_of_zeros_among_the_variables_stays_one(self, tmp_path: Path) -> None:
        """Where it is negative its root is NaN, and so is the next loss."""
        text = SQUARE.format(before="pass", returned="loss").replace("step, [weights],", "step, [weights, moment],")
        text = text.replace("taken = []", "moment = tf.Variable(tf.zeros((4, 3), kind))")
        text = text.replace("taken.append(None)", "pass")
        root = "tf.sqrt(moment.assign(0.999 * moment + 0.001 * gradient**2))"
        text = text.replace("0.1 * gradient", f"0.01 * gradient / ({root} + 1e-7)")
        expected, _, unchecked = defined(described(written(tmp_path, text)), OPENING)
        assert unchecked == ()
        assert list(expected) == list(CASES)

    @pytest.mark.parametrize(
        "before", ["inputs = tf.cast(inputs, 'float32')", "inputs = inputs * tf.cast(inputs > 0, 'float32')"]
    )
    def test_types_that_are_mixed_in_float64_have_a_hint(self, tmp_path: Path, before: str) -> None:
        _, _, (unchecked,) = defined(described(square(tmp_path, before=before)), OPENING)
        assert unchecked.detail.endswith("write tf.keras.backend.floatx() in the place of float32")

    @pytest.mark.parametrize("graph", ["", "@tf.function\n    "])
    @pytest.mark.parametrize(
        ("operation", "given"),
        [
            ("tf.quantization.fake_quant_with_min_max_vars({}, 0, 1)", "tf.identity(inputs)"),
            ("tf.nn.local_response_normalization({})[0, 0]", "tf.identity(inputs)[None, None]"),
        ],
    )
    def test_an_operation_without_float64_has_a_hint_that_helps(
        self, tmp_path: Path, operation: str, given: str, graph: str
    ) -> None:
        text = SQUARE.replace("def step", f"{graph}def step").replace("taken.append(None)", "pass")
        path = written(tmp_path, text.format(before=f"inputs = {operation.format(given)}", returned="loss"))
        _, _, (unchecked,) = defined(described(path), OPENING)
        assert unchecked.why == NO_FLOAT64
        mend = "cast what it takes to float32, and what it returns to tf.keras.backend.floatx()"
        assert unchecked.detail.endswith(f"and this operation has no float64: {mend}")
        narrow = operation.format(f"tf.cast({given}, 'float32')")
        path = written(tmp_path, text.format(before=f"inputs = tf.cast({narrow}, kind)", returned="loss"))
        assert defined(described(path), OPENING)[2] == ()

    @pytest.mark.usefixtures("one_start")
    def test_the_moving_variance_of_fused_batch_normalization_is_left_open_in_keras_2(self, tmp_path: Path) -> None:
        """There its float32 has N / (N - 1) = 16 / 15 as a factor, and its float64 hasn't. In Keras 3 neither has."""
        from lm.compat import keras_version  # needs TensorFlow

        found = defined(described(written(tmp_path, NORMALIZED)), OPENING)[2]
        left_open = {one.detail for one in found if one.detail.endswith("moving_variance")}
        names = {f"update after {steps} of batch_normalization/moving_variance" for steps in (1, 2)}
        assert left_open == (names if keras_version().startswith("2.") else set())

    @pytest.mark.any_version
    @pytest.mark.usefixtures("one_start")
    @pytest.mark.parametrize("kind", ["U", "O"])
    def test_a_batch_may_hold_text_that_numpy_calls_str(self, tmp_path: Path, kind: str) -> None:
        _, start, unchecked = defined(described(written(tmp_path, TEXTS.format(kind=kind))), OPENING)
        if kind == "U":
            assert (start["batch 0"].tolist(), unchecked) == ([["a"], ["b"]], ())
        else:
            assert 'must hold arrays of numbers or of str (dtype "U"), and this one holds' in unchecked[0].detail

    @pytest.mark.any_version
    def test_a_step_that_moves_no_variable_is_told_and_still_expected(self, tmp_path: Path) -> None:
        path = square(tmp_path)
        text = path.read_text()
        path.write_text(text.replace("weights.assign_sub(0.1 * gradient)", "pass"))
        expected, start, unchecked = defined(described(path), OPENING)
        assert unchecked == (Unchecked(UNMOVED, ""),)
        path.write_text(text)
        work = opened(path)
        work.copy(start)
        errors = errors_of(0, work.answers("start 1"), expected["start 1"])
        moved = {(error.quantity, error.tensor) for error in errors if not error.within}
        assert moved == {("loss", "step 1"), ("update after 1", "weights"), ("update after 2", "weights")}

    @pytest.mark.any_version
    @pytest.mark.usefixtures("one_start")
    def test_dropout_does_not_repeat(self, tmp_path: Path) -> None:
        import tensorflow as tf

        tf.random.set_seed(None)  # another test may have set one, by which it does in a graph
        path = dense(tmp_path, layer="tf.keras.layers.Dropout(0.5)", compiled=EAGER)
        expected, _, (unchecked,) = defined(described(path), OPENING)
        assert (expected, unchecked.why) == ({}, NOT_REPEATED)

    @pytest.mark.any_version
    @pytest.mark.usefixtures("one_start")
    def test_answers_of_other_weights_are_not_compared(self, tmp_path: Path) -> None:
        path = dense(tmp_path, compiled=EAGER)
        wider = dense(tmp_path, units=6, compiled=EAGER, batch="(np.ones((4, 3)), np.ones((4, 6)))", name="wider.py")
        told = "weight dense/kernel is [3, 5] in the reference and [3, 6] in the candidate"
        assert answered(tmp_path, path, wider) == Answered(unchecked=(Unchecked(NOT_COPIED, told),))

    @pytest.mark.any_version
    @pytest.mark.parametrize(
        ("there", "here", "missing"),
        [
            (["td/kernel", "dense/kernel"], ["dense/kernel", "dense_1/kernel"], ""),
            (["dw/depthwise_kernel", "mean", "Variable"], ["dw/kernel", "norm/mean", "linear/variable"], ""),
            (["dense/kernel", "w"], ["linear/w", "dense/kernel"], "w"),
            (["td/kernel", "a/kernel", "b/kernel"], ["dense/kernel", "b/kernel", "a/kernel"], "td/kernel"),
            (["Variable", "Variable"], ["linear/variable", "linear_1/variable"], ""),
            (["Variable", "Variable"], ["own/variable", "linear/variable"], "Variable"),
            (["td/w", "w"], ["own/w", "dense/w"], "td/w"),
            (["q/kernel", "k/kernel"], ["key/kernel", "query/kernel"], "q/kernel"),
            (["layer/gamma", "layer/beta"], ["layer/shift", "layer/scale"], "layer/gamma"),
            (["a/kernel", "b/kernel"], ["c/kernel"], "a/kernel"),
        ],
        ids=[
            "an inner layer",
            "other names",
            "a model's own one is first",
            "a layer is in another place",
            "without names",
            "without names, in several layers",
            "without a layer",
            "several layers under other names",
            "unlike names",
            "fewer",
        ],
    )
    def test_variables_are_paired_by_order_where_only_layers_are_named_otherwise(
        self, tmp_path: Path, there: list[str], here: list[str], missing: str
    ) -> None:
        """A wrong pair of one shape would be a wrong verdict."""
        reference, candidate = (
            written(tmp_path, NAMED.format(names=names), f"{side}.py")
            for side, names in (("reference", there), ("candidate", here))
        )
        told = Unchecked(NOT_COPIED, f"weight {missing} is [2] in the reference and missing in the candidate")
        assert answered(tmp_path, reference, candidate) == Answered(unchecked=(told,) if missing else ())
        if not missing:
            works: list[Any] = [opened(reference), opened(candidate)]
            model = works[1]._model
            start = {name: np.full(2, -place) for place, name in enumerate(works[0]._model.start())}
            model.take(start, "float32")
            found = {f"weight {name}": value[0] for name, value in model.values().items()}
            assert found == {name: value[0] for name, value in start.items()}
            assert [f"weight {name}" for name in model.trainable] == list(start)

    @pytest.mark.any_version
    @pytest.mark.parametrize(
        ("before", "returned", "unlike"),
        [
            ("inputs = inputs + tf.random.normal((), dtype=inputs.dtype)", "loss, [gradient]", "loss of step 0"),
            ("pass", "loss, [gradient * tf.random.uniform((4, 3))]", "gradient of weights"),
            ("inputs = inputs * tf.random.uniform((), 1 - 1e-6, 1)", "loss, [gradient]", ""),  # as by rounding
            ("inputs = inputs + tf.random.normal((), dtype=inputs.dtype)", "loss", "loss of step 0"),
        ],
    )
    def test_answers_that_do_not_repeat_are_not_compared(
        self, tmp_path: Path, before: str, returned: str, unlike: str
    ) -> None:
        why = UNSTEADY if "gradient" in returned else NOT_REPEATED
        noisy = written(tmp_path, SQUARE.format(before=before, returned=returned), "noisy.py")
        found = answered(tmp_path, square(tmp_path), noisy)
        assert found == Answered(unchecked=(Unchecked(why, unlike),) if unlike else ())

    def test_two_runs_may_be_as_far_apart_as_the_largest_limit(self) -> None:
        from lm.workloads.parts.own_work import REPEATED

        assert REPEATED == CAP

    @pytest.mark.parametrize(
        "form",
        [
            "compiled",
            pytest.param("compiled for XLA", marks=pytest.mark.slow),
            "a step",
            "a step that tells no gradients",
        ],
    )
    def test_it_is_known_how_often_an_embedding_s_rows_are_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
    ) -> None:
        """By a step before those that are compared, which are left out here."""
        monkeypatch.setattr("lm.workloads.parts.own_work._run", lambda path, start, kind: {"loss": {}})
        path = written(tmp_path, EMBEDDING.format(form=form))
        first = next(described(path).define(OPENING))
        assert first.reads["embedding/embeddings"].tolist() == [3, 2, 0, 1]
        dense = first.reads.get("dense/kernel", np.ones(2))
        assert dense.tolist() == [1, 1]

    def test_a_unit_that_is_done_again_counts(self, tmp_path: Path) -> None:
        """A profile prepares two units, and does them many times."""
        work = opened(dense(tmp_path))
        prepared = work.prepare(0)
        for _ in range(4):
            work.do(prepared)
        assert work.retraces == 0
        x, y = work._model.batch  # type: ignore[attr-defined]
        work._model.batch = x[:3], y[:3]  # type: ignore[attr-defined]
        work.do(prepared)
        assert work.retraces >= 1
