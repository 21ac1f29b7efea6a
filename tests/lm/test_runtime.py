"""The description of the TensorFlow at hand, checked against what pip and TensorFlow say."""

import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from packaging.version import Version

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed in the Python that runs this test")

from bench.drive.lockfile import TENSORFLOW  # noqa: E402
from lm import runtime  # noqa: E402  # it imports TensorFlow, which may be missing

pytestmark = pytest.mark.tensorflow


def output_of(code: str, **variables: str) -> str:
    """Returns a fresh process's last line: threads and oneDNN are settled once for a process."""
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()[-1]


def test_versions() -> None:
    (owner,) = {*importlib.metadata.packages_distributions()["keras"]}  # of a candidate, keras-nightly
    assert runtime.versions() == {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "distribution": runtime.distribution(),
        "keras": importlib.metadata.version(owner),
        "numpy": np.__version__,
    }


@pytest.mark.parametrize(("device", "waits"), [("cpu:0", 0), ("cpu:1", 0), ("gpu:0", 1)])
def test_only_an_accelerator_is_waited_for(monkeypatch: pytest.MonkeyPatch, device: str, waits: int) -> None:
    asked: list[None] = []
    monkeypatch.setattr(tf.test.experimental, "sync_devices", lambda: asked.append(None))
    runtime.wait(device)
    assert len(asked) == waits


def test_the_distribution_is_the_package_that_the_files_came_from() -> None:
    owners = importlib.metadata.packages_distributions()["tensorflow"]
    assert runtime.distribution() in [owner.replace("_", "-") for owner in owners]
    assert Version(importlib.metadata.version(runtime.distribution())) == Version(tf.__version__)  # 2.22.0-rc0


def test_the_names_of_distributions_are_those_by_which_locks_are_read() -> None:
    assert runtime.DISTRIBUTIONS == TENSORFLOW


def test_a_distribution_of_no_usual_name_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "DISTRIBUTIONS", ("tensorflow-of-another-name",))
    assert runtime.distribution() == "unknown"


@pytest.mark.any_version
def test_threads_onednn_and_logical_cpus_are_what_a_process_was_told(tmp_path: Path) -> None:
    """The model of `save`, which no graph places, lies on the device that is named."""
    code = f"""
import os
import tensorflow as tf
from lm import runtime
runtime.set_threads(1)
runtime.set_logical_cpus(2)
runtime.require_device("cpu:1")
intra_op, inter_op = (
    getattr(tf.config.threading, f"get_{{kind}}_op_parallelism_threads")() for kind in ("intra", "inter")
)
with tf.device("cpu:1"):
    device = tf.zeros(1).device[-5:]

from lm.compat import tf_variable
from lm.config import CONFIGS
from lm.workloads.protocol import Opening
from lm.workloads.save import Workload
os.chdir({str(tmp_path)!r})
work = Workload().open(Opening(CONFIGS["tiny"], "cpu:1"))
work.build()
work.start()
work.do(work.prepare(0))
variables = (*work._model.trainable_variables, *work._model.optimizer._momentums)
print(runtime.onednn_enabled(), intra_op, inter_op, device, {{tf_variable(one).device[-5:] for one in variables}})
"""
    # Only TensorFlow for x86-64 has oneDNN without being built for it. tests/bench/micro/test_suite.py turns it off.
    onednn = platform.machine() == "x86_64"
    assert output_of(code, TF_ENABLE_ONEDNN_OPTS="1") == f"{onednn} 1 1 CPU:1 {{'CPU:1'}}"


@pytest.mark.parametrize(("told", "enabled"), [("1", True), ("0", False)])
def test_a_tensorflow_that_has_moved_a_private_name_is_described_by_the_variable(
    monkeypatch: pytest.MonkeyPatch, told: str, enabled: bool
) -> None:
    """The name is neither a module that can be imported nor an attribute of its package."""
    from tensorflow.python import util

    monkeypatch.setitem(sys.modules, "tensorflow.python.util._pywrap_util_port", None)
    monkeypatch.delattr(util, "_pywrap_util_port", raising=False)
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", told)
    assert runtime.onednn_enabled() is enabled


@pytest.mark.parametrize(("named", "threads"), [("", 0), ("3", 3), ("0", 0), ("-1", 0), ("many", 0)])
def test_threads_may_be_told_by_a_variable(monkeypatch: pytest.MonkeyPatch, named: str, threads: int) -> None:
    """A value that is no number above 0 counts as none."""
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", named)
    assert runtime.intra_op_threads() == threads
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: 2)
    assert runtime.intra_op_threads() == 2  # a call comes before a variable


@pytest.fixture
def tf32() -> Iterator[Callable[[], bool]]:
    """TensorFlow's own word on TF32, which is on at first and after the test."""
    experimental = tf.config.experimental
    experimental.enable_tensor_float_32_execution(True)
    yield experimental.tensor_float_32_execution_enabled
    experimental.enable_tensor_float_32_execution(True)


def test_tf32_is_on_until_a_gpu_is_to_compute_in_float32(tf32: Callable[[], bool]) -> None:
    assert runtime.tensor_float_32_enabled() is True
    runtime.turn_off_tensor_float_32("cpu:0")  # means nothing there
    assert tf32()
    runtime.turn_off_tensor_float_32("gpu:0")
    assert not tf32()
    assert runtime.tensor_float_32_enabled() is False


def test_asking_for_a_gpu_leaves_tf32_as_it_is(tf32: Callable[[], bool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda: [tf.config.LogicalDevice("/device:GPU:0", "GPU")])
    runtime.require_device("gpu:0")
    assert tf32()


def test_a_gpu_s_memory_is_tensorflow_s_own_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU stands in for a GPU. TensorFlow knows a device by its name in capitals alone."""
    ask = tf.config.experimental.get_memory_info

    def asked(device: str) -> dict[str, int]:
        try:
            ask(device.replace("GPU", "CPU"))
        except ValueError as error:  # without oneDNN, as on a CPU with AVX2 alone, a CPU's allocator doesn't count
            if "Allocator stats not available" not in str(error):
                raise
        return {"peak": 7}

    monkeypatch.setattr(tf.config.experimental, "get_memory_info", asked)
    assert runtime.peak_gpu_bytes("gpu:0") == 7


def test_each_trace_but_the_first_is_one_too_many() -> None:
    function = tf.function(lambda values: 2 * values, autograph=False)
    found = [runtime.retraces(function)]
    for length in (1, 1, 2, 3):
        function(tf.zeros(length))
        found.append(runtime.retraces(function))
    assert found == [0, 0, 0, 1, 2]
    with pytest.raises(AttributeError):  # a TensorFlow that no longer counts: 0 would pass for ever
        runtime.retraces(object())


def test_gpu_memory_that_tensorflow_does_not_tell_is_no_failure() -> None:
    assert runtime.peak_gpu_bytes("gpu:7") is None


def test_each_device_that_is_missing_is_named() -> None:
    with pytest.raises(runtime.DeviceError, match=r"^there is no device 'gpu:7' and no 'gpu:8'; TensorFlow"):
        runtime.require_device("gpu:7", "cpu:0", "gpu:8")


@pytest.mark.parametrize("device", ["gpu:7", "cpu:1", "tpu", ""])
def test_a_missing_device_is_named_beside_those_that_are_there(device: str) -> None:
    with pytest.raises(
        runtime.DeviceError, match=rf"^there is no device '{device}'; TensorFlow {tf.__version__} sees cpu:0"
    ):
        runtime.require_device(device)
