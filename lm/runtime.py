"""Versions, threads and devices of the TensorFlow at hand."""

import importlib.metadata
import os
import platform
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from lm.compat import keras_version

DISTRIBUTIONS = ("tensorflow", "tensorflow-cpu", "tf-nightly", "tf-nightly-cpu", "intel-tensorflow", "tensorflow-rocm")


class DeviceError(RuntimeError):
    """A device that isn't there; the message says what is."""


def set_threads(threads: int) -> None:
    """Sets TensorFlow's intra-op and inter-op threads, before its first operation. 0: as many as cores."""
    if threads:  # 0 is TensorFlow's own default
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


def intra_op_threads() -> int:
    """Returns the intra-op threads set by set_threads or else TF_NUM_INTRAOP_THREADS; 0: as many as cores."""
    named = os.environ.get("TF_NUM_INTRAOP_THREADS", "").strip()
    return tf.config.threading.get_intra_op_parallelism_threads() or (int(named) if named.isdecimal() else 0)


def set_logical_cpus(count: int) -> None:
    """Splits the CPU, before TensorFlow's first operation, into logical devices cpu:0 and on, as separate as GPUs."""
    if count > 1:
        cpus = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(cpus[0], [tf.config.LogicalDeviceConfiguration()] * count)


def versions() -> dict[str, str]:
    """Returns the versions of Python, TensorFlow, Keras and NumPy, and the distribution that holds TensorFlow."""
    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "distribution": distribution(),
        "keras": keras_version(),
        "numpy": np.__version__,
    }


def distribution() -> str:
    """Returns the installed package that holds TensorFlow; "unknown" if none of the usual names is installed."""
    for name in DISTRIBUTIONS:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        return name
    return "unknown"


def onednn_enabled() -> bool:
    """Returns whether TensorFlow says that it uses oneDNN's kernels on a CPU.

    The variable TF_ENABLE_ONEDNN_OPTS doesn't tell: where it isn't set, the build and the processor's features decide.
    But where a TensorFlow after 2.21 has moved the private name that does, the variable is all there is.
    """
    try:
        from tensorflow.python.util import _pywrap_util_port  # no public name has IsMklEnabled

        return bool(_pywrap_util_port.IsMklEnabled())
    except (ImportError, AttributeError):
        return os.environ.get("TF_ENABLE_ONEDNN_OPTS") != "0"


def tensor_float_32_enabled() -> bool:
    """Returns whether a GPU may round a product's factors to TF32, with 10 bits of mantissa for float32's 23.

    It means nothing on a CPU.
    """
    return bool(tf.config.experimental.tensor_float_32_execution_enabled())


def turn_off_tensor_float_32(device: str) -> None:
    """Makes a GPU compute in float32 from now on.

    To be called before the first step: cuDNN's recurrent layers keep the precision that they began with.
    """
    if device.startswith("gpu"):
        tf.config.experimental.enable_tensor_float_32_execution(False)


def peak_gpu_bytes(device: str) -> int | None:
    """Returns the peak GPU memory of this process' tensors; None on a CPU, whose allocator doesn't count."""
    if not device.startswith("gpu"):
        return None
    try:
        return int(tf.config.experimental.get_memory_info(device.upper())["peak"])
    except ValueError:  # an allocator without statistics
        return None


def require_device(*devices: str) -> None:
    """Raises DeviceError, naming those that are missing, unless TensorFlow has the devices (cpu:0, gpu:0)."""
    names = [":".join(found.name.split(":")[1:]).lower() for found in tf.config.list_logical_devices()]
    missing = " and no ".join(repr(device) for device in devices if device not in names)
    if missing:
        raise DeviceError(f"there is no device {missing}; TensorFlow {tf.__version__} sees {', '.join(names)}")


def wait(device: str) -> None:
    """Blocks until the device has done all that was asked of it. A CPU has, when a call returns."""
    if not device.startswith("cpu"):
        tf.test.experimental.sync_devices()


def relocate(variables: Iterable[Any]) -> None:
    """Moves variables, TensorFlow's or Keras', unchanged to other memory: a step's speed depends on where they lie."""
    for variable in variables:
        variable.assign(np.array(variable.numpy()))


def retraces(function: Any) -> int:
    """Returns how often a tf.function was traced beyond the first time."""
    return max(int(function.experimental_get_tracing_count()) - 1, 0)


def traces_of(model: Any, step: str) -> Callable[[], int]:
    """Returns a function that tells how often a Keras model's `train_step` or `predict_step` was traced since.

    Unless it runs eagerly, Python comes there while a graph is traced, whatever function Keras makes of it.
    """
    original, traces = getattr(model, step), 0

    def counted(data: Any) -> Any:
        nonlocal traces
        traces += 1
        return original(data)

    setattr(model, step, counted)
    return lambda: traces


def operations(graph: tf.Graph) -> dict[str, int]:
    """Counts a graph's operations by type, those of its function library included."""
    plain = graph.as_graph_def()
    parts = (plain.node, *(function.node_def for function in plain.library.function))
    return dict(sorted(Counter(node.op for nodes in parts for node in nodes).items()))
