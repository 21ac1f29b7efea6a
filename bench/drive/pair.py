"""One launch of a paired comparison: a fresh process of each side, both alive, working in turn.

Whatever could favour a side is swapped: the order in a quad (ABBA, then BAAB), and from launch to launch the side that
is started first and takes the first block (a fixed start order raised a false alarm). What happens before the first
block, importing and tracing, both sides do at once, on the same cores. From then on the side that waits is stopped: a
thread of it that spins, or works in the background, would slow the other's steps as much as its own, and no ratio would
tell.

A launch is of one of two kinds: on all cores, as users run TensorFlow, or with one thread pinned to one core, where
launches usually deviate less. Both start on all cores; a one-core launch is pinned before its first step.

A process' speed depends on where its weights lie in memory, by 3 to 4% between processes that do the same: before each
block they are moved, so that a launch sees many places instead of one. Weights that fit in a core's cache (`tiny` on
one core) stay where they are: moving them only adds noise. On one core the pages in which the kernel holds TensorFlow's
libraries matter as well: two copies of one TensorFlow differed by up to 0.8%, in all launches of a run alike. So the
libraries are read anew before each such launch. docs/protocol.md has the measurements.
"""

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from bench.drive.cores import PinnedCore, keeping_to
from bench.drive.measured import Measured
from bench.drive.opening import started
from bench.drive.patience import Deadlines, Patience
from bench.drive.plan import EVALUATION_STEPS, Plan
from bench.drive.process import Worker
from bench.drive.watch import CpuWatch
from bench.machine import now
from bench.record.paired import ABBA, ALL_CORES, BAAB, CANDIDATE, LETTERS, ONE_CORE, REFERENCE, Pair, Quad, Side
from bench.record.replies import Block, Description, Finished, Opened
from bench.record.types import Evaluation, Failure
from lm.config import Blocks

T = TypeVar("T")

WARM_UP_STEPS = 3  # the first allocates and, on an accelerator, tunes; not timed
ORDERS = {REFERENCE: (ABBA, BAAB), CANDIDATE: (BAAB, ABBA)}  # of the quads, by the side that is first


@dataclasses.dataclass(frozen=True)
class PairPlan:
    """The plan of every launch of one kind of a paired comparison; `plan.steps` is the sum of its blocks."""

    plan: Plan
    blocks: Blocks
    pinned: PinnedCore | None = None  # None: launches on all cores
    moves: bool = True  # the weights, before each block
    reads_anew: bool = True  # on a pinned core: both sides' TensorFlow, before the launch

    @property
    def kind(self) -> str:
        """Returns the kind of the launches."""
        return ONE_CORE if self.pinned else ALL_CORES

    @classmethod
    def of(cls, plan: Plan, blocks: Blocks, pinned: PinnedCore | None = None, *, moves: bool = True) -> "PairPlan":
        """Returns the plan with as many steps as each side takes: the warm-up, then two blocks of each quad.

        On a pinned core TensorFlow has one thread.
        """
        steps = WARM_UP_STEPS + 2 * blocks.quads * blocks.steps
        threads = 1 if pinned else plan.threads
        return cls(dataclasses.replace(plan, steps=steps, threads=threads, speed=True), blocks, pinned, moves)


class _Half:
    """One side of a launch: its worker, and what it has brought so far, which outlives a failure midway."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.measured = Measured()

    def ask(self, operation: str, **arguments: Any) -> None:
        """Sends a request, unless the side has failed before."""
        if not self.measured.failure:
            with self.measured.failing():
                self.worker.send(operation, **arguments)

    def hear(self, kind: type[T] | None, operation: str, per: int = 1) -> T | None:
        """Returns the reply, or None once the side has failed."""
        if not self.measured.failure:
            with self.measured.failing():
                return self.worker.receive(kind, operation, per=per)
        return None

    def request(self, kind: type[T] | None, operation: str, per: int = 1, **arguments: Any) -> T | None:
        """Sends a request, and returns the reply."""
        self.ask(operation, **arguments)
        return self.hear(kind, operation, per)

    def block(self, operation: str, count: int, dropped: int) -> tuple[float, float]:
        """Returns the mean (wall, CPU) seconds of a block's steps that aren't dropped.

        They are NaN once the side has failed.
        """
        block = self.request(Block, operation, per=count, count=count)
        if block and operation == "steps":
            self.measured.add(block, dropped)
        if block is None or self.measured.failure:
            return math.nan, math.nan
        return _mean(block.seconds[dropped:]), _mean(block.cpu_seconds[dropped:])


@dataclasses.dataclass(frozen=True)
class _Launch:
    """Both sides of a launch."""

    pair_plan: PairPlan
    halves: Mapping[str, _Half]  # by role, in the order in which they were started
    orders: tuple[str, str]  # of the quads, by turns

    def open(self, jitter: int) -> None:
        """Has both sides import TensorFlow, build and trace at the same time."""
        plan = self.pair_plan.plan
        for role, description in self._at_once(Description, "describe", threads=plan.threads).items():
            self.halves[role].measured.description = description
        for role, opened in self._at_once(Opened, "open", **plan.opening(jitter)).items():
            self.halves[role].measured.opened = opened

    def _at_once(self, kind: type[T], operation: str, **arguments: Any) -> dict[str, T | None]:
        """Returns both sides' replies.

        The reference is heard first, whichever was asked first: its time is what the candidate's deadline follows from.
        """
        for half in self.halves.values():
            half.ask(operation, **arguments)
        return {role: self.halves[role].hear(kind, operation) for role in (REFERENCE, CANDIDATE)}

    def in_turn(self, on_quad: Callable[[int], None]) -> tuple[tuple[Quad, ...], tuple[Quad, ...]]:
        """Returns the quads of training and of evaluation steps."""
        blocks, halves = self.pair_plan.blocks, self.halves.values()
        for half in halves:
            half.block("steps", WARM_UP_STEPS, WARM_UP_STEPS)
        steps = self._quads("steps", blocks.quads, blocks.steps, on_quad)
        if blocks.evaluation_quads:
            for half in halves:
                half.measured.evaluation = half.request(Evaluation, "evaluate", max_steps=EVALUATION_STEPS)
        evaluations = self._quads("evaluation_steps", blocks.evaluation_quads, blocks.evaluation_steps)
        for half in halves:
            half.measured.finished = half.request(Finished, "finish")
        return steps, evaluations

    def refused(self, error: OSError) -> None:
        """Notes that this process could not keep to its CPUs: the launch has failed on both sides."""
        failure = Failure("exception", f"tfgate's own process can't be moved to other CPUs: {error.strerror}")
        for half in self.halves.values():
            half.measured.failure = half.measured.failure or failure

    def _quads(
        self, operation: str, count: int, steps: int, on_quad: Callable[[int], None] = lambda quads: None
    ) -> tuple[Quad, ...]:
        """Takes quads of blocks of so many steps until a side fails; returns those in which none has."""
        quads = []
        for number in range(count):
            if any(half.measured.failure for half in self.halves.values()):
                break
            order, timed = self.orders[number % 2], []
            for letter in order:
                half = self.halves[LETTERS[letter]]
                if self.pair_plan.moves:
                    half.request(None, "relocate")
                timed.append(half.block(operation, steps, self.pair_plan.blocks.dropped))
            quads.append(Quad(order, tuple(wall for wall, _ in timed), tuple(cpu for _, cpu in timed)))
            on_quad(number + 1)
        return tuple(quad for quad in quads if not any(map(math.isnan, quad.seconds)))


_imported: set[str] = set()  # interpreters, since this process began


def import_once(plan: Plan, sides: Mapping[str, Side], patience: Patience) -> None:
    """Has each side import TensorFlow, untimed, so that this process' first launch reads the files of both from memory.

    A side that fails here fails in its launch, too, which tells of it. Raises WorkerError where an interpreter can't be
    started.
    """
    for role in (REFERENCE, CANDIDATE):
        if sides[role].interpreter in _imported:
            continue
        _imported.add(sides[role].interpreter)
        with started(plan, sides[role], Deadlines(patience, role)) as worker:
            _Half(worker).request(Description, "describe", threads=plan.threads)


def measure_pair(
    pair_plan: PairPlan,
    launch: int,
    turn: int,
    jitter: int,
    sides: Mapping[str, Side],
    on_quad: Callable[[int], None] = lambda quads: None,
    patience: Patience | None = None,
) -> Pair:
    """Runs one launch of both sides from weights jittered alike; `on_quad` hears how many quads are done.

    `launch` is its number in the run, `turn` that among its kind, from 0, by which the sides' order is balanced.

    A failure is a field of its side's record. Once a side has failed the other finishes the phase at hand, which tells
    whether it can. Raises WorkerError where an interpreter can't be started, or a user's own file was changed.
    """
    plan, pinned, halves = pair_plan.plan, pair_plan.pinned, dict[str, _Half]()
    patience = patience or Patience()
    first, second = (REFERENCE, CANDIDATE) if turn % 4 in (0, 3) else (CANDIDATE, REFERENCE)
    created, watch, began = now(), CpuWatch(), time.monotonic()
    with contextlib.ExitStack() as stack:
        for role in (first, second):
            worker = started(plan, sides[role], Deadlines(patience, role), takes_turns=True)
            halves[role] = _Half(stack.enter_context(worker))
        both = _Launch(pair_plan, halves, ORDERS[first])
        if pinned and pair_plan.reads_anew:
            for half in halves.values():
                half.request(None, "read_anew")
        both.open(jitter)
        if pinned:
            for half in halves.values():
                half.request(None, "pin", core=pinned.core)
            stack.enter_context(keeping_to(pinned.others, both.refused))
        steps, evaluations = both.in_turn(on_quad)
    records = {role: half.measured.record(plan, launch, jitter, created) for role, half in halves.items()}
    return Pair(
        launch=launch,
        first=first,
        reference=records[REFERENCE],
        candidate=records[CANDIDATE],
        steps=steps,
        evaluations=evaluations,
        seconds=time.monotonic() - began,
        others_cpu=watch.others(),
        core=pinned.core if pinned else None,
    )


def _mean(values: tuple[float, ...]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
