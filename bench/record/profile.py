"""The record of a profile: the time of a few steps as TensorFlow's profiler saw it, and of the same steps without it.

Times of a trace are nanoseconds on its own clock, whose zero is the start of the first profiled step.
"""

import dataclasses
import re

from bench.record.types import Environment, Machine, Subject

CALL_MARK = "tfgate: one call"  # on standard output, before what oneDNN says of a target's call
# What a function that was inlined puts in front of a name: rnn/while/body/_17/ before rnn/while/lstm_cell/MatMul.
INLINED = re.compile(r".*/_\d+/")
TARGETS = ("forward", "gradient", "clip", "step")  # what can be profiled; lm.hot_paths.paths makes each


@dataclasses.dataclass(frozen=True)
class Operation:
    """Something that a trace has events of: a TensorFlow operation, or what the runtime and Python do around them."""

    name: str  # with its scope: dense/MatMul
    kind: str  # the operation's type: MatMul; "" for what is no operation
    flops: int = 0  # of the matrix product in one call; 0: none, or not known


@dataclasses.dataclass(frozen=True)
class Line:
    """The events of one thread of the host, or of one stream of a device. Event i is that of operations[i]."""

    name: str
    device: bool  # a device's stream, not a thread
    python: bool  # the thread that calls the steps
    operations: tuple[int, ...]  # places in Trace.operations
    starts_ns: tuple[int, ...]
    durations_ns: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class PeakMemory:
    """The memory that an allocator held when it held most during the profiled steps, as far as TensorFlow tells."""

    allocator: str
    bytes: int
    by_operation: dict[str, int]  # bytes of what was allocated after the trace's start; the rest was there before


@dataclasses.dataclass(frozen=True)
class Trace:
    """The events of consecutive steps."""

    operations: tuple[Operation, ...]
    lines: tuple[Line, ...]
    windows_ns: tuple[tuple[int, ...], ...]  # (start, end) of each step
    memory: tuple[PeakMemory, ...]


def flaw(trace: Trace) -> str:
    """Returns what makes a trace useless, for a message; "" for one that can be read."""
    if not trace.windows_ns:
        return "it holds no steps"
    if any(len(window) != 2 or window[0] >= window[1] for window in trace.windows_ns):
        return "a step ends before it starts"
    for line in trace.lines:
        if not len(line.operations) == len(line.starts_ns) == len(line.durations_ns):
            return f"line {line.name!r} has events without a time"
        if not set(line.operations) <= set(range(len(trace.operations))):
            return f"line {line.name!r} has events of operations that are not there"
    return "" if trace.lines else "it holds nothing of what happened in its steps"


@dataclasses.dataclass(frozen=True)
class Traces:
    """The traces of the target by tf.function, and the reasons for tracing again."""

    count: int
    signatures: tuple[str, ...]  # of each trace, as TensorFlow prints it
    messages: tuple[str, ...]  # what TensorFlow logged about retracing


@dataclasses.dataclass(frozen=True)
class Dump:
    """The target's program: what TensorFlow was given, and what XLA would be given."""

    graph: str  # GraphDef, as protobuf text
    nodes: str  # the same, a line a node
    hlo: str  # "" where XLA can't have it
    hlo_problem: str  # why not


@dataclasses.dataclass(frozen=True)
class Profiled:
    """A worker's answer."""

    trace: Trace
    # Wall time of each step without the profiler: the first half before it was started, the others after.
    plain_seconds: tuple[float, ...]
    profiled_seconds: tuple[float, ...]  # wall time of each step under it
    traces: Traces
    dump: Dump
    matmul_flops_per_second: float  # of a large float32 matrix product on this device: the roofline


@dataclasses.dataclass(frozen=True)
class Profile:
    """One target in one environment, as it is kept. The dump and the raw trace lie next to it in files of their own."""

    schema: int
    created: str  # ISO 8601, UTC
    command: tuple[str, ...]
    subject: Subject
    target: str  # one of TARGETS
    environment: Environment
    machine: Machine
    trace: Trace
    plain_seconds: tuple[float, ...]
    profiled_seconds: tuple[float, ...]
    traces: Traces
    hlo_problem: str
    matmul_flops_per_second: float

    @property
    def name(self) -> str:
        """Returns the profile's name for tables and files: step-tiny-synthetic-cells-cpu0-tf2.21.0."""
        return f"{self.target}-{self.subject.name}-tf{self.environment.tensorflow}"
