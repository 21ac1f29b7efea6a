"""The answers of a worker to its requests: see bench.measure.worker for the protocol."""

import dataclasses

from bench.record.types import Environment, Machine, Subject, Unchecked


@dataclasses.dataclass(frozen=True)
class Raised:
    """An exception in the worker, sent in place of a reply."""

    type: str
    message: str
    traceback: str


@dataclasses.dataclass(frozen=True)
class Description:
    """The worker's environment and machine, and the time the import took."""

    environment: Environment
    machine: Machine
    import_seconds: float


@dataclasses.dataclass(frozen=True)
class Opened:
    """A model ready to train."""

    subject: Subject
    build_seconds: float
    trace_seconds: float


@dataclasses.dataclass(frozen=True)
class Block:
    """Consecutive training steps. A block ends early at a loss that isn't finite."""

    losses: tuple[float, ...]
    # Wall time of each step, from handing the batch over to having its loss; of the last, to its update.
    seconds: tuple[float, ...]
    cpu_seconds: tuple[float, ...]  # CPU time of each step, all threads of the process
    rss_bytes: int


@dataclasses.dataclass(frozen=True)
class Published:
    """A step that was taken, and whose results lie in the exchange (bench.measure.exchange)."""

    loss: float
    seconds: float  # wall time of the step alone, without what is copied for the comparison
    logits: bool = False  # whether they are among the results


@dataclasses.dataclass(frozen=True)
class StressCase:
    """A stress step that a worker is to take."""

    small: bool  # by a trainer of the small configuration that stress steps have; otherwise by the run's own
    evaluation: bool  # without training


@dataclasses.dataclass(frozen=True)
class Agenda:
    """The plan of a launch whose steps are compared."""

    bytes: int  # that the exchange takes
    oracle_steps: tuple[int, ...]  # steps of training that the oracle takes as well
    stress: tuple[StressCase, ...]
    repeated: int  # steps that another process takes again, from the first, without reading anything in between


@dataclasses.dataclass(frozen=True)
class Cases:
    """The plan of a launch whose answers to a workload's cases are compared."""

    bytes: int  # that the shared files take
    answers: dict[str, dict[str, dict[str, tuple[int, ...]]]]  # the shape of each, by case, quantity and tensor
    files: bool = False  # whether cases read files that another process writes
    unchecked: tuple[Unchecked, ...] = ()  # of a user's own model: all where there are no answers


@dataclasses.dataclass(frozen=True)
class Answered:
    """A case that was answered, or why not."""

    refused: str = ""  # the file that it is about: by whom it was written, and the message; "" where it was read
    promised: bool = True  # whether the versions promise that the case's file is read
    unchecked: tuple[Unchecked, ...] = ()  # of a user's own model: why it can't be compared


@dataclasses.dataclass(frozen=True)
class Finished:
    """The measurements that a worker makes at the end of a launch."""

    peak_rss_bytes: int
    file_rss_bytes: int
    retraces: int
    graph_operations: dict[str, int]
    peak_gpu_bytes: int | None = None
