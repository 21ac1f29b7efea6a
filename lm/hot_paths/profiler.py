"""TensorFlow's profiler: records steps and reads what it wrote."""

import contextlib
import logging
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

WINDOW = "tfgate_step"  # name of the event around a step
RESULTS = re.compile(r"\n\s*(?:Returns|Output Type|Captures):")  # in a printed signature, after the arguments
EXPENSIVE, ALL = 2, 3  # host tracer levels: operations that TensorFlow doesn't call inexpensive, and all of them
PROBE = "tfgate_inexpensive"  # name of an operation that only the latter records


class ProfilerError(RuntimeError):
    """A TensorFlow that can't be profiled, or a profile that holds nothing."""


@contextlib.contextmanager
def recording(folder: Path, *, detailed: bool) -> Iterator[None]:
    """Profiles the block; the trace goes below `folder`.

    Raises ProfilerError where TensorFlow has no profiler, or none that takes `detailed`, all operations.
    """
    if detailed and not records_all():
        raise ProfilerError(f"TensorFlow {tf.__version__} ignores the options of its profiler: leave out --detail")
    with _recording(folder, ALL if detailed else EXPENSIVE):
        yield


@contextlib.contextmanager
def _recording(folder: Path, level: int) -> Iterator[None]:
    try:
        profiler = tf.profiler.experimental
        profiler.start(str(folder), profiler.ProfilerOptions(host_tracer_level=level, python_tracer_level=0))
    except (AttributeError, ImportError, tf.errors.OpError) as error:
        raise ProfilerError(
            f"TensorFlow {tf.__version__} has no profiler that works: {error}; use a build that has one"
        ) from error
    try:
        yield
    finally:
        profiler.stop()


def records_all() -> bool:
    """Tells whether the profiler records inexpensive operations where it is asked to: 2.20 and 2.21 ignore it."""
    probe = tf.function(lambda x: tf.reshape(x, [-1], name=PROBE), autograph=False)
    values = tf.zeros((2, 2))
    probe(values)
    with tempfile.TemporaryDirectory() as folder:
        with _recording(Path(folder), ALL):
            probe(values)
        return PROBE.encode() in recorded_file(Path(folder)).read_bytes()


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
