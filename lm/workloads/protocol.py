"""The interface of a workload: what is built, what is timed, what is compared. docs/workloads.md tells it on a page."""

import dataclasses
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from lm.arrays import Array
from lm.config import Config, LaunchPlan
from lm.data.corpus import Corpus

WEIGHT = "weight "  # begins the names of weights among the arrays that a model of one's own starts from
Answers = Mapping[str, Mapping[str, Array]]  # quantity, then tensor; a scalar's tensor is ""


# What a launch measures of work that has a graph of its own, and of work that has none: names of bench.judge.metrics.
TRACED: tuple[str, ...] = (
    "step time on one core", "step time", "peak memory", "memory growth", "retraces", "cpu time", "import", "build",
    "trace", "first step", "graph operations",
)  # fmt: skip
UNTRACED = tuple(name for name in TRACED if name not in ("retraces", "trace", "graph operations"))


class CompilationError(RuntimeError):
    """A graph that XLA can't compile."""


@dataclasses.dataclass(frozen=True)
class Opening:
    """The choices that a workload is opened with."""

    config: Config
    device: str = "cpu:0"
    jitter: int = 0  # stream that moves the initial weights in their last bit; 0: they are not moved
    implementation: str = ""  # of lm.models; "" of a workload that has its own model
    corpus: str = ""  # "" of a workload that reads none
    corpus_path: str | None = None


@dataclasses.dataclass(frozen=True)
class Definition:
    """The answers of a workload's own code to a case, where nobody else can say what is right."""

    start: Mapping[str, Array]  # the float32 weights and the batch that a run starts from, by name
    wide: Answers  # by float64
    narrow: tuple[Answers, ...]  # by float32: from the start, perhaps again, and from one that is off by its last bit
    differing: str  # the first array in which two runs from one start are unlike, "loss of step 0"; "" if none is
    reads: Mapping[str, Array] = dataclasses.field(default_factory=dict)  # of each row by a step; none is 1


class NotCopiedError(ValueError):
    """A start that a model can't take; the message names both, "weight dense/kernel", each with its shape."""

    def __init__(self, name: str, there: str, here: str) -> None:
        super().__init__(f"{name} is {there} in the reference and {here} in the candidate")
        self.again = f"{name} was {there} and is {here}"  # of a start that is the same file's


class NotRepeatedError(ValueError):
    """Two runs from one start differed; the message names the first array that did."""


class UnsteadyError(NotRepeatedError):
    """So did gradients, or losses of a step that tells gradients: by more than an order of summation explains."""


class Work:
    """A workload on TensorFlow, in one process. What a subclass leaves out has nothing to do.

    Opening it reads what it needs; then come `build`, `trace` and `start`, once each, and any number of units.
    lm.workloads.parts.on_device has the part of it that needs TensorFlow.
    """

    config: Config
    device: str  # cpu:0, gpu:0
    fingerprint: str  # 16 hexadecimal digits of all that is computed: equal ones are comparable
    tokens: int = 0  # predictions of a unit, on average, which make words a second; 0 if it makes none

    def build(self) -> None:
        """Builds the model. Timed as "build"."""

    def trace(self) -> None:
        """Traces what is a graph, so that the first unit needn't. Timed as "trace"."""

    def start(self) -> None:
        """Puts everything where the first unit starts from."""

    def prepare(self, unit: int) -> Any:
        """Returns what a unit reads, outside the timed region. Units are numbered from 0."""
        return unit

    def do(self, prepared: Any) -> float:
        """Does one unit, inside the timed region; returns a number that it computed, NaN or Inf if it is wrong."""
        raise NotImplementedError

    def wait(self) -> None:
        """Blocks until the device has done all that was asked of it."""

    def relocate(self) -> None:
        """Moves the weights, unchanged, to other memory, since a unit's speed depends on where they lie."""

    @property
    def retraces(self) -> int:
        """Returns how often a graph was traced beyond the first time."""
        return 0

    def graph_operations(self) -> dict[str, int]:
        """Counts the operations of a unit's graph by type; none if it has no graph of its own."""
        return {}


class Refused(Exception):  # a finding, not an error of the process
    """A file that can't be written or read; the message says by whom it was written, and what was raised."""


class Training(Work):
    """Work whose units are training steps on a corpus: the oracle takes them as well, one by one."""

    trainer: Any  # a lm.training.trainer.Trainer
    corpus: Corpus


class Answering(Work):
    """Work that answers cases, which the oracle answers as well."""

    def answers(self, case: str) -> Mapping[str, Mapping[str, Any]]:
        """Returns what TensorFlow computes of a case, from the start: arrays or tensors, named as in `expected`."""
        raise NotImplementedError

    def promised(self, case: str) -> bool:
        """Returns whether the versions promise that a case can be answered."""
        return True


class ReadingFiles(Answering):
    """Work some of whose cases read files that another process of the same workload has written."""

    given: Path  # the folder that the other process wrote to; set before the first answer

    def write_files(self, folder: Path) -> None:
        """Writes the files that another process is to read, into an empty folder."""
        raise NotImplementedError


class Copying(Answering):
    """Work whose answers start from another side's weights and batch."""

    def copy(self, start: Mapping[str, Array]) -> None:
        """Takes what the first case starts from. `answers` raises NotCopiedError, NotRepeatedError."""
        raise NotImplementedError


class Workload(Protocol):
    """One thing that people run. Each file of lm/workloads has a class of that name, which inherits this one."""

    # The class of lm.workloads.parts that does the work, "fit_work:Work": made of (workload, opening).
    work: str
    # By the names of bench.judge.metrics; none: all but those OF_SOME. "retraces" only where a gate allows none.
    metrics: tuple[str, ...]
    # The configurations that it runs in, and the division of their launches.
    plans: Mapping[str, LaunchPlan]
    # Names of what is compared with `expected`; none: it is Training, compared step by step.
    cases: tuple[str, ...]
    cap: float | None = None  # the largest limit of an answer's error; None: float32's own
    memory_gib: int = 0  # without which it isn't begun
    variables: Mapping[str, str] = {}  # of the environment, which both sides' processes get

    @property
    def name(self) -> str:
        """Returns its file's name: "predict-call" of predict_call."""
        return type(self).__module__.rpartition(".")[2].replace("_", "-")

    @property
    def fingerprint(self) -> str:
        """Returns that of a user's own file; "" of the others."""
        return ""

    def answered(self, device: str) -> Sequence[str]:
        """Returns the cases that are answered on a device."""
        return self.cases

    def open(self, opening: Opening) -> Work:
        """Imports the work, and TensorFlow with it, and reads what it needs.

        Raises ConfigError, CorpusError, DeviceError.
        """
        opened: Work = pkgutil.resolve_name(f"lm.workloads.parts.{self.work}")(self, opening)
        return opened

    def expected(self, opening: Opening, case: str, kind: type[np.floating[Any]]) -> Answers:
        """Returns a case's answers by their definition in NumPy, computed in float64 or float32."""
        raise NotImplementedError(f"{self.name} has no cases that NumPy defines")

    def file_bytes(self, config: Config) -> int:
        """Returns what the files of ReadingFiles take at most; 0 without any."""
        return 0


@runtime_checkable
class Defining(Workload, Protocol):
    """A workload that NumPy can't define: the reference's process runs the same code in float64.

    Its cases are starts near each other; an answer counts in the case in which its error is smallest.
    """

    def define(self, opening: Opening) -> Iterator[Definition]:
        """Computes case after case in float32 and in float64. Needs TensorFlow. Raises whatever the code does."""
