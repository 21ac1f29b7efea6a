"""A session with TensorFlow, asked as a worker asks it."""

import dataclasses
import gc
import itertools
import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from bench.drive.plan import Plan
from bench.machine import this_machine, usable_cores
from bench.measure.checked import ANSWERS, OWN
from bench.measure.exchange import Exchange
from bench.measure.session import Session, _timed
from bench.measure.worker import drain
from bench.record.codec import from_plain, to_plain
from bench.record.replies import Block, Opened
from lm.config import CONFIGS, ConfigError
from lm.data.batches import batch
from lm.data.load import load_corpus
from lm.training.checkpoint import CheckpointError
from lm.training.initial import initial_weights, weights_sha256

pytestmark = pytest.mark.tensorflow

TINY = CONFIGS["tiny"]
SHORT = 248  # tokens: 8 rows of 31, so (31 − 1) / 10 = 3 batches


def change(session: Session, **parts: Any) -> None:
    """Replaces parts of the work."""
    vars(session.work).update(parts)


@pytest.fixture(scope="module")
def jittered() -> tuple[Session, Opened, Any]:
    """A session that starts from weights of its own, what it said of them and the weights."""
    session = Session()
    answer = session.open(**Plan("tiny", 30).opening(jitter=7))
    return session, answer, session.trainer.weights


@pytest.fixture
def session(jittered: tuple[Session, Opened, Any]) -> Session:
    """A session as good as new; opened once, since tracing takes seconds."""
    restart(jittered[0])
    return jittered[0]


def restart(session: Session) -> None:
    """Goes back to the start of the training, as another session of the same would begin."""
    change(session, config=TINY, corpus=load_corpus("synthetic", TINY))
    session._next_step = session._next_evaluation = 0
    session.trainer.weights, session.trainer.learning_rate = initial_weights(TINY), TINY.learning_rate
    session.trainer.zero_state()


def shorten(session: Session) -> None:
    """Leaves a few tokens of each split."""
    splits = {name: getattr(session.corpus, name)[:SHORT] for name in ("train", "valid", "test")}
    change(session, corpus=dataclasses.replace(session.corpus, **splits))


def taken(session: Session, count: int) -> Block:
    return drain(session.steps(count))


def through_json(value: Any) -> Any:
    """The value as the orchestrator gets it: anything of NumPy's or TensorFlow's would not pass."""
    return from_plain(type(value), json.loads(json.dumps(to_plain(value), allow_nan=False)))


def test_what_is_done_once_is_timed_after_a_collection() -> None:
    """So garbage of before isn't collected meanwhile: that takes as long as tracing a small model."""
    events: list[str] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if (phase, info["generation"]) == ("stop", 2):
            events.append("collected")

    gc.callbacks.append(note)
    try:
        _timed(lambda: events.append("done"))
    finally:
        gc.callbacks.remove(note)
    assert events == ["collected", "done"]


def test_steps_that_tell_are_the_same_steps(session: Session) -> None:
    """A generator of the steps done, whose return value is the block."""
    told: list[int] = []
    block = drain(session.steps(4, tell=True), told.append)
    assert told == [0, 1, 2, 3]
    restart(session)
    assert block.losses == taken(session, 4).losses


def test_describe_says_what_runs_here(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    from lm import runtime

    versions = runtime.versions

    def imported() -> dict[str, str]:
        """As scikit-learn does where Keras imports it."""
        monkeypatch.setenv("KMP_INIT_AT_FORK", "FALSE")
        return versions()

    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "1")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
    monkeypatch.setenv("LD_PRELOAD", "libc.so.6")  # every process has it
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "DEFAULT")
    monkeypatch.setenv("DNNL_VERBOSE", "0")
    for name in ("SECRET_TOKEN", "TF_TOKEN_app_terraform_io", "TF_VAR_db_password"):
        monkeypatch.setenv(name, "a secret")
    monkeypatch.setattr(runtime, "versions", imported)
    description = Session().describe()
    assert through_json(description) == description
    environment = description.environment
    assert "KMP_INIT_AT_FORK" not in environment.variables  # it isn't the user's
    assert (environment.tensorflow, environment.numpy) == (tf.__version__, np.__version__)
    assert environment.distribution.startswith("tensorflow")
    assert environment.threads == usable_cores()
    assert environment.variables["TF_CPP_MIN_LOG_LEVEL"] == environment.variables["OPENBLAS_NUM_THREADS"] == "1"
    allocators = {"MALLOC_ARENA_MAX": "2", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", "LD_PRELOAD": "libc.so.6"}
    assert allocators.items() <= environment.variables.items()
    assert (environment.variables["ONEDNN_MAX_CPU_ISA"], environment.variables["DNNL_VERBOSE"]) == ("DEFAULT", "0")
    assert "a secret" not in environment.variables.values()
    assert environment.tensor_float_32 is True  # TensorFlow's default
    assert environment.affinity == tuple(sorted(os.sched_getaffinity(0)))
    assert description.machine == this_machine()


def test_the_libraries_that_are_read_anew_are_tensorflow_s(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow  # noqa: F401  imported, it names Keras's folder as a place of its submodules too

    found: list[Path] = []
    monkeypatch.setattr("bench.measure.session.forget_libraries", found.append)
    Session().read_anew()
    assert [list(folder.glob("libtensorflow_cc.so*")) != [] for folder in found] == [True]


def test_open_names_what_is_trained(jittered: tuple[Session, Opened, Any]) -> None:
    _, answer, weights = jittered
    assert through_json(answer) == answer
    assert answer.subject.fingerprint == TINY.fingerprint(
        load_corpus("synthetic", TINY).sha256, weights_sha256(initial_weights(TINY))
    )
    assert (answer.subject.steps, answer.subject.num_steps, answer.subject.tokens_per_step) == (30, 10, 80)
    assert min(answer.build_seconds, answer.trace_seconds) > 0
    for name, weight in initial_weights(TINY, 7).items():
        np.testing.assert_array_equal(weights[name], weight)


def test_building_and_tracing_have_a_time_each(monkeypatch: pytest.MonkeyPatch) -> None:
    def timed(work: Callable[[], None]) -> float:
        work()
        return {"build": 1.0, "trace": 2.0}[work.__name__]

    monkeypatch.setattr("bench.measure.session._timed", timed)
    answer = Session().open(**Plan("tiny", 1, corpus="", implementation="", workload="data").opening(jitter=0))
    assert (answer.build_seconds, answer.trace_seconds) == (1.0, 2.0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"config": "huge"}, "no configuration is called 'huge'"),
        ({"corpus": "novel"}, "novel"),
        ({"device": "tpu:7"}, "there is no device 'tpu:7'"),
    ],
    ids=["config", "corpus", "device"],
)
def test_open_refuses_by_name(wrong: dict[str, str], message: str) -> None:
    with pytest.raises((ConfigError, ValueError, RuntimeError), match=message):
        Session().open(**{**Plan("tiny", 30).opening(jitter=0), **wrong})


def test_blocks_go_on_where_the_last_one_ended(session: Session) -> None:
    losses = taken(session, 5).losses
    restart(session)
    assert taken(session, 3).losses + taken(session, 2).losses == losses
    assert len(set(losses)) == 5


def test_a_block_passes_through_json(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.measure.session.rss_bytes", lambda: 9)
    block = taken(session, 5)
    assert through_json(block) == block
    assert len(block.losses) == len(block.seconds) == len(block.cpu_seconds) == 5
    assert all(seconds > 0 for seconds in block.cpu_seconds)
    assert block.rss_bytes == 9


@pytest.mark.parametrize(
    ("work", "turned_off"),
    [
        (lambda session, folder: taken(session, 1), []),
        (lambda session, folder: session.evaluation_steps(1), []),
        (lambda session, folder: session.share(str(folder / "exchange"), "reference"), ["cpu:0"]),
        (lambda session, folder: session.publish(str(folder)), ["cpu:0"]),
        (lambda session, folder: session.share_answers(str(folder), {}), ["cpu:0"]),
    ],
    ids=["steps", "evaluation", "lockstep", "oracle", "answers"],
)
def test_only_what_is_compared_number_by_number_is_without_tf32(
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    work: Callable[[Session, Path], Any],
    turned_off: list[str],
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("lm.runtime.turn_off_tensor_float_32", asked.append)
    Exchange.create(tmp_path / "exchange", TINY, lockstep=True)
    Exchange.create(tmp_path / OWN, TINY)
    (tmp_path / ANSWERS).write_bytes(bytes(4))
    work(session, tmp_path)
    assert asked == turned_off


@pytest.mark.parametrize(("device", "done"), [("cpu:0", ["off"]), ("gpu:0", ["off", "traced"])])
def test_what_is_compiled_for_a_gpu_is_compiled_anew_without_tf32(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, device: str, done: list[str]
) -> None:
    found: list[str] = []
    session = Session()
    session.work = cast(Any, SimpleNamespace(device=device, trace=lambda: found.append("traced")))
    monkeypatch.setattr("lm.runtime.turn_off_tensor_float_32", lambda _: found.append("off"))
    (tmp_path / ANSWERS).write_bytes(bytes(4))
    session.share_answers(str(tmp_path), {})
    assert found == done


@pytest.mark.parametrize("take", [taken, Session.evaluation_steps])
def test_a_block_ends_when_the_device_has_finished(
    session: Session, monkeypatch: pytest.MonkeyPatch, take: Callable[[Session, int], Block]
) -> None:
    """Waiting, once a block, takes an hour here, by a clock that jumps: the last step's time holds it."""
    waits: list[int] = []
    clock = time.perf_counter
    monkeypatch.setattr(session.work, "wait", lambda: waits.append(3600))
    monkeypatch.setattr(time, "perf_counter", lambda: clock() + sum(waits))
    block = take(session, 3)
    assert waits == [3600]
    assert [seconds > 3600 for seconds in block.seconds] == [False, False, True]


@pytest.mark.parametrize("take", [taken, Session.evaluation_steps])
def test_cpu_time_is_the_process_s(
    session: Session, monkeypatch: pytest.MonkeyPatch, take: Callable[[Session, int], Block]
) -> None:
    """By a clock that jumps by 100 s whenever it is read: before and after each step."""
    clock = itertools.count(0.0, 100.0)
    monkeypatch.setattr(time, "process_time", lambda: next(clock))
    block = take(session, 3)
    assert block.cpu_seconds == (100.0, 100.0, 100.0)
    assert max(block.seconds) < 100


def test_publishing_does_not_touch_the_training(session: Session, tmp_path: Path) -> None:
    left_alone = taken(session, 4).losses
    restart(session)
    Exchange.create(tmp_path / OWN, TINY)
    session.publish(str(tmp_path))
    losses = [session.take(step, with_logits=step == 2).loss for step in range(4)]
    assert tuple(losses) == left_alone


def test_steps_that_nothing_reads_leave_what_others_leave(session: Session, tmp_path: Path) -> None:
    taken(session, 2)
    weights, state = session.trainer.weights, session.trainer.state
    restart(session)
    exchange = Exchange.create(tmp_path / OWN, TINY)
    session.publish(str(tmp_path))
    session.repeat(2)
    assert all(np.array_equal(value, weights[name]) for name, value in exchange.updated(0).items())
    assert all(np.array_equal(value, state[name]) for name, value in exchange.results("state").items())


def test_a_block_ends_at_a_loss_that_is_not_finite(session: Session) -> None:
    taken(session, 1)
    session.trainer.weights = {name: np.full_like(weight, np.nan) for name, weight in session.trainer.weights.items()}
    block = taken(session, 5)
    assert len(block.losses) == len(block.seconds) == 1
    assert math.isnan(block.losses[0])
    assert math.isnan(through_json(block).losses[0])


def test_a_new_epoch_starts_from_a_zero_state_at_its_own_learning_rate(session: Session) -> None:
    shorten(session)
    change(session, config=dataclasses.replace(TINY, decay=0.25, decay_after_epoch=1))
    taken(session, 3)
    assert session.trainer.learning_rate == 1.0
    inputs, targets = batch(session.corpus.train, TINY, 0)
    session.trainer.zero_state()
    from_zero = float(session.trainer.evaluation_step(inputs, targets))
    session.trainer.state = {name: np.ones_like(value) for name, value in session.trainer.state.items()}
    assert taken(session, 1).losses[0] == pytest.approx(from_zero, rel=1e-6)
    assert session.trainer.learning_rate == 0.25  # 1 × 0.25^(2 − 1)


def test_the_state_is_carried_within_an_epoch(session: Session) -> None:
    first, carried = taken(session, 1).losses, taken(session, 1).losses
    restart(session)
    assert taken(session, 1).losses == first
    session.trainer.zero_state()
    assert taken(session, 1).losses != carried


def test_evaluation_leaves_the_training_alone(session: Session) -> None:
    left_alone = taken(session, 4).losses
    restart(session)
    assert taken(session, 2).losses == left_alone[:2]
    evaluation = session.evaluate(max_steps=3)
    assert through_json(evaluation) == evaluation
    assert evaluation.tokens == 240  # 3 batches of 80
    assert 100 < evaluation.perplexity < 1000  # of 500 words
    assert not evaluation.weights_changed
    assert taken(session, 2).losses == left_alone[2:]


def test_finish_counts(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.measure.session.peak_rss_bytes", lambda: 7)
    monkeypatch.setattr("bench.measure.session.file_rss_bytes", lambda: 5)
    taken(session, 2)
    finished = session.finish()
    assert through_json(finished) == finished
    assert finished.retraces == 0
    assert finished.graph_operations["MatMul"] > 0
    assert (finished.peak_rss_bytes, finished.file_rss_bytes) == (7, 5)
    assert finished.peak_gpu_bytes is None  # the session's device is a CPU


def test_a_training_is_heard_by_events_and_taken_up_again(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`tiny` has one epoch: of 3 steps here, of which the checkpoint keeps the result.

    Another implementation and another work don't take it up.
    """
    shorten(session)
    events = [to_plain(event) for event in session.train(str(tmp_path / "checkpoint.npz"), resume=False)]
    assert [next(iter(event)) for event in events if "Progress" not in event] == ["EpochResult", "TestResult"]
    restart(session)
    shorten(session)
    with monkeypatch.context() as other:
        other.setattr(session.trainer, "implementation", "fused")
        with pytest.raises(CheckpointError, match="implementation cells, this training fused"):
            list(session.train(str(tmp_path / "checkpoint.npz"), resume=True))
    with monkeypatch.context() as other:
        other.setattr(session.work, "fingerprint", "0123abcd")
        with pytest.raises(CheckpointError, match="fingerprint"):
            list(session.train(str(tmp_path / "checkpoint.npz"), resume=True))
    assert [to_plain(event) for event in session.train(str(tmp_path / "checkpoint.npz"), resume=True)] == events[-2:]


def test_evaluation_steps_are_timed_and_go_on_where_the_last_ended(session: Session) -> None:
    """The split has 3 batches here, of which the first follows the last."""
    shorten(session)
    first, second = session.evaluation_steps(2), session.evaluation_steps(3)
    assert (len(first.losses), len(first.seconds), len(first.cpu_seconds)) == (2, 2, 2)
    assert all(seconds > 0 for seconds in first.seconds)
    session.trainer.zero_state()
    again = [float(session.trainer.evaluation_step(*batch(session.corpus.valid, TINY, step % 3))) for step in range(5)]
    assert [*first.losses, *second.losses] == again


def test_a_process_is_pinned_to_the_core_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[set[int]] = []
    monkeypatch.setattr("bench.measure.session.pin", asked.append)
    Session().pin(3)
    assert asked == [{3}]


def test_relocation_moves_the_weights(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[str] = []
    monkeypatch.setattr(session.work, "relocate", lambda: moved.append("weights"))
    session.relocate()
    assert moved == ["weights"]


def test_relocation_goes_unseen_by_training(session: Session) -> None:
    still = taken(session, 3).losses
    restart(session)
    session.relocate()
    assert taken(session, 3).losses == still
