"""Each workload's answers by the TensorFlow at hand agree with its oracle, and units work as the Protocol says."""

import atexit
import dataclasses
import functools
import math
import operator
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from bench.measure.answers import expected_answer
from bench.measure.numerics import errors_of
from bench.record.types import NumericError
from lm.config import CONFIGS
from lm.oracle.optimizers import OPTIMIZERS
from lm.oracle.sgd import densified
from lm.workloads import data, fit, large_batch, optimizers
from lm.workloads.parts.calls import Calls
from lm.workloads.parts.padded import Padded
from lm.workloads.parts.promises import FORMATS
from lm.workloads.protocol import Answering, CompilationError, Opening, ReadingFiles
from lm.workloads.registry import names, workload
from tests.builders.workloads import answering
from tests.faults.hook.injected.fault import activation_owners
from tests.faults.hook.injected.registry import OF_WORKLOADS
from tests.faults.hook.injected.saturation import FAULTS as SATURATION

pytestmark = pytest.mark.tensorflow

# With the oldest TensorFlow these are left out, whose code others have, and of the others all cases but the first or
# those that are listed: Keras 2's `.keras` is another one, and it adds up a sparse gradient's rows.
LIKE_OTHERS = ("bidirectional", "predict-shapes", "rebuild")
OF_OLDEST: dict[str, tuple[str, ...]] = {
    "fit": (),  # its unit shows that Keras 2 traces twice
    "optimizers": ("adam", "momentum"),
    "optimizers-twice": ("rmsprop",),
    "save": ("own .keras", *(f"given {form}" for form in FORMATS)),
}


def for_oldest(name: str, case: str) -> bool:
    return name not in LIKE_OTHERS and case in OF_OLDEST.get(name, workload(name).cases[:1])


def of_version(each: Any, of_oldest: bool) -> list[pytest.MarkDecorator]:
    """Returns the parameter's marks, and `any_version` unless the oldest TensorFlow has it, too."""
    return [*each.marks, *([] if of_oldest else [pytest.mark.any_version])]


ANSWERING = answering()
CASES = [
    pytest.param(name, case, marks=of_version(each, for_oldest(name, case)))
    for each in ANSWERING
    for name in each.values
    for case in workload(name).cases
]
TINY = Opening(CONFIGS["tiny"])
# Unrolled, step after step, which takes seconds to trace.
UNROLLED = Opening(dataclasses.replace(CONFIGS["tiny"], num_steps=3))
CHANGED = ("change", "slot m", "slot v")  # by an update of Adam
FEW = (1, 10)  # updates
OF_ANY_WEIGHTS = ("data", "optimizers", "optimizers-twice")  # their right answers depend on none
# Keras makes the graphs of their units, or there is none.
WITHOUT_GRAPH = ("data", "fit", "predict", "predict-call", "predict-shapes", "rebuild", "save")


def opening(name: str) -> Opening:
    return UNROLLED if name == "per-example" else TINY


def started(name: str) -> Answering:
    work = cast(Answering, workload(name).open(opening(name)))
    work.build()
    work.trace()
    work.start()
    return work


@functools.cache
def shared(name: str) -> Answering:
    """Opened once a process, since tracing takes seconds. Parameters `name` have the scope of the module: pytest sorts
    tests by it, so that those of a workload, one after another, come to one process where tests run side by side.
    """
    work = started(name)
    if hasattr(work, "write_files"):
        reading = cast(ReadingFiles, work)
        reading.given = Path(tempfile.mkdtemp())
        atexit.register(shutil.rmtree, reading.given)
        reading.write_files(reading.given)
    return work


def compared(work: Answering, name: str, case: str) -> list[NumericError]:
    """Returns the errors, computed as a launch's are."""
    expected = expected_answer(workload(name), opening(name), case)
    answers = work.answers(case)
    found = {
        quantity: {
            tensor: densified(answers[quantity][tensor], len(value) if value.ndim else 0)
            for tensor, value in of.items()
        }
        for quantity, of in expected.values.items()
    }
    return errors_of(0, found, expected)


@pytest.mark.parametrize(("name", "case"), CASES, scope="module")
def test_answers_agree_with_the_oracle(name: str, case: str) -> None:
    """But those that are known not to: Keras 3 squares values of a row that is named twice one by one."""
    errors = compared(shared(name), name, case)
    over = {error.quantity.partition(" after")[0] for error in errors if not error.within}
    from lm.compat import keras_version  # needs TensorFlow

    squared = name == "optimizers-twice" and case != "momentum" and keras_version().startswith("3.")
    assert errors
    assert over == ({"change", "slot v"} if squared else set())


@pytest.fixture
def few_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compares optimizers after few updates in the place of 300: their faults are in each one."""
    for module in ("optimizers", "parts.optimizers_work"):
        monkeypatch.setattr(f"lm.workloads.{module}.UPDATES", FEW)


def beyond(
    fault: str, patched: str, monkeypatch: pytest.MonkeyPatch, cases: Collection[str] = ()
) -> set[tuple[str, str]]:
    """Returns the cases, of all or of those named, and quantities that a fault, taken back after the test, has beyond
    their limits.
    """
    import tensorflow as tf

    owner, _, attribute = patched.rpartition(".")
    kept = operator.attrgetter(owner)(tf)
    monkeypatch.setattr(kept, attribute, getattr(kept, attribute))
    OF_WORKLOADS[fault].patch()
    name = OF_WORKLOADS[fault].workload
    work = started(name)
    return {
        (case, error.quantity)
        for case in cases or workload(name).cases
        for error in compared(work, name, case)
        if not error.within
    }


@pytest.mark.any_version
@pytest.mark.usefixtures("few_updates")
@pytest.mark.parametrize(
    ("fault", "patched", "shown"),
    [
        ("targets-lost", "data.Dataset.map", ("epochs", "targets")),
        ("first-epoch-repeated", "data.Dataset.repeat", ("epochs", "inputs")),
        pytest.param(
            "adam-climbs",
            "keras.optimizers.Adam.update_step",
            ("first update", "change times m"),
            marks=pytest.mark.slow,
        ),
        ("predict-without-biases", "keras.Model.predict", ("lengths", "logits")),
        ("predict-by-first-weights", "keras.Model.predict", ("lengths", "logits")),
        (
            "rate-of-the-next-update",
            "keras.optimizers.schedules.ExponentialDecay.__call__",
            ("adam schedule", "change after 1"),
        ),
        pytest.param(
            "recurrent-kernels-kept",
            "keras.optimizers.SGD.update_step",
            ("third", "logits"),
            marks=pytest.mark.slow,
        ),
        ("adam-arguments-ignored", "keras.optimizers.Adam.__init__", ("adam", "change after 1")),
        ("optimizer-config-lost", "keras.optimizers.Adam.from_config", ("own .keras", "change")),
    ],
)
def test_answers_show_a_fault(
    fault: str, patched: str, shown: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that lose biases are `test_answers_show_biases_that_are_lost`'s."""
    assert shown in beyond(fault, patched, monkeypatch, shown[:1])


@pytest.mark.any_version
@pytest.mark.usefixtures("few_updates")
@pytest.mark.parametrize(
    ("fault", "patched", "shown"),
    [
        ("mean-over-batches", "keras.metrics.Mean.update_state", {("short last batch", "loss")}),
        (
            "mask-by-length",
            "keras.layers.Embedding.compute_mask",
            {("front", quantity) for quantity in ("loss", "logits", "gradient", "state")},
        ),
        (
            "clipnorm-ignored",
            "keras.optimizers.Adam.__init__",
            {("adam clipnorm", f"{what} after {updates}") for what in CHANGED for updates in FEW},
        ),
    ],
)
def test_one_case_alone_shows_a_fault(
    fault: str, patched: str, shown: set[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert beyond(fault, patched, monkeypatch) == shown


@pytest.mark.any_version
@pytest.mark.parametrize("layer", ["lstm", "output"])
@pytest.mark.parametrize(
    "name", [one for one in ANSWERING if isinstance(workload(one.values[0]), Padded)], scope="module"
)
def test_answers_show_biases_that_are_lost(name: str, layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradients by them are those of biases that are 0."""
    work = cast(Any, shared(name))
    right = work._function
    named = zip(cast(Padded, workload(name)).weights(TINY.config), work._weights, strict=True)
    biases = [variable for tensor, variable in named if tensor.startswith(layer) and tensor.endswith("bias")]

    def without(*batch: Any) -> Any:
        kept = [bias.numpy() for bias in biases]
        for bias, value in zip(biases, kept, strict=True):
            bias.assign(np.zeros_like(value))
        found = right(*batch)
        for bias, value in zip(biases, kept, strict=True):
            bias.assign(value)
        return found

    monkeypatch.setattr(work, "_function", without)
    errors = compared(work, name, workload(name).cases[0])
    assert "gradient" in {error.quantity for error in errors if not error.within}


@pytest.mark.any_version
@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.parametrize(
    "name",
    ["masked", *(pytest.param(name, marks=pytest.mark.slow) for name in ("bidirectional", "xla", "per-example"))],
    scope="module",
)
def test_answers_show_gates_that_saturate_early(name: str, activation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault is 3e-4 off beyond ±8, or 9e-5 beyond ±5: near 0 nothing shows it."""
    for owner in activation_owners(activation):
        monkeypatch.setattr(owner, activation, getattr(owner, activation))  # put back after the test
    fault = {"sigmoid": "sigmoid-saturates-at-8", "tanh": "tanh-saturates-at-5"}[activation]
    next(one for one in SATURATION if one.name == fault).patch()
    errors = compared(started(name), name, workload(name).cases[0])
    assert "state" in {error.quantity for error in errors if not error.within}


@pytest.mark.any_version
def test_answers_show_a_loss_that_a_file_does_not_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    loss = tf.keras.losses.SparseCategoricalCrossentropy
    monkeypatch.setattr(loss, "from_config", classmethod(lambda cls, *given, **named: cls()))  # not of logits
    errors = compared(shared("save"), "save", "own .keras")
    assert {error.quantity for error in errors if not error.within} == {"loss"}


@pytest.mark.any_version
@pytest.mark.parametrize(
    "name", ["xla", "per-example", pytest.param("large-batch", marks=pytest.mark.slow)], scope="module"
)
def test_answers_show_a_first_batch_that_is_kept(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    work = cast(Any, shared(name))
    first: list[Any] = []
    right = work._function

    def keeping(*batch: Any) -> Any:
        first[:] = first or [right(*batch)]
        return first[0]

    monkeypatch.setattr(work, "_function", keeping)
    assert not any(error.within for error in compared(work, name, "full"))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(*each.values, marks=of_version(each, each.values[0] not in LIKE_OTHERS))
        for each in answering(slow=("rebuild",))
    ],
    scope="module",
)
def test_units_are_done_and_traced_once(name: str) -> None:
    work = shared(name)
    results = [work.do(work.prepare(unit)) for unit in range(3)]
    work.wait()
    assert all(map(math.isfinite, results))
    assert work.retraces <= (2 if name == "predict-shapes" else 0)  # by another length, and by several sequences
    counts = work.graph_operations()
    assert all(count > 0 for count in counts.values())
    assert (counts == {}) == (name in WITHOUT_GRAPH)


@pytest.mark.any_version
def test_a_unit_of_save_writes_a_file_and_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    asked: list[tuple[str, str]] = []
    work = shared("save")
    for name in ("save_weights", "load_weights"):
        monkeypatch.setattr(tf.keras.Model, name, lambda model, path, name=name: asked.append((name, path)))
    work.do("path")
    assert asked == [("save_weights", "path"), ("load_weights", "path")]


@pytest.mark.any_version
def test_a_unit_of_optimizers_is_an_update_by_each() -> None:
    work = cast(Any, shared("optimizers"))

    def counts() -> dict[str, int]:
        return {name: int(each.optimizer.iterations.numpy()) for name, each in work._updated.items()}

    before = counts()
    work.do(work.prepare(0))
    assert counts() == {name: before[name] + 1 for name in OPTIMIZERS}


@pytest.mark.any_version
def test_a_unit_of_data_takes_60_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number is the sum of the last one's targets: the 60th's here is 59."""
    import tensorflow as tf

    work = shared("data")
    monkeypatch.setattr(work, "_batches", iter([(None, tf.constant(number)) for number in range(100)]))
    assert work.do(0) == 59


@pytest.mark.any_version
def test_the_pipeline_of_data_is_what_the_page_says() -> None:
    dataset, parts = cast(Any, shared("data"))._pipeline, list[str]()
    while inputs := dataset._inputs():
        parts.append(type(dataset).__name__.strip("_"))
        (dataset,) = inputs
    assert parts == ["RepeatDataset", "PrefetchDataset", "BatchDataset", "ParallelMapDataset", "ShuffleDataset"]


@pytest.mark.any_version
def test_each_unit_of_fit_shuffles_anew() -> None:
    work = shared("fit")
    first, second = (np.concatenate([inputs for inputs, _ in work.prepare(unit)]) for unit in range(2))
    assert not np.array_equal(first, second)
    assert sorted(first.tolist()) == sorted(second.tolist())


@pytest.mark.any_version
@pytest.mark.parametrize(
    "name",
    [
        one
        for one in answering(slow=("fit", "predict-shapes"))  # the one takes long, the other has the work of predict
        if one.values[0] not in (*OF_ANY_WEIGHTS, "rebuild")
    ],
    scope="module",
)
def test_each_launch_answers_from_weights_of_its_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On both sides: if one forgot the jitter, it would still be within all limits."""
    work, case = cast(Any, shared(name)), workload(name).cases[0]

    def differ(one: Any, other: Any) -> bool:
        pairs = [(value, other[quantity][tensor]) for quantity, of in one.items() for tensor, value in of.items()]
        return any(not np.array_equal(densified(a, 1_000), densified(b, 1_000)) for a, b in pairs)

    openings = opening(name), dataclasses.replace(opening(name), jitter=1)
    assert differ(*(workload(name).expected(opening, case, np.float64) for opening in openings))
    found = work.answers(case)
    with monkeypatch.context() as moved:
        moved.setattr(work, "jitter", 1)
        work.start()
        assert differ(found, work.answers(case))
    work.start()


@pytest.mark.any_version
def test_each_launch_of_rebuild_has_weights_of_its_own() -> None:
    """Its answers differ even with equal weights: sums are split where memory lies."""
    openings = TINY, dataclasses.replace(TINY, jitter=1)
    expected = [workload("rebuild").expected(opening, "third", np.float64)["logits"][""] for opening in openings]
    assert not np.array_equal(expected[0], expected[1])
    one, other = (cast(Any, workload("rebuild").open(opening))._initial for opening in openings)
    assert one.keys() == other.keys()
    assert not all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.any_version
@pytest.mark.parametrize("name", [pytest.param("fit", marks=pytest.mark.slow), "predict"], scope="module")
def test_what_keras_loop_traces_in_a_later_unit_is_counted(name: str) -> None:
    """Here for ids of another type."""
    import tensorflow as tf

    def of_type(ids: Any, kind: Any) -> Any:
        if isinstance(ids, np.ndarray):
            return ids.astype(kind)
        return ids.map(lambda *both: tuple(tf.cast(each, kind) for each in both))

    work, found = started(name), []
    for unit, kind in enumerate((np.int32, np.int32, np.int64)):
        work.do(of_type(work.prepare(unit), kind))
        found.append(work.retraces)
    assert found == [0, 0, 1]


@pytest.mark.parametrize("name", answering(slow=[name for name in names() if name != "masked"]), scope="module")
def test_relocation_goes_unseen(name: str) -> None:
    """To the last bit, but for `rebuild`, whose models lie elsewhere each time: sums are split where memory lies."""
    work, case = shared(name), workload(name).cases[0]
    still = work.answers(case)
    work.relocate()
    for quantity, of in work.answers(case).items():
        for tensor, value in of.items():
            found, wanted = densified(value, 1_000), densified(still[quantity][tensor], 1_000)
            np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 if name == "rebuild" else 0)


@pytest.mark.any_version
@pytest.mark.parametrize("name", ["masked", "predict-call", "fit", "save", "optimizers"], scope="module")
def test_relocation_moves_every_weight(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    work, moved = workload(name).open(TINY), list[Any]()
    work.build()
    for module in ("lm.runtime", type(work).__module__):  # the name may be the module's own
        monkeypatch.setattr(f"{module}.relocate", moved.extend, raising=False)
    work.relocate()
    shapes = TINY.config.weight_shapes()
    of_each = [shapes[optimizers.DENSE], shapes[optimizers.SPARSE]]
    wanted = len(OPTIMIZERS) * of_each if name == "optimizers" else list(shapes.values())
    assert [tuple(variable.shape) for variable in moved] == wanted


@pytest.mark.any_version
def test_a_fingerprint_is_of_workload_and_configuration() -> None:
    other = dataclasses.replace(TINY, config=dataclasses.replace(TINY.config, seed=1))
    found = [workload(each.values[0]).open(one).fingerprint for each in ANSWERING for one in (TINY, other)]
    assert len(set(found)) == len(found)


@pytest.mark.any_version
@pytest.mark.parametrize("name", ["predict", "predict-call", "predict-shapes"])
def test_the_predictions_of_a_unit_are_those_of_its_mean_length(name: str) -> None:
    """100 units of predict-shapes have 1 to 100 steps: 50.5 on average."""
    found = cast(Calls, workload(name))
    mean = np.mean([found.length(TINY.config, unit) for unit in range(100)])
    assert found.open(TINY).tokens == int(mean)


@pytest.mark.any_version
@pytest.mark.parametrize(
    "name", [one for each in ANSWERING for one in each.values if not isinstance(workload(one), Calls)]
)
def test_the_predictions_of_a_unit_are_those_of_its_batches(name: str) -> None:
    """In a batch of `tiny` 8 sequences have 10 steps."""
    batches = {"data": data.BATCHES, "fit": fit.UPDATES["tiny"], "save": 0, "optimizers": 0, "optimizers-twice": 0}
    apart = {"large-batch": large_batch.BATCH * large_batch.STEPS}
    assert workload(name).open(TINY).tokens == apart.get(name, batches.get(name, 1) * 8 * 10)


@pytest.mark.any_version
def test_a_launch_of_fit_starts_from_draws_of_its_own_seed() -> None:
    """The same on both sides: their fitted losses are compared launch by launch."""
    from lm.workloads.parts.keras_optimizers import values_of

    drawn = []
    for seed in (1, 1, 2):
        work = cast(Any, workload("fit").open(dataclasses.replace(TINY, jitter=seed)))
        work.build()
        drawn.append(values_of(work._model.trainable_variables)[0])
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


def test_what_is_written_fits_its_room() -> None:
    work = cast(Any, shared("save"))
    size = sum(path.stat().st_size for path in work.given.rglob("*") if path.is_file())
    assert 0 < size < workload("save").file_bytes(work.config)
    assert all(work.promised(f"given {form}") for form in FORMATS)


@pytest.mark.any_version
def test_a_refusal_without_words_is_told_by_its_type(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    class Refused:
        def get_concrete_function(self) -> None:
            pass

        def __call__(self, *given: object) -> None:
            raise tf.errors.InternalError(None, None, "")

    work = workload("xla").open(TINY)
    work.build()
    monkeypatch.setattr(tf, "function", lambda *given, **named: Refused())
    with pytest.raises(CompilationError, match=r"^InternalError$"):
        work.trace()
