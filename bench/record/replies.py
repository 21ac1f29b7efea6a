"""The answers of a worker to its requests: see bench.measure.worker for the protocol."""

import dataclasses

from bench.record.types import Environment, Machine, NumericError, Subject


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
    seconds: tuple[
        float, ...
    ]  # wall time of each step, from handing the batch over to having its loss; of the last, to its update
    cpu_seconds: tuple[float, ...]  # CPU time of each step, all threads of the process
    unsettled: tuple[int, ...]  # positions of steps whose time isn't a steady step's: those next to an oracle check
    numerics: tuple[NumericError, ...]
    rss_bytes: int


@dataclasses.dataclass(frozen=True)
class Finished:
    """The facts that are known at the end."""

    peak_rss_bytes: int
    file_rss_bytes: int
    retraces: int
    graph_operations: dict[str, int]
    peak_gpu_bytes: int | None = None
