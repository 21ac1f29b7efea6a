"""How a case is timed: what is refused, what is restored, what is rotated, and what extra_info says.

By pytest-benchmark's own fixture.
"""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="TensorFlow is not installed in the Python that runs this test")
pytest.importorskip("pytest_benchmark", reason="pytest-benchmark is not installed in the Python that runs this test")

from bench.micro.answers import WrongAnswerError, require_close  # what follows imports TensorFlow, which may be missing
from bench.micro.case import ROUNDS, SHORT, WARM_UP_ROTATIONS, Case, TracingError
from bench.micro.material import BATCHES, material
from lm.hot_paths import paths
from lm.hot_paths.costs import Cost
from lm.training.trainer import Trainer

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.any_version,
    pytest.mark.filterwarnings("ignore:Benchmark fixture was not used"),  # a refused case times nothing, on purpose
]

MATERIAL = material("tiny")
RATE = 1e9


class Spy:
    """A path that keeps its arguments, and claims to be traced whenever `traced` says so of the number of its calls."""

    def __init__(self, traced: Any = lambda calls: calls == 1) -> None:
        self.traces = 0
        self.given: list[Any] = []
        self._traced = traced

    def __call__(self, *arguments: Any) -> Any:
        self.given.append(arguments)
        self.traces += bool(self._traced(len(self.given)))
        return arguments


@pytest.fixture
def case(benchmark: Any) -> Case:
    return Case(benchmark, MATERIAL, "cpu:0", "graph", {"target": "spy", "matmul_flops_per_second": RATE})


def measure(case: Case, path: Any, check: Any = lambda result: None, **options: Any) -> None:
    case.measure(
        path,
        [(index,) for index in range(BATCHES)],
        check=check,
        cost=Cost(500, 70),
        **options,
    )


def test_the_rounds_are_fixed_and_rotate_over_all_batches(case: Case, benchmark: Any) -> None:
    """One call for the check, one rotation of 4 to warm up, 16 timed rounds."""
    spy = Spy()
    measure(case, spy)
    assert len(spy.given) == 1 + BATCHES + ROUNDS["graph"]
    assert [given[0] for given in spy.given] == [index % BATCHES for index in range(len(spy.given))]
    assert benchmark.stats.stats.rounds == ROUNDS["graph"]


def test_a_round_ends_when_the_device_has_computed(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call on a GPU returns before."""
    order: list[str] = []
    monkeypatch.setattr("bench.micro.case.wait", order.append)
    measure(case, Spy(traced=lambda calls: order.append("call")))
    assert order == ["call", "cpu:0"] * (1 + BATCHES + ROUNDS["graph"])


def test_a_path_without_products_takes_more_rounds(case: Case, benchmark: Any) -> None:
    case.measure(Spy(), [()], check=lambda result: None, cost=Cost(0, 70))
    assert benchmark.stats.stats.rounds == SHORT * ROUNDS["graph"]


def test_every_round_starts_from_the_initial_weights_and_a_zero_state(case: Case) -> None:
    trainer = Trainer(MATERIAL.config)
    found = []

    def step(index: int) -> Any:
        found.append((trainer.weights["output/bias"], trainer.state["lstm1/c"]))
        return trainer.train_step(*MATERIAL.batches[index])

    case.mode = "eager"
    measure(case, paths.HotPath(step, "cpu:0", "eager"), trainer=trainer)
    assert len(found) == 1 + BATCHES + ROUNDS["eager"]
    for bias, state in found:
        assert np.array_equal(bias, MATERIAL.weights["output/bias"])
        assert not state.any()
    assert not np.array_equal(trainer.weights["output/bias"], MATERIAL.weights["output/bias"])


def test_a_wrong_answer_is_not_timed(case: Case, benchmark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = Trainer(MATERIAL.config)
    right = trainer.model.logits
    monkeypatch.setattr(trainer.model, "logits", lambda inputs, masks: 1.01 * right(inputs, masks))
    with pytest.raises(WrongAnswerError, match=r"logits is 1\.00e-02 off the oracle's"):
        case.measure_path(
            trainer,
            "forward",
            check=lambda logits: require_close("logits", logits, MATERIAL.answer.logits),
        )
    assert benchmark.stats is None


def test_a_path_that_is_traced_at_every_call_is_refused(case: Case, benchmark: Any) -> None:
    spy = Spy(traced=lambda calls: True)
    with pytest.raises(TracingError, match=f"still traced after {WARM_UP_ROTATIONS} rotations of {BATCHES} calls"):
        measure(case, spy)
    assert benchmark.stats is None


def test_a_trace_that_comes_late_is_warmed_up_to(case: Case) -> None:
    """Traced at the check and at the last call of the first rotation: a second rotation is taken."""
    spy = Spy(traced=lambda calls: calls in (1, 1 + BATCHES))
    measure(case, spy)
    assert len(spy.given) == 1 + 2 * BATCHES + ROUNDS["graph"]


def test_a_trace_in_the_timed_rounds_is_refused(case: Case) -> None:
    with pytest.raises(TracingError, match="the timed rounds were traced 1 times"):
        measure(case, Spy(traced=lambda calls: calls == 1 + BATCHES + 3))


def test_eager_calls_are_not_traces(case: Case) -> None:
    case.mode = "eager"
    spy = Spy(traced=lambda calls: True)
    measure(case, spy)
    assert len(spy.given) == 1 + BATCHES + ROUNDS["eager"]


def test_extra_info_says_what_a_round_did(case: Case, benchmark: Any) -> None:
    """Of a median of m seconds: words / m, and 500 operations / m over a rate of 1e9."""
    measure(case, Spy(), words=1000)
    median, info = benchmark.stats.stats.median, benchmark.extra_info
    assert info["words_per_second"] == pytest.approx(1000 / median)
    assert info["matmul_fraction"] == pytest.approx(500 / median / RATE)
    assert (info["target"], info["flops"], info["bytes"], info["words"]) == ("spy", 500, 70, 1000)
    assert info["fingerprint"] == MATERIAL.fingerprint


def test_words_are_a_batchs_if_nothing_is_said(case: Case, benchmark: Any) -> None:
    measure(case, Spy())
    assert benchmark.extra_info["words"] == MATERIAL.config.tokens_per_step
