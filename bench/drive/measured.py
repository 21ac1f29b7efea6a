"""The measurements of one process, gathered block by block, and the record made of them: after a failure, too."""

import contextlib
import dataclasses
import hashlib
import itertools
import math
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.drive.plan import Plan
from bench.drive.process import WorkerError, changed
from bench.machine import this_machine
from bench.record.replies import Block, Description, Finished, Opened, Published
from bench.record.types import (
    DIVERGED,
    Evaluation,
    Failure,
    Memory,
    NumericError,
    Record,
    Startup,
    Subject,
    Unchecked,
)

TRIMMED = 0.2  # of the blocks at either end, where one jump must not count as growth


@dataclasses.dataclass
class Measured:
    """Filled as replies come in; what hasn't come is None, NaN or empty."""

    description: Description | None = None
    opened: Opened | None = None
    losses: list[float] = dataclasses.field(default_factory=list)
    first_step_seconds: float = math.nan
    step_seconds: list[float] = dataclasses.field(default_factory=list)
    numerics: list[NumericError] = dataclasses.field(default_factory=list)
    rss: list[tuple[int, int]] = dataclasses.field(default_factory=list)  # (steps taken, bytes) after each block
    evaluation: Evaluation | None = None
    finished: Finished | None = None
    unchecked: list[Unchecked] = dataclasses.field(default_factory=list)
    failure: Failure | None = None

    @contextlib.contextmanager
    def failing(self) -> Iterator[None]:
        """Notes how the process fails in the block, which ends there."""
        try:
            yield
        except WorkerError as error:
            self.failure = error.failure

    def add(self, block: Block, dropped: int) -> None:
        """Takes in a block of training steps.

        Its first `dropped` ones aren't steady. A loss that isn't finite fails.
        """
        self._add(block.losses, block.seconds)
        self.rss.append((len(self.losses), block.rss_bytes))
        self.step_seconds.extend(block.seconds[dropped:])

    def add_step(self, step: Published) -> None:
        """Takes in a step that is compared with the oracle, in a process whose times are not those of users."""
        self._add((step.loss,), (step.seconds,))

    def _add(self, losses: Sequence[float], seconds: Sequence[float]) -> None:
        if not self.losses:
            self.first_step_seconds = seconds[0]
        self.losses.extend(losses)
        if not math.isfinite(losses[-1]):
            step = len(self.losses) - 1
            self.failure = Failure(DIVERGED, f"training diverged: the loss is {losses[-1]} at step {step}")

    def record(self, plan: Plan, launch: int, jitter: int, started: str) -> Record:
        """Returns the launch's record.

        A launch that was compared with the oracle has no memory; neither it nor an untimed launch has step times.
        Raises WorkerError where a user's own file is no longer what it was when the command began.
        """
        opened = self.opened
        if opened and plan.fingerprint not in ("", opened.subject.fingerprint):
            raise changed(plan.workload_name)
        if plan.own and (self.numerics or self.unchecked) and _was_edited(plan):  # both sides' processes ran it since
            raise changed(plan.workload_name)
        unopened = (plan.config, plan.corpus, plan.implementation, plan.device, "", plan.steps, 0, 0)
        return Record(
            subject=opened.subject if opened else Subject(*unopened, plan.workload_name),
            environment=self.description.environment if self.description else None,
            machine=self.description.machine if self.description else this_machine(),
            launch=launch,
            jitter=jitter,
            started=started,
            losses=tuple(self.losses),
            step_seconds=tuple(self.step_seconds) if plan.speed else (),
            startup=self._startup(),
            evaluation=self.evaluation,
            memory=self._memory(),
            retraces=self.finished.retraces if self.finished else 0,
            graph_operations=self.finished.graph_operations if self.finished else {},
            numerics=tuple(self.numerics),
            failure=self.failure,
            unchecked=tuple(self.unchecked),
        )

    def _startup(self) -> Startup | None:
        description, opened = self.description, self.opened
        if not (description and opened and self.losses):
            return None
        return Startup(description.import_seconds, opened.build_seconds, opened.trace_seconds, self.first_step_seconds)

    def _memory(self) -> Memory | None:
        finished = self.finished
        if not finished or self.numerics or self.unchecked:
            return None
        steps, sizes = zip(*self.rss, strict=True) if self.rss else ((), ())
        if 0 in sizes:  # as without /proc: it would have grown by 0 on both sides
            return None
        growth = memory_growth(self.rss)
        return Memory(finished.peak_rss_bytes, growth, steps, sizes, finished.file_rss_bytes, finished.peak_gpu_bytes)


def _was_edited(plan: Plan) -> bool:
    """Tells whether a user's own file is another one by now. Its fingerprint is the beginning of its SHA-256."""
    try:
        digest = hashlib.sha256(Path(plan.workload).read_bytes()).hexdigest()
    except OSError:
        return True
    return not digest.startswith(plan.fingerprint)


def memory_growth(rss: list[tuple[int, int]]) -> float:
    """Returns the bytes a step by which resident memory grows: the 20% trimmed mean over blocks, the first quarter of
    them left out.

    `rss` holds (steps taken, bytes) after each block. The first blocks fill pools, and later a pool still grows by
    megabytes at once now and then: one such jump is no leak, which shows in most blocks. 0 for fewer than two readings.
    """
    settled = rss[len(rss) // 4 :]
    growth = sorted((size - before) / (steps - taken) for (taken, before), (steps, size) in itertools.pairwise(settled))
    cut = int(TRIMMED * len(growth))
    kept = growth[cut : len(growth) - cut]
    return statistics.fmean(kept) if kept else 0.0
