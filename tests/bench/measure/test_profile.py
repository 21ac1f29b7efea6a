"""A target profiled in this very process: what the answer holds, and that its rows add up to the step."""

import itertools
import os
import re
import statistics
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from bench.drive.plan import Plan
from bench.measure.profile import WARM_UP, require_complete
from bench.measure.session import Session
from bench.profile.layers import NO_SCOPE, layers
from bench.profile.table import by_kind, table
from bench.profile.timeline import timeline
from bench.record.profile import CALL_MARK, TARGETS, Line, Operation, Profiled, Trace

pytestmark = pytest.mark.tensorflow

# The gate measures neither, and nothing is asserted of `layers` alone.
OTHERS = {"layers": [pytest.mark.any_version, pytest.mark.slow], "fused": [pytest.mark.any_version]}

# A trace of two steps, in which nothing of a GPU was recorded.
OF_HOST = Trace(
    (Operation("a", "MatMul"),), (Line("worker", False, False, (0,), (0,), (50,)),), ((0, 50), (50, 100)), ()
)


@pytest.fixture(scope="module", autouse=True)
def known_rate() -> Iterator[None]:
    """Products that tell the machine's rate take both cores a second: tests/lm/hot_paths has them."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("lm.hot_paths.roofline.matmul_flops_per_second", lambda device: 1e9)
        yield


@pytest.fixture(scope="module")
def session() -> Session:
    made = Session()
    made.describe()
    made.open(**Plan("tiny", 4).opening(jitter=0))
    return made


@pytest.fixture(scope="module")
def step(session: Session, tmp_path_factory: pytest.TempPathFactory) -> Profiled:
    """The profiled step of `cells`, which several tests look at."""
    return session.profile("step", 8, str(tmp_path_factory.mktemp("step")))


def seconds_by_kind(profiled: Profiled) -> dict[str, float]:
    return {row.name.removeprefix("_Mkl"): row.seconds for row in table(timeline(profiled.trace), by_kind)}


@pytest.mark.parametrize(
    "target", [pytest.param(name, marks=[] if name == "forward" else pytest.mark.any_version) for name in TARGETS]
)
def test_each_target_is_profiled(request: pytest.FixtureRequest, session: Session, tmp_path: Path, target: str) -> None:
    if target == "step":
        profiled = request.getfixturevalue("step")
    else:
        profiled = session.profile(target, 8, str(tmp_path))
        assert sorted(tmp_path.rglob("*.xplane.pb"))
    assert len(profiled.trace.windows_ns) == len(profiled.plain_seconds) == len(profiled.profiled_seconds) == 8
    windows = [(end - start) / 1e9 for start, end in profiled.trace.windows_ns]
    longer = [window / seconds for window, seconds in zip(windows, profiled.profiled_seconds, strict=True)]
    assert statistics.median(longer) == pytest.approx(1, rel=0.05)
    rows = seconds_by_kind(profiled)
    assert sum(rows.values()) == pytest.approx(sum(sorted(windows)[2:6]) / 4, rel=0.05)
    assert {"forward": "BiasAdd", "gradient": "BiasAddGrad", "clip": "L2Loss", "step": "L2Loss"}[target] in rows
    if target == "forward":  # the output layer's product has 80 tokens × 16 by 16 × 500: 2·80·16·500 operations
        assert 1_280_000 in {operation.flops for operation in profiled.trace.operations}
    assert profiled.traces.count == 1
    assert "node {" in profiled.dump.graph
    assert profiled.dump.nodes.count(" = ") > 10
    assert "HloModule" in profiled.dump.hlo
    assert profiled.matmul_flops_per_second == 1e9


@pytest.mark.any_version
def test_a_target_is_called_once_after_a_mark(
    session: Session, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from lm.hot_paths.paths import HotPath  # needs TensorFlow

    right = HotPath.run

    def telling(path: HotPath, arguments: Sequence[Any]) -> None:
        right(path, arguments)
        os.write(1, b"ran\n")

    monkeypatch.setattr(HotPath, "run", telling)
    session.call("clip")
    assert capfd.readouterr().out.splitlines() == [*["ran"] * WARM_UP, CALL_MARK, "ran"]


@pytest.mark.any_version
def test_a_unit_of_a_workload_is_profiled(tmp_path: Path) -> None:
    made = Session()
    made.describe()
    made.open(**Plan("tiny", 4, corpus="", implementation="", workload="masked").opening(jitter=0))
    profiled = made.profile("step", 8, str(tmp_path))
    assert len(profiled.trace.windows_ns) == 8
    windows = [(end - start) / 1e9 for start, end in profiled.trace.windows_ns]
    longer = [window / seconds for window, seconds in zip(windows, profiled.profiled_seconds, strict=True)]
    assert statistics.median(longer) == pytest.approx(1, rel=0.05)
    assert "MatMul" in seconds_by_kind(profiled)
    assert (profiled.traces.count, profiled.dump.graph) == (1, "")


@pytest.mark.parametrize(
    ("steps", "device", "message"),
    [
        (2, "cpu:0", None),
        (3, "cpu:0", "it holds 2 of 3 steps, as its buffer is limited: give fewer --steps"),
        (2, "gpu:0", r"it holds nothing of gpu:0: this TensorFlow can't reach the GPU's profiler \(CUPTI\)"),
    ],
)
def test_a_trace_that_lacks_something_is_refused(steps: int, device: str, message: str | None) -> None:
    if message is None:
        require_complete(OF_HOST, steps, device)
    else:
        with pytest.raises(ValueError, match=message):
            require_complete(OF_HOST, steps, device)


@pytest.mark.any_version
@pytest.mark.parametrize(
    ("steps", "device", "message"), [(4, "cpu:0", "it holds 2 of 4 steps"), (2, "gpu:0", "it holds nothing of gpu:0")]
)
def test_a_profile_of_a_trace_that_lacks_something_is_refused(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int, device: str, message: str
) -> None:
    monkeypatch.setattr("bench.measure.profile.trace_of", lambda *given: OF_HOST)
    monkeypatch.setattr(session.work, "device", device)
    with pytest.raises(ValueError, match=message):
        session.profile("clip", steps, str(tmp_path))


def test_a_trace_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="the trace is incomplete: it holds nothing of what happened in its steps"):
        require_complete(Trace((), (), ((0, 100),), ()), 1, "cpu:0")
    with pytest.raises(ValueError, match="the trace is incomplete: it holds 0 of 1 steps"):
        require_complete(Trace((), (), (), ()), 1, "cpu:0")


@pytest.mark.parametrize(
    "implementation", ["cells", *(pytest.param(name, marks=marks) for name, marks in OTHERS.items())]
)
def test_operations_of_the_step_belong_to_layers(
    request: pytest.FixtureRequest, tmp_path: Path, implementation: str
) -> None:
    """`fused` has a scope for all that takes time; what is Keras' is not ours to name."""
    if implementation == "cells":
        profiled = request.getfixturevalue("step")
    else:
        opened = Session()
        opened.open(**Plan("tiny", 4, implementation=implementation).opening(jitter=0))
        profiled = opened.profile("step", 8, str(tmp_path))
    assert profiled.dump.hlo_problem == ""
    times = timeline(profiled.trace)
    names = layers(cell.operation.name for cell in times.cells)
    seconds = {row.name: row.seconds for row in table(times, lambda operation: names[operation.name])}
    assert {"embedding", "lstm 0", "lstm 1", "output", "output, gradient", "clipping"} <= set(seconds)
    if implementation == "fused":
        assert {"lstm 0, gradient", "lstm 1, gradient", "update"} <= set(seconds)
        unknown = sum(value for name, value in seconds.items() if name.startswith(NO_SCOPE))
        assert unknown < 0.1 * sum(seconds.values())


class EachTimeAnother(tuple[int, ...]):
    """Arguments that hold another number whenever they are handed over."""

    def __iter__(self) -> Iterator[int]:
        return iter((next(NUMBERS),))


NUMBERS = itertools.count()


def _number_from(monkeypatch: pytest.MonkeyPatch, arguments: Iterator[tuple[int, ...]]) -> None:
    """Makes "forward" a part that takes a Python number, the next of `arguments`, for each batch."""
    import tensorflow as tf

    from lm.hot_paths import paths

    part = paths.PATHS["forward"]._replace(body=lambda trainer: lambda number: tf.constant(1.0) * number)
    monkeypatch.setitem(paths.PATHS, "forward", part)
    monkeypatch.setattr(paths, "arguments", lambda trainer, name, batch: next(arguments))


def test_a_target_that_takes_pythons_numbers_is_traced_for_each(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first batch has 17, the next 23, then 17: two traces, none recorded, too few for TensorFlow to warn."""
    monkeypatch.setattr("lm.hot_paths.profiler.retracing_messages", lambda: nullcontext(["5 out of the last 5 calls"]))
    _number_from(monkeypatch, itertools.chain(((17,), (23,)), itertools.repeat((17,))))
    traces = session.profile("forward", 4, str(tmp_path)).traces
    assert (traces.count, traces.messages) == (2, ("5 out of the last 5 calls",))
    assert {"17", "23"} <= set(re.findall(r"\d+", " ".join(traces.signatures)))


@pytest.mark.any_version
def test_steps_take_the_next_batches_in_turn(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that units of `predict-shapes` have other lengths."""
    from lm.hot_paths.paths import HotPath

    _number_from(monkeypatch, iter(()))
    monkeypatch.setattr("lm.hot_paths.paths.arguments", lambda trainer, name, batch: (batch,))
    monkeypatch.setattr(session.work, "prepare", lambda number: number)
    taken: list[int] = []
    run = HotPath.run

    def telling(path: HotPath, arguments: tuple[int, ...]) -> None:
        taken.append(arguments[0])
        run(path, arguments)

    monkeypatch.setattr(HotPath, "run", telling)
    session.profile("forward", 10, str(tmp_path))
    steps = [number % 8 for number in range(10)]  # each batch as often with the profiler as without
    assert taken == [taken[0] + number for number in (*range(8), *steps[:5], *steps, *steps[5:])]


@pytest.mark.any_version
def test_what_is_traced_while_it_is_recorded_is_refused(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lm.hot_paths.profiler import ProfilerError

    _number_from(monkeypatch, itertools.repeat(EachTimeAnother()))
    with pytest.raises(ProfilerError, match="forward was traced 4 times while it was recorded"):
        session.profile("forward", 4, str(tmp_path))
