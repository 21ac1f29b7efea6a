"""TensorFlow's profiler: records steps and reads what it wrote."""

import contextlib
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

WINDOW = "tfgate_step"  # name of the event around a step
RESULTS = re.compile(r"\n\s*(?:Returns|Output Type|Captures):")  # in a printed signature, after the arguments
EXPENSIVE = 2  # host tracer level: operations that TensorFlow doesn't call inexpensive


class ProfilerError(RuntimeError):
    """A TensorFlow that can't be profiled, or a profile that holds nothing."""


@contextlib.contextmanager
def recording(folder: Path) -> Iterator[None]:
    """Profiles the block; the trace goes below `folder`. Raises ProfilerError where TensorFlow has no profiler."""
    try:
        profiler = tf.profiler.experimental
        profiler.start(str(folder), profiler.ProfilerOptions(host_tracer_level=EXPENSIVE, python_tracer_level=0))
    except (AttributeError, ImportError, tf.errors.OpError) as error:
        raise ProfilerError(
            f"TensorFlow {tf.__version__} has no profiler that works: {error}; use a build that has one"
        ) from error
    try:
        yield
    finally:
        profiler.stop()


def step_window(number: int) -> contextlib.AbstractContextManager[None]:
    """Returns a context manager that marks a step in the trace."""
    window: contextlib.AbstractContextManager[None] = tf.profiler.experimental.Trace(WINDOW, step_num=number, _r=1)
    return window


def recorded_file(folder: Path) -> Path:
    """Returns the trace that was written below a folder. Raises ProfilerError if there is none."""
    found = sorted(folder.rglob("*.xplane.pb"))
    if not found:
        raise ProfilerError(
            f"TensorFlow {tf.__version__} wrote no trace: free some space in {folder}, or use a build that profiles"
        )
    return found[-1]


def read_xspace(path: Path) -> Any:
    """Reads the trace as an XSpace protobuf. Raises ProfilerError for a TensorFlow that can't read its own trace."""
    try:
        from tensorflow.tsl.profiler.protobuf import xplane_pb2  # the copy under tensorflow.core went in 2.20
    except ImportError as error:
        raise ProfilerError(f"TensorFlow {tf.__version__} has no reader of its traces: {error}") from error
    return xplane_pb2.XSpace.FromString(path.read_bytes())


@contextlib.contextmanager
def retracing_messages() -> Iterator[list[str]]:
    """Collects what TensorFlow logs about retracing in the block."""
    messages: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "retracing" in record.getMessage():
                messages.append(record.getMessage())

    listener = Listener()
    tf.get_logger().addHandler(listener)
    try:
        yield messages
    finally:
        tf.get_logger().removeHandler(listener)


def signatures(function: tf.types.experimental.GenericFunction) -> tuple[str, ...]:
    """Returns the signature of each trace of a tf.function, as TensorFlow prints it: two traces differ there."""
    parts = function.pretty_printed_concrete_signatures().split("\n\n")
    return tuple(" ".join(RESULTS.split(part)[0].split()) for part in parts if part.strip())
