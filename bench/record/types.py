"""The records of launches, runs and baselines.

Frozen; each type is written as JSON by bench.record.codec. Units stand in the names. Losses are costs of a step: the
sum over time of the batch mean of the cross-entropy, in nats.
"""

import dataclasses
import hashlib
import math

from bench.record.codec import Amount, Count, Finite

# 5: an error's source and case are fields of their own; `others_cpu` of a pair, which was `disturbed`.
# 4: launches on one core, and a run's time budget; an error of the numbers stands for all steps that were checked.
# 3: numbers in verdicts; `incomplete` apart from warnings; lockstep differences by quantity and tensor.
# 2: without yardstick; baselines hold words/s in the place of sessions; gates and micro reports are kept.
# 1: the first.
SCHEMA = 5

# Kinds of a Failure that decide something. NO_TENSORFLOW: there was nothing to measure, or not as asked, so nothing can
# be said of it. UNCOMPILED: XLA can't compile the graph. OWN_CODE: a user's own file raised, or returned what can't be
# used. NO_ORACLE: a process failed that says what is right, so nothing can be said of what was to be compared with it.
# NO_ROOM: the disk was full, which is the machine's.
NO_TENSORFLOW, DIVERGED, HUNG, UNCOMPILED = "no TensorFlow", "diverged", "hung", "does not compile"
OWN_CODE, NO_ORACLE, NO_ROOM = "own code", "no oracle", "no room"
THE_MACHINE_S = (NO_ORACLE, NO_ROOM)
NOT_THE_CANDIDATE_S = (NO_TENSORFLOW, *THE_MACHINE_S)  # failures that say nothing of a candidate
# Sources of a NumericError. STEP: a step of training, or the pass of evaluation after the last. REPEAT: the weights and
# the state that the same steps leave in another process. STRESS: a stress step. CASE: an answer to a workload's case.
# OWN: an answer of a user's own model.
STEP, REPEAT, STRESS, CASE, OWN = "step", "repeat", "stress", "case", "own"
# Why numbers of a user's own model were not compared (Unchecked).
NO_REFERENCE, NO_FLOAT64 = "no reference", "no float64"
NOT_REPEATED, NOT_COPIED, LEFT_OPEN = "not repeated", "not copied", "left open"
NOT_REBUILT, NOT_FINITE = "not rebuilt", "not finite"
UNSTEADY = "unsteady"  # not repeated, by a step that tells gradients and that the reference's process repeated
UNMOVED = "unmoved"  # all updates are zero: these alone were not compared
DEFAULT_WORKLOAD = "train"  # of commands that name none, and of records from before there were others
FITTED_LOSS, STEP_TIME_GROWTH = "fitted loss", "step time growth"
OF_SOME = (FITTED_LOSS, STEP_TIME_GROWTH)  # metrics of the workloads that name them, and of no other
CAP = 5e-5  # the largest limit of an error against the oracle: docs/numerics.md has the measurements that chose it
# What other processes may have in a launch: a part of the machine's CPU time, and no more than so many CPUs, since an
# operation on all waits for the slowest. A launch that lost one of two cores ran its steps at half their speed.
OTHERS_LIMIT, OTHERS_CPUS = 0.05, 0.5


@dataclasses.dataclass(frozen=True)
class Machine:
    """The hardware that a measurement holds for, without its clock and load of the moment."""

    cpu_model: str
    cores: Count  # that this process may use
    isa: str  # architecture and the widest vector extension
    memory_gib: Count
    gpu: str = ""  # "" without one
    gpu_driver: str = ""

    def fingerprint(self) -> str:
        """Returns twelve hexadecimal digits: absolute speeds are compared only between equal ones."""
        return hashlib.sha256(repr(dataclasses.astuple(self)).encode()).hexdigest()[:12]


@dataclasses.dataclass(frozen=True)
class Environment:
    """The software that was measured."""

    python: str
    tensorflow: str
    distribution: str  # the package that TensorFlow came from: tensorflow, tensorflow-cpu, …
    keras: str
    numpy: str
    onednn: bool
    threads: Count  # intra-op threads of TensorFlow
    variables: dict[str, str]  # environment variables that bear on TensorFlow or its memory, those that were set
    affinity: tuple[int, ...] = ()  # CPUs that the process may run on, sorted; none where it isn't known
    # TensorFlow's default, on a GPU alone of consequence; steps checked against the oracle are in float32.
    tensor_float_32: bool | None = None


@dataclasses.dataclass(frozen=True)
class Subject:
    """The thing that was measured: equal subjects are comparable."""

    config: str
    corpus: str  # "" of a workload that reads none
    implementation: str  # "" of a workload that has its own model
    device: str
    # Config.fingerprint: configuration, corpus, initial weights; of a user's own file the first digits of its SHA-256;
    # "" if a launch failed before that.
    fingerprint: str
    steps: Count  # training steps of a launch, or other units of work
    num_steps: Count  # time steps of a batch
    tokens_per_step: Count  # batch × time steps; 0 of a unit that predicts nothing
    workload: str = DEFAULT_WORKLOAD  # a user's own: its file's name, mine.py
    metrics: tuple[str, ...] = ()  # that apply, by name; none: all but those OF_SOME

    @property
    def name(self) -> str:
        """Returns the subject's name for files and tables: notebook-synthetic-cells-cpu0, predict-notebook-cpu0."""
        workload = "" if self.workload == DEFAULT_WORKLOAD else self.workload.removesuffix(".py")
        parts = (workload, self.config, self.corpus, self.implementation, self.device.replace(":", ""))
        return "-".join(filter(None, parts))

    @property
    def own(self) -> bool:
        """Tells whether it is a user's own model."""
        return self.workload.endswith(".py")

    def tells(self, metric: str) -> bool:
        """Returns whether a metric applies to it."""
        return metric in self.metrics if self.metrics else metric not in OF_SOME


@dataclasses.dataclass(frozen=True)
class Startup:
    """Seconds from the start of a process to its first trained step, part by part."""

    import_seconds: Amount
    build_seconds: Amount
    trace_seconds: Amount
    first_step_seconds: Amount

    @property
    def seconds(self) -> float:
        """Returns the sum of the parts."""
        return math.fsum(vars(self).values())


@dataclasses.dataclass(frozen=True)
class Memory:
    """Resident memory of a launch, its growth (bench.drive.measured.memory_growth), and the peak of a GPU's memory."""

    peak_rss_bytes: Count
    slope_bytes_per_step: Finite
    steps: tuple[Count, ...] = ()  # taken when memory was read: after each block
    rss_bytes: tuple[Count, ...] = ()  # resident memory then
    file_rss_bytes: Count = 0  # what files backed of it at the end: libraries
    peak_gpu_bytes: Count | None = None  # most of the GPU's memory that tensors held at once; None on a CPU

    @property
    def peak_anonymous_bytes(self) -> int:
        """Returns the peak without what files back."""
        return self.peak_rss_bytes - self.file_rss_bytes


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """A pass over validation batches after the last step."""

    perplexity: float
    tokens: Count
    seconds: Amount
    weights_changed: bool


@dataclasses.dataclass(frozen=True)
class NumericError:
    """The distance of one tensor at one step from the oracle's, normwise and relative.

    It stands for all steps that were checked: it is the one nearest to its limit of all tensors of its quantity, or the
    tensor's first that is over its limit.
    """

    step: Count  # global, from 0; stress steps count on after the last of training; of an answer its case's number
    quantity: str  # logits, loss, norm, gradient, clipped, update, state, …; "" of REPEAT
    tensor: str
    error: float
    limit: float  # infinite for a file that no version promises to read: it decides nothing
    steps: Count = 1  # at which the quantity was checked
    refused: str = ""  # of a file that can't be read: by whom it was written, and the message; its error is infinite
    # Of an answer over its limit: a sketch of its relative distance from the oracle (bench.measure.numerics.sketched).
    # Two sketches are as far apart as the answers.
    departure: tuple[Finite, ...] = ()
    source: str = STEP  # or another of the constants above
    case: str = ""  # its name, of STRESS and CASE

    @property
    def is_answer(self) -> bool:
        """Tells whether it is of a workload's case, or of a user's own model; else of training steps."""
        return self.source in (CASE, OWN)

    @property
    def compared(self) -> tuple[str, str, str]:
        """Returns what was compared in it, of which `tensor` is one."""
        return self.source, self.case, self.quantity

    @property
    def label(self) -> str:
        """Returns the same as people read it: "gradient", "stress NaN: gradient", "answer ragged: gradient"."""
        found = quantity_label(*self.compared)
        return f"answer {found}" if self.is_answer else found

    @property
    def decides(self) -> bool:
        """Tells whether the error has a limit."""
        return self.limit != math.inf

    @property
    def within(self) -> bool:
        """Returns whether the error is at most its limit; a NaN is not."""
        return self.error <= self.limit

    @property
    def used(self) -> float:
        """Returns the error as a multiple of its limit; infinity for a NaN, or where nothing is allowed."""
        if self.within:
            return self.error / self.limit if 0 < self.limit < math.inf else 0.0
        return self.error / self.limit if self.error > self.limit > 0 else math.inf


def disturbs(others_cpu: float, cores: int) -> bool:
    """Tells whether other processes' part of the CPU time of so many cores is more than a launch may lose."""
    return others_cpu > OTHERS_LIMIT or others_cpu * cores > OTHERS_CPUS


def quantity_label(source: str, case: str, quantity: str) -> str:
    """Returns a quantity as people read it, with its case: "gradient", "stress NaN: gradient", "ragged: gradient"."""
    begins = {REPEAT: "repeat", STRESS: f"stress {case}: ", CASE: f"{case}: "}
    return begins.get(source, "") + quantity


@dataclasses.dataclass(frozen=True)
class Failure:
    """The reason why a launch did not finish."""

    # crashed, exception, no TensorFlow, hung, garbage, diverged, does not compile, own code, no oracle; of a
    # micro-benchmark: failed
    kind: str
    message: str
    stderr_tail: str = ""


@dataclasses.dataclass(frozen=True)
class Unchecked:
    """The reason why numbers of a user's own model were not compared."""

    why: str  # one of the constants above
    detail: str  # what failed, differs or is left open


@dataclasses.dataclass(frozen=True)
class Record:
    """The measurements of one launch, a fresh process."""

    subject: Subject
    environment: Environment | None  # None: the launch failed before TensorFlow was imported
    machine: Machine
    launch: Count
    jitter: Count  # stream that moved the initial weights in their last bit; 0: they were not moved
    started: str  # ISO 8601, UTC
    losses: tuple[float, ...]  # by step
    step_seconds: tuple[Amount, ...]  # steady steps only: see bench.drive.measured
    startup: Startup | None
    evaluation: Evaluation | None
    memory: Memory | None  # of launches that ran no oracle
    retraces: Count
    graph_operations: dict[str, Count]
    numerics: tuple[NumericError, ...]
    failure: Failure | None = None
    unchecked: tuple[Unchecked, ...] = ()  # of a user's own model; all its numbers where `numerics` is empty
    others_cpu: Finite | None = None  # part of the machine's CPU time that other processes had; None if not known

    @property
    def tensorflow(self) -> str:
        """Returns the version of TensorFlow; "" if the launch failed before it was imported."""
        return self.environment.tensorflow if self.environment else ""

    @property
    def is_disturbed(self) -> bool:
        """Returns whether other processes had so much of the machine that the launch's speed is theirs, too."""
        return disturbs(self.others_cpu or 0.0, self.machine.cores)


@dataclasses.dataclass(frozen=True)
class Run:
    """The records of one command."""

    schema: int
    created: str  # ISO 8601, UTC
    command: tuple[str, ...]
    records: tuple[Record, ...]
    warnings: tuple[str, ...]
    incomplete: str = ""  # why launches are missing, so that it is no whole measurement; "" where none is


@dataclasses.dataclass(frozen=True)
class Replica:
    """One training that a perplexity baseline rests on."""

    environment: Environment
    jitter: Count
    losses: tuple[Finite, ...]


@dataclasses.dataclass(frozen=True)
class Throughput:
    """Words a second of one run on one machine: context for a reader, a gate only on a machine that is known to be the
    same.
    """

    created: str  # ISO 8601, UTC: of the run
    machine: Machine
    tensorflow: str
    threads: Count
    in_turn: bool  # measured in blocks, in turn with a reference's process; otherwise in a process that ran alone
    words_per_second: tuple[Amount, ...]  # by launch


@dataclasses.dataclass(frozen=True)
class Baseline:
    """An accepted summary of runs, reviewed and committed."""

    schema: int
    created: str
    reason: str
    command: tuple[str, ...]
    subject: Subject
    replicas: tuple[Replica, ...]
    throughput: tuple[Throughput, ...]
